"""The pairs of a diagnosis and an order that matter most to a model, among many patients."""

import dataclasses

import numpy as np

from mime_tf.data.frames import frame
from mime_tf.data.vocabulary import code_name
from mime_tf.errors import InputError
from mime_tf.explain.parts import contributions
from mime_tf.runs import visit_days

# Ten times that of a single patient's explanation: averages are reported, in half of the time.
TOLERANCE = 1e-2

# Columns of a table of pairs, and the attributes of PairEffect that they hold.
COLUMNS = {
    "kind": "kind",
    "dx_index": "dx",
    "dx_system": "dx_system",
    "dx_code": "dx_code",
    "diagnosis": "dx_name",
    "order_index": "order",
    "order_system": "order_system",
    "order_code": "order_code",
    "order": "order_name",
    "occurrences": "occurrences",
    "patients": "patients",
    "mean": "mean",
    "mean_absolute": "mean_absolute",
    "importance": "importance",
}


@dataclasses.dataclass(frozen=True)
class PairEffect:
    """Contribution of a pair of a diagnosis and an order to the logits of patients, summed per patient.

    Attributes:
        kind: `"rx"` or `"pr"`, of the order.
        dx, order: indices of the two codes.
        dx_system, dx_code, order_system, order_code: their systems and codes; empty without a vocabulary.
        dx_name, order_name: their names.
        occurrences: number of times that the pair occurs in the patients' visits.
        patients: number of patients who have it.
        mean: float, mean contribution over these patients.
        mean_absolute: float, mean absolute value of the contribution over these patients.
        importance: float, mean absolute value over all patients that were explained, 0 for those without the pair.
    """

    kind: str
    dx: int
    dx_system: str
    dx_code: str
    dx_name: str
    order: int
    order_system: str
    order_code: str
    order_name: str
    occurrences: int
    patients: int
    mean: float
    mean_absolute: float
    importance: float


@dataclasses.dataclass(frozen=True, repr=False)
class CohortExplanation:
    """The pairs of many patients.

    Attributes:
        rows: int64, the indices in the cohort of the patients that were explained.
        gap: float, by how much a patient's contributions may fail to add up, the largest of all.
        pairs: list of PairEffect, the most important first.
    """

    rows: np.ndarray
    gap: float
    pairs: list

    def table(self):
        """Yields the pairs as rows of a table of the `COLUMNS`."""
        for pair in self.pairs:
            yield [getattr(pair, attribute) for attribute in COLUMNS.values()]

    def to_frame(self):
        """Returns the pairs as a `pandas.DataFrame` of the `COLUMNS`."""
        return frame({name: [getattr(pair, attribute) for pair in self.pairs] for name, attribute in COLUMNS.items()})

    def __repr__(self):
        return f"CohortExplanation({len(self.rows):,} patients, {len(self.pairs):,} pairs)"


def explain_cohort(fitted, cohort, limit=0, seed=0, tolerance=TOLERANCE, progress=None):
    """Finds the pairs of diagnosis and order that matter most among the patients of a cohort.

    Args:
        fitted: `mime_tf.runs.fitted_split.FittedSplit`.
        cohort: `mime_tf.data.cohort.Cohort`; its labels are not used.
        limit: number of patients to explain, drawn at random; 0 for all.
        seed: seed of the draw.
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
    fitted.check_codes(cohort)
    patients = len(cohort.store)
    rows = np.arange(patients)
    if 0 < limit < patients:
        rows = np.sort(np.random.default_rng(seed).choice(patients, limit, replace=False))
    store = cohort.store.with_days(visit_days.read(fitted, cohort)).select(rows).keep_known(fitted.usable)
    of_codes = contributions(fitted.model, store, tolerance, progress)
    pairs = [pair for kind in ("rx", "pr") for pair in _pairs(fitted.vocabulary, store, of_codes, kind)]
    pairs.sort(key=lambda pair: (-pair.importance, pair.kind, pair.dx, pair.order))
    return CohortExplanation(rows, float(of_codes.gaps.max()), pairs)


def _pairs(vocabulary, store, contributions, kind):
    """Yields the PairEffects of one kind of order."""
    codes, counts = getattr(store, kind).astype(np.int64), np.diff(getattr(store, f"{kind}_offsets"))
    patient_of = np.repeat(np.repeat(np.arange(len(store)), np.diff(store.dxobjs[store.visits])), counts)
    pairs, pair_of, occurrences = np.unique(
        np.stack([np.repeat(store.dx, counts), codes], axis=1), axis=0, return_inverse=True, return_counts=True
    )
    # A patient's occurrences of a pair are one sum, numbered by pair and patient.
    numbers, sum_of = np.unique(pair_of.reshape(-1) * len(store) + patient_of, return_inverse=True)
    sums = np.bincount(sum_of, getattr(contributions, kind), len(numbers))
    pair_of_sum = numbers // len(store)
    patients = np.bincount(pair_of_sum, minlength=len(pairs))
    means = np.bincount(pair_of_sum, sums, len(pairs)) / patients
    absolute = np.bincount(pair_of_sum, np.abs(sums), len(pairs))
    for index, (dx, order) in enumerate(pairs.tolist()):
        yield PairEffect(
            kind=kind,
            dx=dx,
            **_key(vocabulary, "dx", dx, "dx"),
            dx_name=code_name(vocabulary, "dx", dx),
            order=order,
            **_key(vocabulary, kind, order, "order"),
            order_name=code_name(vocabulary, kind, order),
            occurrences=int(occurrences[index]),
            patients=int(patients[index]),
            mean=float(means[index]),
            mean_absolute=float(absolute[index] / patients[index]),
            importance=float(absolute[index] / len(store)),
        )


def _key(vocabulary, kind, index, name):
    """Returns the attributes of a PairEffect by which a table joins others: system and code."""
    row = vocabulary.by_index.get((kind, index), {}) if vocabulary else {}
    return {f"{name}_{column}": row.get(column, "") for column in ("system", "code")}
