"""Records drawn from a world: visits, their Dx-objects and orders."""

import dataclasses

import numpy as np

from mime_tf.data.store import Store, offsets
from mime_tf.simulate.frequencies import sample
from mime_tf.simulate.risk import pairs, single_codes
from mime_tf.simulate.world import RECURRENCE, World

# The shape of the heart failure cohort of Choi et al. (NeurIPS 2018).
MAX_VISITS = 199
MEAN_DX = 1.8  # Dx-objects per visit
MEAN_ORDERS = {"rx": 0.31, "pr": 0.36}  # per Dx-object
MAX_OTHER_CHRONIC = 6  # chronic conditions of a patient beside those of pairs


@dataclasses.dataclass(frozen=True)
class Patients:
    """Patients drawn from a world, with facts that their records do not tell.

    Attributes:
        store: the records.
        wiring: int8 (patients, 3), +1 or -1, of the patient's pair among A and B, C and D, E and F.
        code_sums: float64 (patients,), sum of the effects of the distinct codes of the record.
    """

    store: Store
    wiring: np.ndarray
    code_sums: np.ndarray


@dataclasses.dataclass(frozen=True)
class Rates:
    """Rates that give the averages of the cohort, for a mean number of visits of at least 3.

    The first visit is a work-up: it has a Dx-object more than others, two at least, so that every patient shows a pair.
    """

    mean_visits: float

    @property
    def last_visit(self) -> float:
        """Probability that a visit is the last, such that visits cut at `MAX_VISITS` have the mean."""
        low, high = 1e-9, 1.0
        for _ in range(100):
            middle = (low + high) / 2
            longer = (1 - (1 - middle) ** MAX_VISITS) / middle > self.mean_visits
            low, high = (middle, high) if longer else (low, middle)
        return low

    @property
    def more_dx(self) -> float:
        """Mean number of a visit's Dx-objects past the first; past the second in a first visit."""
        return MEAN_DX - 1 - 1 / self.mean_visits

    def orders(self, kind: str) -> float:
        """Returns the mean number of a Dx-object's orders of a kind, without those of pairs."""
        later = (self.mean_visits - 1) * (1 - np.exp(-self.more_dx)) * pairs.PAIRED_SHARE
        of_pairs = (
            (1 + later) / self.mean_visits / MEAN_DX
        )  # per Dx-object; half of the pairs make two orders of the kind
        return MEAN_ORDERS[kind] - of_pairs


def draw(world: World, mean_visits: float, patients: int, rng: np.random.Generator) -> Patients:
    """Draws patients.

    Args:
        world: the world that they come from.
        mean_visits: average number of visits, at least 3.
        patients: number of patients.
        rng: random generator.
    """
    rates = Rates(mean_visits)
    visits = np.minimum(rng.geometric(rates.last_visit, patients), MAX_VISITS)
    patient = np.repeat(np.arange(patients), visits)
    first = np.zeros(len(patient), bool)
    first[offsets(visits)[:-1]] = True
    dxobjs = 1 + first + rng.poisson(rates.more_dx, len(patient))
    drawn = pairs.draw(world.pairs, patient, first, dxobjs, rng)
    dx = _diagnoses(world, np.repeat(patient, dxobjs), drawn.carried, rng)
    dx[drawn.dxobjs] = world.pairs.dx[drawn.pair]
    make_distinct(dx, np.repeat(np.arange(len(patient)), dxobjs), drawn.dxobjs, world.acute, rng)
    columns: list[np.ndarray] = []
    for kind, preferred in world.preferred.items():
        of_kind = np.array(pairs.KINDS)[drawn.pair] == kind
        columns += _orders(dx, preferred, rates.orders(kind), drawn.dxobjs[of_kind], drawn.orders[of_kind], rng)
    store = Store(offsets(visits), offsets(dxobjs), dx, *columns)
    return Patients(store, drawn.wiring, single_codes.sums(world.effects, store))


def _diagnoses(world: World, patient: np.ndarray, carried: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws a diagnosis for each Dx-object: a chronic condition of its patient, or an acute one.

    Args:
        world: the world.
        patient: int64, the patient of each Dx-object.
        carried: int64 (patients, 3), the patients' pairs.
        rng: random generator.
    """
    others = sample(world.chronic, (len(carried), MAX_OTHER_CHRONIC), rng)
    chronic = np.concatenate([world.pairs.dx[carried].reshape(len(carried), -1), others], axis=1)
    counts = chronic.shape[1] - rng.integers(0, MAX_OTHER_CHRONIC + 1, len(carried))
    recurrent = chronic[patient, rng.integers(0, counts[patient])]
    acute = sample(world.acute, len(patient), rng)
    return np.where(rng.random(len(patient)) < RECURRENCE, recurrent, acute).astype(np.int32)


def make_distinct(
    dx: np.ndarray, visit: np.ndarray, fixed: np.ndarray, acute: np.ndarray, rng: np.random.Generator
) -> None:
    """Replaces diagnoses that a visit holds twice by acute ones; those of the Dx-objects `fixed` are kept.

    Args:
        dx: int32, the diagnosis of each Dx-object, changed in place.
        visit: int64, the visit of each Dx-object.
        fixed: int64, Dx-objects whose diagnoses differ within a visit.
        acute: int64, the diagnoses to draw from, the most used first.
        rng: random generator.
    """
    movable = np.ones(len(dx), np.int64)
    movable[fixed] = 0
    repeated = np.arange(len(dx))
    while len(repeated):
        keys = (visit * (int(dx.max()) + 1) + dx) * 2 + movable
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] // 2 == keys[order][:-1] // 2
        repeated = order[1:][same]
        dx[repeated] = sample(acute, len(repeated), rng)


def _orders(
    dx: np.ndarray,
    preferred: np.ndarray,
    rate: float,
    pair_dxobjs: np.ndarray,
    pair_orders: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draws the orders that each Dx-object calls for, and adds those of pairs.

    Returns:
        The offsets and the codes, as a `Store` has them.
    """
    calls = np.repeat(np.arange(len(dx)), rng.poisson(rate, len(dx)))
    called = preferred[dx[calls], sample(np.arange(preferred.shape[1]), len(calls), rng)]
    owner = np.concatenate([calls, pair_dxobjs.ravel()])
    codes = np.concatenate([called, pair_orders.ravel()]).astype(np.int32)
    return offsets(np.bincount(owner, minlength=len(dx))), codes[np.argsort(owner, kind="stable")]
