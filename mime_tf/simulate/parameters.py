"""Parameters of a simulated cohort, with their ranges."""

import dataclasses
from typing import Any

import numpy as np

from mime_tf.errors import InputError, show
from mime_tf.simulate.world import World, make_world

_RANGES: dict[str, tuple[float, float]] = {
    "patients": (1, 10_000_000),
    "seed": (0, 2**64 - 1),
    "pair_effect": (0, 1),
    "effect": (0, 10),
    "prevalence": (0.001, 0.999),
    "mean_visits": (3, 100),
    "num_dx": (40, 10_000),
    "num_rx": (20, 10_000),
    "num_pr": (20, 10_000),
}
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
        seed: seed of all random numbers. The records depend on it, on `patients`, `mean_visits` and the sizes, and on
            nothing else: cohorts that differ in their effects alone have the same patients.
        pair_effect: the pairs' share of the variance of the risk's logit, from 0 to 1; single codes have the rest.
        effect: standard deviation of that logit.
        prevalence: mean risk.
        mean_visits: average number of visits per patient.
        num_dx, num_rx, num_pr: sizes of the vocabularies.

    Raises:
        InputError: a value is out of range.
    """

    patients: int
    seed: int = 0
    pair_effect: float = 0.5
    effect: float = 2.0
    prevalence: float = 0.2
    mean_visits: float = 20.0
    num_dx: int = 388
    num_rx: int = 99
    num_pr: int = 1824

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, (low, high) = getattr(self, field.name), _RANGES[field.name]
            kind, right, types = _KINDS[field.type is float]
            if isinstance(value, bool) or not isinstance(value, types) or not low <= value <= high:
                raise InputError(f"{field.name}: found {show(value)}; must be {right} from {low} to {high}")
            object.__setattr__(self, field.name, kind(value))

    def world(self) -> World:
        """Returns the world that the patients come from."""
        sizes = {"dx": self.num_dx, "rx": self.num_rx, "pr": self.num_pr}
        return make_world(sizes, self.generator(0))

    def generator(self, *key: int) -> np.random.Generator:
        """Returns a random generator with a stream of its own for the seed and the whole numbers `key`."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))
