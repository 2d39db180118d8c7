"""How far the rows of a period have drifted from training: scores, codes, age and sex, with intervals."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
from scipy import sparse

from mime_tf.assess.bootstrap import Bootstrap, Progress, interval
from mime_tf.assess.comparison import Estimate
from mime_tf.assess.drift import corrected, distance, share_differences
from mime_tf.assess.scores import Scores
from mime_tf.data.code_matrix import code_matrix
from mime_tf.data.cohort import Cohort
from mime_tf.data.store import CODE_KINDS
from mime_tf.data.vocabulary import code_name
from mime_tf.monitor.names import (
    CODE_DISTANCE,
    MEAN_PROBABILITY,
    MEDIAN_AGE,
    NOTHING_KNOWN,
    SCORE_PSI,
    SEX,
    UNKNOWN_CODES,
)
from mime_tf.monitor.reference import Reference
from mime_tf.runs.mean_model import MeanModel
from mime_tf.scoring.mean import ScoredSet

DISTANCES = (SCORE_PSI, CODE_DISTANCE)


@dataclasses.dataclass(frozen=True)
class CodeShift:
    """Share of the rows that have a code, against training.

    Attributes:
        kind, index, name: of the code.
        known: whether the model knows it.
        training: share of the rows of training.
        share: share of the rows of the period.
        low, high: 95% interval of the difference.
    """

    kind: str
    index: int
    name: str
    known: bool
    training: float
    share: float
    low: float
    high: float

    @property
    def difference(self) -> float:
        """Share of the period less that of training."""
        return self.share - self.training


class Shifts:
    """The rows that were scored, ready to be measured period by period.

    Args:
        model: that scored them.
        cohort: the patients.
        scored: the rows and their scores.
        reference: the values that they are compared with.
    """

    def __init__(self, model: MeanModel, cohort: Cohort, scored: ScoredSet, reference: Reference):
        self._reference, self._scored = reference, scored
        store, predictions = cohort.store.select(scored.rows), scored.predictions
        usable = [split.usable for split in model.splits]
        self._codes: list[tuple[str, int, str, bool]] = []
        blocks, expected = [], []
        for kind in CODE_KINDS if reference.codes is not None else ():
            assert reference.codes is not None
            size = max(store.vocabulary_size(kind), len(reference.codes.counts[kind]))
            blocks.append(code_matrix(store, np.arange(len(store)), kind, size).sign())
            expected.append(reference.codes.shares(kind, size))
            names = cohort.vocabulary or model.splits[0].vocabulary
            known = np.zeros(size, bool)
            for each in usable:
                known[: len(each[kind])] |= each[kind][:size]
            self._codes += [(kind, index, code_name(names, kind, index), bool(known[index])) for index in range(size)]
        self._matrix = sparse.hstack(blocks, format="csr", dtype=np.float64) if blocks else None
        self._expected = np.concatenate(expected) if expected else np.empty(0)
        table = cohort.attributes.columns if cohort.attributes else {}
        self._age = _numbers(table.get("age"), scored.rows)
        sexes = table.get("sex")
        self._sex = None if sexes is None or reference.sex is None else np.array([sexes[row] for row in scored.rows])
        self._bins = None if reference.bins is None else reference.bins.index(predictions.probabilities)

    def measure(
        self, members: np.ndarray, scores: Scores, bootstrap: Bootstrap, progress: Progress | None = None
    ) -> dict[str, Estimate]:
        """Measures the rows of a period.

        Args:
            members: int64, positions among the rows that were scored.
            scores: of these rows; their labels are not used.
            bootstrap: the resamples of patients behind the intervals. Distances are `corrected`.
            progress: called with a line of text after each resample.

        Returns:
            Dict from the measures that are defined to their estimates.
        """
        measure = self._measure_of(members)
        whole = measure(np.ones(len(members)))
        draws = bootstrap.draws(scores.num_patients, progress)
        resampled = [measure(drawn[scores.patient_index].astype(float)) for drawn in draws]
        estimates = {}
        for name, value in whole.items():
            values = np.array([each[name] for each in resampled])
            if name in DISTANCES:
                estimates[name] = corrected(value, values)
            else:
                estimates[name] = Estimate(value, *interval(values))
        return {name: estimate for name, estimate in estimates.items() if not math.isnan(estimate.value)}

    def _measure_of(self, members: np.ndarray) -> Callable[[np.ndarray], dict[str, float]]:
        """Returns a function from weights of a period's rows to its measures."""
        predictions = self._scored.predictions
        probabilities = predictions.probabilities[members].astype(np.float64)
        codes, dropped = predictions.codes[members], predictions.dropped[members]
        empty, bins = predictions.empty[members], None if self._bins is None else self._bins[members]
        matrix = None if self._matrix is None else self._matrix[members]
        age = self._age[members]
        order = np.argsort(age)[: int((~np.isnan(age)).sum())]  # nan comes last
        sexes = None if self._sex is None else self._sex[members]
        reference = self._reference

        def measure(weights: np.ndarray) -> dict[str, float]:
            total = weights.sum()
            values = {
                MEAN_PROBABILITY: weights @ probabilities / total,
                UNKNOWN_CODES: _ratio(weights @ dropped, weights @ codes),
                NOTHING_KNOWN: weights @ empty / total,
                MEDIAN_AGE: _median(age[order], weights[order]),
            }
            if reference.bins is not None:
                values[SCORE_PSI] = reference.bins.stability_index(np.bincount(bins, weights, reference.bins.count))
            if matrix is not None:
                values[CODE_DISTANCE] = distance(weights @ matrix / total, self._expected)
            if sexes is not None:
                values[SEX] = _ratio(weights @ (sexes == reference.sex), weights @ (sexes != ""))
            return {name: float(value) for name, value in values.items()}

        return measure

    def of_codes(self, members: np.ndarray, patients: int, most: int) -> list[CodeShift]:
        """Returns the codes whose share of a period's rows is furthest from training's, the furthest first.

        Args:
            members: int64, positions among the rows that were scored.
            patients: number of their patients.
            most: number of codes.
        """
        counts = self._reference.codes
        if self._matrix is None or counts is None:
            return []
        shares = np.asarray(self._matrix[members].mean(axis=0)).ravel()
        low, high = share_differences(shares, patients, self._expected, counts.patients)
        order = np.argsort(-np.abs(shares - self._expected), kind="stable")[:most]
        return [
            CodeShift(*self._codes[at], *(float(column[at]) for column in (self._expected, shares, low, high)))
            for at in order[shares[order] != self._expected[order]].tolist()
        ]


def _numbers(texts: list[str] | None, rows: np.ndarray) -> np.ndarray:
    """Returns a column of patients.csv as finite numbers, nan where one is none."""
    values = np.full(len(rows), np.nan)
    for index, row in enumerate(rows.tolist() if texts else ()):
        try:
            values[index] = float(texts[row])  # type: ignore[index]
        except ValueError:
            continue
    return np.where(np.isfinite(values), values, np.nan)


def _ratio(part: float, total: float) -> float:
    return part / total if total else np.nan


def _median(values: np.ndarray, weights: np.ndarray) -> float:
    """Returns the median of ascending values that count as often as their weights say; nan where none does."""
    sums = np.cumsum(weights)
    if not len(sums) or not sums[-1]:
        return np.nan
    half = sums[-1] / 2
    low, high = np.searchsorted(sums, half, side="left"), np.searchsorted(sums, half, side="right")
    return (values[low] + values[min(high, len(values) - 1)]) / 2
