"""The world that all patients of a simulated cohort share: codes, the orders that diagnoses call for, and effects."""

import dataclasses
from collections.abc import Collection

import numpy as np

from mime_tf.simulate.frequencies import heavy_tail
from mime_tf.simulate.risk import pairs, single_codes
from mime_tf.simulate.risk.pairs import Pairs

CHRONIC_SHARE = 0.25  # of the diagnosis codes
RECURRENCE = 0.5  # share of the Dx-objects outside pairs that are a chronic condition of the patient
PREFERRED = {"rx": 5, "pr": 12}  # number of orders that a diagnosis calls for


@dataclasses.dataclass(frozen=True)
class World:
    """The codes that all patients share, and their roles.

    Attributes:
        sizes: number of codes of each kind, `"dx"`, `"rx"` and `"pr"`.
        pairs: the pairs of diagnoses and orders.
        chronic, acute: int64, the diagnoses outside pairs, the most frequent first.
        preferred: for `"rx"` and `"pr"`, int64 (num_dx, preferred codes), the orders that each diagnosis calls for, the
            most frequent first.
        use: for each kind, float64 (codes,), about how often each code is used outside pairs.
        effects: for each kind, float64 (codes,), the effect of each code on the code score; most are 0.
    """

    sizes: dict[str, int]
    pairs: Pairs
    chronic: np.ndarray
    acute: np.ndarray
    preferred: dict[str, np.ndarray]
    use: dict[str, np.ndarray]
    effects: dict[str, np.ndarray]

    def names(self) -> dict[tuple[str, int], str]:
        """Returns the name of each (kind, code)."""
        names = {("dx", code): f"acute diagnosis {code}" for code in self.acute.tolist()}
        names |= {("dx", code): f"chronic diagnosis {code}" for code in self.chronic.tolist()}
        for kind, name in (("rx", "medication"), ("pr", "procedure")):
            names |= {(kind, code): f"{name} {code}" for code in range(self.sizes[kind])}
        for index, pair in enumerate(pairs.NAMES):
            for code in self.pairs.dx[index].tolist():
                names["dx", code] = f"chronic diagnosis {code} (pair {pair})"
            for code in self.pairs.orders[index].tolist():
                names[pairs.KINDS[index], code] += f" (pair {pair})"
        return names


def make_world(sizes: dict[str, int], rng: np.random.Generator) -> World:
    """Draws the pairs, the orders that each diagnosis calls for, and the codes with an effect of their own.

    Args:
        sizes: number of codes of each kind.
        rng: random generator.
    """
    ranked = {kind: rng.permutation(size) for kind, size in sizes.items()}  # a code's number does not tell its use
    chosen = pairs.choose(ranked)
    chronic_end = max(int(CHRONIC_SHARE * sizes["dx"]), chosen.dx.size + 4)
    chronic, acute = np.split(ranked["dx"][chosen.dx.size :], [chronic_end - chosen.dx.size])
    preferred = {}
    for kind, size in PREFERRED.items():
        preferred[kind] = np.empty((sizes["dx"], size), np.int64)
        own = chosen.orders_of_diagnoses(kind)
        for dx in range(sizes["dx"]):
            preferred[kind][dx] = _preferences(ranked[kind], size, own.get(dx, ()), rng)
    use = _use(sizes, chronic, acute, preferred)
    effects = single_codes.draw_effects(use, chosen, rng)
    return World(sizes, chosen, chronic, acute, preferred, use, effects)


def _preferences(ranked: np.ndarray, count: int, excluded: Collection[int], rng: np.random.Generator) -> np.ndarray:
    """Draws distinct codes by popularity (Gumbel's trick), none of `excluded`: a pair's link always tells a wiring."""
    keys = np.empty(len(ranked))
    keys[ranked] = np.log(heavy_tail(len(ranked))) / 2 + rng.gumbel(size=len(ranked))
    keys[list(excluded)] = -np.inf
    return np.argsort(-keys)[:count]


def _use(
    sizes: dict[str, int], chronic: np.ndarray, acute: np.ndarray, preferred: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Returns for each kind about how often each code is used outside pairs: float64 (codes,)."""
    dx = np.zeros(sizes["dx"])
    dx[acute] = (1 - RECURRENCE) * heavy_tail(len(acute))
    dx[chronic] = RECURRENCE * heavy_tail(len(chronic))
    use: dict[str, np.ndarray] = {"dx": dx}
    for kind, codes in preferred.items():
        use[kind] = np.bincount(codes.ravel(), (dx[:, None] * heavy_tail(PREFERRED[kind])).ravel(), sizes[kind])
    return use
