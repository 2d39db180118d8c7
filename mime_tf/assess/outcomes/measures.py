"""Measures of several outcomes per patient, with bootstrap intervals, and the lead of a model over others.

Recall at k is the measure of sequential disease prediction: the share of a patient's true outcomes that are among the k
of the highest probabilities, mean over the patients who have a true outcome.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mime_tf.assess import measures
from mime_tf.assess.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Progress, Sample, interval
from mime_tf.assess.comparison import Estimate
from mime_tf.assess.outcomes.ranking import ranks
from mime_tf.assess.outcomes.scores import OutcomeScores
from mime_tf.assess.scores import Scores
from mime_tf.errors import InputError

RECALL_AT = (5, 10, 20)
# Least number of rows of either label for an outcome to count in the macro ROC AUC.
ENOUGH = 10
GROUPS = 5  # of outcomes, by their frequency in train
MICRO, MACRO = "micro_auc", "macro_auc"


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Measures of several models on the same rows.

    Attributes:
        rows: number of rows.
        patients: number of patients.
        with_outcome: number of rows with a true outcome, over which recall is a mean.
        outcomes: number of outcomes.
        enough: number of outcomes in the macro ROC AUC.
        titles: dict from the name of each measure to that for people.
        values: dict from a model's name to a dict from each measure to its Estimate.
        leads: dict from the name of each model but the first to a dict from each measure to the Estimate of the first
            model's less that model's.
    """

    rows: int
    patients: int
    with_outcome: int
    outcomes: int
    enough: int
    titles: dict[str, str]
    values: dict[str, dict[str, Estimate]]
    leads: dict[str, dict[str, Estimate]]


def compare(
    models: Mapping[str, OutcomeScores],
    recall_at: Sequence[int] = RECALL_AT,
    groups: np.ndarray | None = None,
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    progress: Progress | None = None,
) -> Comparison:
    """Measures models on the same rows.

    Args:
        models: from a model's name to its scores, all with the same labels and patients. The others are compared with
            the first.
        recall_at: the k of recall at k.
        groups: group of each outcome, from `frequency_groups`, or None.
        bootstrap: the resamples of patients behind the intervals, the same for all models.
        progress: called with a line of text after each resample.

    Raises:
        InputError: the models have other labels.
    """
    first, *others = models
    scores = models[first]
    for name in others:
        if not np.array_equal(models[name].labels, scores.labels):
            raise InputError(f"{name}: found other labels than {first} was tested on; the same rows are needed")
    titles = _titles(recall_at, groups)
    samples = [_Measured(each, recall_at, groups) for each in models.values()]
    whole = np.array([sample.measure() for sample in samples])
    patients = int(scores.patient_index.max()) + 1
    draws = bootstrap.draws(patients, progress)
    resampled = np.array([[sample.measure(drawn) for sample in samples] for drawn in draws])
    resampled = resampled.reshape(-1, *whole.shape)
    values = {name: _estimates(titles, whole[i], resampled[:, i]) for i, name in enumerate(models)}
    leads = {
        name: _estimates(titles, whole[0] - whole[i], resampled[:, 0] - resampled[:, i])
        for i, name in enumerate(models)
        if name != first
    }
    with_outcome = int(scores.labels.any(axis=1).sum())
    counts = (len(scores), patients, with_outcome, scores.outcomes, len(enough_cases(scores.labels)))
    return Comparison(*counts, titles, values, leads)


def frequency_groups(cases: np.ndarray) -> np.ndarray:
    """Returns the group of each outcome, 0 for the rarest to `GROUPS` - 1: equally many outcomes, by number of cases.

    >>> frequency_groups(np.array([50, 0, 7, 9, 800])).tolist()
    [3, 0, 1, 2, 4]
    """
    ranked = np.empty(len(cases), np.int64)
    ranked[np.argsort(cases, kind="stable")] = np.arange(len(cases))
    return ranked * GROUPS // len(cases)


def enough_cases(labels: np.ndarray) -> np.ndarray:
    """Returns the outcomes with `ENOUGH` rows of either label, given labels (rows, outcomes)."""
    cases = labels.sum(axis=0, dtype=np.int64)
    return np.flatnonzero((cases >= ENOUGH) & (len(labels) - cases >= ENOUGH))


def recall(labels: np.ndarray, ranked: np.ndarray, k: int) -> np.ndarray:
    """Returns recall at k of each row, float64 (rows,); nan for a row without a true outcome.

    Args:
        labels: 0 or 1, (rows, outcomes).
        ranked: rank of each outcome in its row, from 1.
        k: number of outcomes that are looked at.
    """
    true = labels.sum(axis=1, dtype=np.int64)
    hits = (labels.astype(bool) & (ranked <= k)).sum(axis=1)
    return np.where(true > 0, hits / np.maximum(true, 1), np.nan)


def _titles(recall_at: Sequence[int], groups: np.ndarray | None) -> dict[str, str]:
    """Returns the names of the measures, in the order in which they are computed."""
    titles = {f"recall_at_{k}": f"recall at {k}" for k in recall_at}
    titles |= {MICRO: "micro ROC AUC", MACRO: "macro ROC AUC"}
    if groups is not None:
        k = max(recall_at)
        titles |= {
            f"recall_at_{k}_group_{group}": f"  at {k}, group {group + 1} of {GROUPS}" for group in range(GROUPS)
        }
    return titles


class _Measured:
    """Scores with their ranks and sortings done once for all resamples."""

    def __init__(self, scores: OutcomeScores, recall_at: Sequence[int], groups: np.ndarray | None):
        labels, self._patients = scores.labels, scores.patient_index
        ranked = ranks(scores.probabilities)
        self._recalls = np.array([recall(labels, ranked, k) for k in recall_at])
        self._with_outcome = labels.any(axis=1)
        pairs = Scores(labels.ravel(), scores.probabilities.ravel())
        self._pairs = Sample(pairs, np.repeat(self._patients, scores.outcomes))
        self._columns = [
            Sample(Scores(labels[:, k], scores.probabilities[:, k]), self._patients) for k in enough_cases(labels)
        ]
        self._true = self._found = np.empty((0, len(scores)))
        if groups is not None:
            members = groups == np.arange(GROUPS)[:, np.newaxis]
            found = labels.astype(bool) & (ranked <= max(recall_at))
            self._true, self._found = (members.astype(np.float64) @ values.T for values in (labels, found))

    def measure(self, drawn: np.ndarray | None = None) -> np.ndarray:
        """Returns the measures, nan where one is not defined.

        Args:
            drawn: (patients,), how often each patient counts; once by default.
        """
        weights = np.ones(len(self._patients)) if drawn is None else drawn[self._patients]
        counted = weights * self._with_outcome
        with np.errstate(invalid="ignore"):
            recalls = np.nan_to_num(self._recalls) @ counted / counted.sum()
            of_groups = self._found @ weights / (self._true @ weights)
        columns = np.array([measures.auc(column.tally(drawn)) for column in self._columns])
        defined = columns[~np.isnan(columns)]
        macro = defined.mean() if len(defined) else np.nan
        return np.array([*recalls, measures.auc(self._pairs.tally(drawn)), macro, *of_groups])


def _estimates(titles: Mapping[str, str], values: np.ndarray, resampled: np.ndarray) -> dict[str, Estimate]:
    """Returns an Estimate per measure, of values (measures,) and of resamples (times, measures)."""
    return {
        name: Estimate(float(value), *interval(column))
        for name, value, column in zip(titles, values, resampled.T, strict=True)
    }
