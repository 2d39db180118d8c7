"""The pairs of a diagnosis and an order that matter most to a model, among many patients."""

import dataclasses

import numpy as np

from mime_tf.data.vocabulary import code_name
from mime_tf.errors import InputError
from mime_tf.explain import attribution

# A tenth of the accuracy that one patient's explanation has: averages are told, in half of the time.
TOLERANCE = 1e-2


@dataclasses.dataclass(frozen=True)
class PairEffect:
    """What a pair of a diagnosis and an order adds to the logits of patients. A patient's occurrences are summed.

    Attributes:
        kind: `"rx"` or `"pr"`, of the order.
        dx, order: the two codes.
        dx_name, order_name: their names.
        occurrences: how often the pair stands in the patients' visits.
        patients: how many patients have it.
        mean: float, mean over these of what it adds to the logit.
        mean_absolute: float, mean over these of the absolute value of that.
        importance: float, mean of the absolute value over all patients that were explained: 0 for one without the pair.
    """

    kind: str
    dx: int
    dx_name: str
    order: int
    order_name: str
    occurrences: int
    patients: int
    mean: float
    mean_absolute: float
    importance: float


@dataclasses.dataclass(frozen=True)
class CohortExplanation:
    """The pairs of many patients.

    Attributes:
        rows: int64, the positions in the cohort of the patients that were explained.
        gap: float, by how much a patient's contributions may fail to add up, the largest of all.
        pairs: list of PairEffect, the most important first.
    """

    rows: np.ndarray
    gap: float
    pairs: list


def explain_cohort(run, cohort, limit=0, seed=0, tolerance=TOLERANCE, progress=None):
    """Finds the pairs of diagnosis and order that matter most among the patients of a cohort.

    Args:
        run: `mime_tf.runs.fitted_split.FittedSplit`.
        cohort: `mime_tf.data.cohort.Cohort`. Its labels are not looked at.
        limit: explain this many patients, drawn at random; 0 for all.
        seed: of the draw.
        tolerance: log-odds, the largest gap of a patient to accept; see `mime_tf.explain.attribution.contributions`.
        progress: function that is given a text now and then, such as `Console.progress`.

    Returns:
        CohortExplanation.

    Raises:
        InputError: `limit` or `seed` is negative, the cohort's codes mean something else than in training, or the
            contributions do not add up within the tolerance.
    """
    for name, value in (("limit", limit), ("seed", seed)):
        if value < 0:
            raise InputError(f"{name}: found {value}; must be 0 or more")
    run.check_codes(cohort)
    patients = len(cohort.store)
    rows = np.arange(patients)
    if 0 < limit < patients:
        rows = np.sort(np.random.default_rng(seed).choice(patients, limit, replace=False))
    store = cohort.store.select(rows).keep_known(run.usable)
    found = attribution.contributions(run.model, store, tolerance, progress)
    pairs = [pair for kind in ("rx", "pr") for pair in _pairs(run, store, found, kind)]
    pairs.sort(key=lambda pair: (-pair.importance, pair.kind, pair.dx, pair.order))
    return CohortExplanation(rows, float(found.gaps.max()), pairs)


def _pairs(run, store, found, kind):
    """Yields the PairEffects of one kind of order."""
    codes, counts = getattr(store, kind).astype(np.int64), np.diff(getattr(store, f"{kind}_offsets"))
    patient_of = np.repeat(np.repeat(np.arange(len(store)), np.diff(store.dxobjs[store.visits])), counts)
    pairs, pair_of, occurrences = np.unique(
        np.stack([np.repeat(store.dx, counts), codes], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    in_patients, place = np.unique(pair_of.reshape(-1) * len(store) + patient_of, return_inverse=True)
    sums = np.bincount(place, getattr(found, kind), len(in_patients))
    pair_of_sum = in_patients // len(store)
    patients = np.bincount(pair_of_sum, minlength=len(pairs))
    means = np.bincount(pair_of_sum, sums, len(pairs)) / patients
    absolute = np.bincount(pair_of_sum, np.abs(sums), len(pairs))
    for at, (dx, order) in enumerate(pairs.tolist()):
        yield PairEffect(
            kind=kind,
            dx=dx,
            dx_name=code_name(run.vocabulary, "dx", dx),
            order=order,
            order_name=code_name(run.vocabulary, kind, order),
            occurrences=int(occurrences[at]),
            patients=int(patients[at]),
            mean=float(means[at]),
            mean_absolute=float(absolute[at] / patients[at]),
            importance=float(absolute[at] / len(store)),
        )
