"""Codes in families, the medications that diagnoses call for, and the effects of linked pairs."""

import dataclasses

import numpy as np

from mime_tf.simulate.frequencies import heavy_tail
from mime_tf.simulate.risk.single_codes import alternating

FAMILIES = {"dx": 6, "rx": 5}
RANK = 2  # of the families' effects
OWN_SHARE = 0.2  # share of the variance of a pair's effect that its families do not decide
PREFERENCE = 1.5  # standard deviation of the logarithm of a family's preference, where links carry information


@dataclasses.dataclass(frozen=True)
class RelatedWorld:
    """The codes that all patients share.

    Attributes:
        sizes: number of codes of each kind; `"pr"` has none.
        ranked: for `"dx"` and `"rx"`, int64 (codes,), the codes from the most to the least used.
        families: for `"dx"` and `"rx"`, int64 (codes,), the family of each code, from 0.
        ordered: float64 (6, num_rx), for each family of diagnoses the frequency of the medications ordered.
        family_effects: float64 (6, 5), the effects of links between families, of mean 0 in each row and each column by
            how often links occur, and of variance 1 - `OWN_SHARE`.
        pair_effects: float64 (num_dx, num_rx), the effect of each pair: its families' and its own.
        effects: for `"dx"` and `"rx"`, float64 (codes,), the effect of each code on the code score.
    """

    sizes: dict[str, int]
    ranked: dict[str, np.ndarray]
    families: dict[str, np.ndarray]
    ordered: np.ndarray
    family_effects: np.ndarray
    pair_effects: np.ndarray
    effects: dict[str, np.ndarray]

    def names(self) -> dict[tuple[str, int], str]:
        """Returns the name of each (kind, code)."""
        names = {}
        for kind, name in (("dx", "diagnosis"), ("rx", "medication")):
            for code, family in enumerate(self.families[kind].tolist()):
                names[kind, code] = f"{name} {code} (family {family})"
        return names


def make_world(sizes: dict[str, int], informative_links: bool, rng: np.random.Generator) -> RelatedWorld:
    """Draws the families and all effects.

    Args:
        sizes: number of codes of each kind, none of `"pr"`.
        informative_links: whether the family of a diagnosis decides which families of medications are ordered.
        rng: random generator.
    """
    ranked = {kind: rng.permutation(sizes[kind]) for kind in FAMILIES}
    families = {kind: rng.permutation(np.arange(sizes[kind]) % count) for kind, count in FAMILIES.items()}
    use = {kind: _by_code(heavy_tail(sizes[kind]), ranked[kind]) for kind in FAMILIES}
    preferences = rng.normal(0, PREFERENCE, (FAMILIES["dx"], FAMILIES["rx"]))  # drawn always: the rest stays the same
    ordered = use["rx"] * np.exp(informative_links * preferences)[:, families["rx"]]
    ordered /= ordered.sum(axis=1, keepdims=True)
    factors = {kind: rng.normal(size=(count, RANK)) for kind, count in FAMILIES.items()}
    links = use["dx"][:, None] * ordered[families["dx"]]  # share of each pair among all links
    family_links = np.zeros((FAMILIES["dx"], FAMILIES["rx"]))
    np.add.at(family_links, (families["dx"][:, None], families["rx"]), links)
    family_effects = centred(factors["dx"] @ factors["rx"].T, family_links)
    family_effects *= np.sqrt((1 - OWN_SHARE) / (family_links * family_effects**2).sum())
    own = centred(rng.normal(size=links.shape), links)
    own *= np.sqrt(OWN_SHARE / (links * own**2).sum())
    pair_effects = family_effects[families["dx"][:, None], families["rx"]] + own
    effects = {kind: _by_code(alternating(sizes[kind], rng), ranked[kind]) for kind in FAMILIES}
    return RelatedWorld(sizes, ranked, families, ordered, family_effects, pair_effects, effects)


def _by_code(values: np.ndarray, ranked: np.ndarray) -> np.ndarray:
    """Returns values of the most to the least used code in the order of the codes."""
    result = np.empty(len(ranked))
    result[ranked] = values
    return result


def centred(effects: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns effects less a number for each row and each column, such that all rows and columns have mean 0.

    So no code has an effect through its pairs on average, and nothing but the pair tells.

    Args:
        effects: float64 (rows, columns).
        weights: float64 (rows, columns), weights of the means.

    >>> centred(np.array([[1.0, 0.0], [0.0, 0.0]]), np.ones((2, 2))).tolist()
    [[0.25, -0.25], [-0.25, 0.25]]
    """
    for _ in range(50):  # rows, then columns, until both hold; once is enough where weights are products
        effects = effects - np.average(effects, axis=1, weights=weights)[:, None]
        effects = effects - np.average(effects, axis=0, weights=weights)
    return effects
