"""Parameters of a simulated cohort, with their ranges."""

import dataclasses
from typing import Any

import numpy as np

from mime_tf.errors import InputError, show
from mime_tf.simulate import world
from mime_tf.simulate.related import world as related_world
from mime_tf.simulate.related.world import RelatedWorld
from mime_tf.simulate.world import World

# The modes, each with where its risk lies.
MODES = {
    "additive": "24 links and 60 single codes, which add up",
    "related": "thousands of links, by the families of both codes, and single codes",
    "interaction": "pairs of diagnoses that count together only",
    "recency": "single codes whose effect halves every 2 visits",
    "recency_days": "single codes whose effect halves every 90 days",
    "order": "which of two diagnoses came first",
    "stopping": "medications that earlier visits have and the last 2 visits do not",
}
WITH_PAIRS = ("additive", "related")
WITH_DAYS = ("recency_days",)
_RANGES: dict[str, tuple[float, float]] = {
    "patients": (1, 10_000_000),
    "seed": (0, 2**64 - 1),
    "pair_effect": (0, 1),
    "effect": (0, 10),
    "prevalence": (0.001, 0.999),
    "mean_visits": (3, 100),
    "unlinked": (0, 1),
    "renamed": (0, 1),
    "num_dx": (40, 10_000),
    "num_rx": (20, 10_000),
    "num_pr": (20, 10_000),
}
SIZES = {"num_dx": 388, "num_rx": 99, "num_pr": 1824}
# The mode `related` has an effect for each pair of codes, and no procedures.
RELATED_SIZES = {"num_dx": 200, "num_rx": 100, "num_pr": 0}
_RELATED_RANGES: dict[str, tuple[float, float]] = {"num_dx": (40, 2000), "num_rx": (20, 2000), "num_pr": (0, 0)}
# For whole numbers and for others: the type, its description, and the types that are accepted.
_KINDS: tuple[tuple[type, str, Any], ...] = (
    (int, "a whole number", (int, np.integer)),
    (float, "a number", (int, np.integer, float, np.floating)),
)


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Parameters that determine a simulated cohort.

    Attributes:
        patients: number of patients.
        seed: seed of all random numbers. The records depend on it, on `patients`, `mean_visits` and the sizes, on
            `unlinked`, and on whether the mode is `related`. Cohorts that differ in their effects alone have the same
            patients.
        mode: how risk arises, a key of `MODES`.
        pair_effect: the pairs' share of the variance of the risk's logit, from 0 to 1; single codes have the rest. Of
            the modes in `WITH_PAIRS`.
        effect: standard deviation of that logit.
        prevalence: mean risk.
        mean_visits: average number of visits per patient.
        num_dx, num_rx, num_pr: sizes of the vocabularies; None for those of the mode.
        informative_links: in the mode `related`, whether families also decide the orders.
        finer_level: in the mode `related`, whether the hierarchy has a finer level that means nothing.
        unlinked: share of the orders that lose the link to their diagnosis.
        renamed: in the mode `related`, share of the codes that have other names in a cohort of the last patients; None
            for one cohort of all.

    Raises:
        InputError: a value is out of range, or is not of the mode.
    """

    patients: int
    seed: int = 0
    mode: str = "additive"
    pair_effect: float = 0.5
    effect: float = 2.0
    prevalence: float = 0.2
    mean_visits: float = 20.0
    num_dx: int | None = None
    num_rx: int | None = None
    num_pr: int | None = None
    informative_links: bool = False
    finer_level: bool = False
    unlinked: float = 0.0
    renamed: float | None = None

    def __post_init__(self):
        if self.mode not in MODES:
            raise InputError(f"mode: found {show(self.mode)}; must be one of {', '.join(MODES)}")
        related = self.mode == "related"
        for name, size in (RELATED_SIZES if related else SIZES).items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, size)
        ranges = _RANGES | _RELATED_RANGES if related else _RANGES
        for field in dataclasses.fields(self):
            if field.name in ranges and getattr(self, field.name) is not None:
                self._check_number(field.name, ranges[field.name], field.type in (float, float | None))
        for name in ("informative_links", "finer_level"):
            value = getattr(self, name)
            if not isinstance(value, bool) or (value and not related):
                right = "True or False" if related else f"False in mode {self.mode}"
                raise InputError(f"{name}: found {show(value)}; must be {right}")
        if self.renamed is not None and not (related and self.patients > 1):
            found, right = show(self.renamed), "left out in another mode than related, and for one patient"
            raise InputError(f"renamed: found {found}; must be {right}")
        if self.mode not in WITH_PAIRS and self.pair_effect != Parameters.pair_effect:
            raise InputError(
                f"pair_effect: found {self.pair_effect}; mode {self.mode} has no pairs, leave it at "
                f"{Parameters.pair_effect}; modes with pairs are {' and '.join(WITH_PAIRS)}"
            )

    def _check_number(self, name: str, bounds: tuple[float, float], real: bool) -> None:
        """Raises InputError unless a value is a number of the right kind within bounds; makes it a Python number."""
        value, (low, high) = getattr(self, name), bounds
        kind, right, types = _KINDS[real]
        if isinstance(value, bool) or not isinstance(value, types) or not low <= value <= high:
            right = f"{right} from {low} to {high}" if low < high else f"{low} in mode {self.mode}"
            raise InputError(f"{name}: found {show(value)}; must be {right}")
        object.__setattr__(self, name, kind(value))

    @property
    def sizes(self) -> dict[str, int]:
        """Number of codes of each kind."""
        return {kind: getattr(self, f"num_{kind}") for kind in ("dx", "rx", "pr")}

    def world(self) -> World | RelatedWorld:
        """Returns the world that the patients come from."""
        if self.mode == "related":
            return related_world.make_world(self.sizes, self.informative_links, self.generator(0))
        return world.make_world(self.sizes, self.generator(0))

    def generator(self, *key: int) -> np.random.Generator:
        """Returns a random generator with a stream of its own for the seed and the whole numbers `key`."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
