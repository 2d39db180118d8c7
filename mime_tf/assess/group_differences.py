"""Differences between subgroups in errors and calibration, against the largest subgroup of a column.

Each resample draws patients of the whole set, so that a patient with rows in two subgroups is drawn for both. A share
of 0 or 1 is the same in every resample; the interval of its difference is then that of Newcombe (Statistics in
Medicine 17 (1998) 873-890, method 10), of Wilson's intervals.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mime_tf.assess.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Progress, interval
from mime_tf.assess.comparison import Estimate
from mime_tf.assess.scores import Scores
from mime_tf.assess.subgroups import UNKNOWN, reason_against
from mime_tf.assess.wilson import wilson

MEASURES = {
    "sensitivity": "sensitivity",
    "false_positive_rate": "false positive rate",
    "observed_to_expected": "observed / expected",
}


@dataclasses.dataclass(frozen=True)
class Difference:
    """Difference of a subgroup from the largest one of its column.

    Attributes:
        column, group, reference: the column, the subgroup, and the largest subgroup.
        measure: one of `MEASURES`.
        threshold: probability from which on a row is alerted, or None for observed / expected.
        value, reference_value: of the subgroup and of the largest one.
        difference: the first less the second, with its 95% interval.
    """

    column: str
    group: str
    reference: str
    measure: str
    threshold: float | None
    value: float
    reference_value: float
    difference: Estimate

    @property
    def title(self) -> str:
        """The measure, with its threshold."""
        at = "" if self.threshold is None else f" at {self.threshold:.4f}"
        return f"{MEASURES[self.measure]}{at}"

    def record(self) -> dict[str, Any]:
        """Returns the difference as metrics.json has it."""
        return dataclasses.asdict(self)


def group_differences(
    scores: Scores,
    divided: Mapping[str, Mapping[str, np.ndarray]],
    thresholds: Sequence[float] = (),
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    progress: Progress | None = None,
) -> list[Difference]:
    """Compares each subgroup that can be measured with the largest one of its column, of rows that are known.

    Args:
        scores: the scores of a set.
        divided: dict from a column to a dict from a subgroup's name to a bool array (rows,).
        thresholds: probabilities from which on a row is alerted, for sensitivity and false positive rate.
        bootstrap: the resamples behind the intervals.
        progress: called with a line of text after each resample.
    """
    differences: list[Difference] = []
    for column, groups in divided.items():
        measured = {name: members for name, members in groups.items() if not reason_against(scores.labels[members])}
        known = [name for name in measured if name != UNKNOWN]
        if not known or len(measured) < 2:
            continue
        reference = max(known, key=lambda name: measured[name].sum())
        ordered = {reference: measured.pop(reference)} | measured
        differences += _of_column(scores, column, ordered, thresholds, bootstrap, progress)
    return differences


def _of_column(
    scores: Scores,
    column: str,
    groups: Mapping[str, np.ndarray],
    thresholds: Sequence[float],
    bootstrap: Bootstrap,
    progress: Progress | None,
) -> Iterator[Difference]:
    """Yields the differences of the groups of a column from the first of them."""
    counted = np.stack([_counted(scores, members, thresholds) for members in groups.values()])
    whole = _figures(counted.sum(axis=2))
    draws = bootstrap.draws(scores.num_patients, progress)
    resampled = [_figures(counted @ drawn[scores.patient_index]) for drawn in draws]
    changes = np.reshape([each - each[0] for each in resampled], (-1, *whole.shape))
    reference, *others = groups
    for index, group in enumerate(others, 1):
        for place, (measure, threshold) in enumerate(_columns(thresholds)):
            value, of_reference = float(whole[index, place]), float(whole[0, place])
            low, high = interval(changes[:, index, place])
            if bootstrap.times and threshold is not None and {value, of_reference} & {0.0, 1.0}:
                label = int(measure == "sensitivity")
                patients = [len(np.unique(scores.patient_index[groups[name] & (scores.labels == label)]))
                            for name in (group, reference)]  # fmt: skip
                low, high = newcombe(value, patients[0], of_reference, patients[1])
            estimate = Estimate(value - of_reference, low, high)
            yield Difference(column, group, reference, measure, threshold, value, of_reference, estimate)


def newcombe(share: float, count: int, other: float, other_count: int) -> tuple[float, float]:
    """Returns the 95% interval of the difference of two shares of so many patients.

    >>> [round(end, 4) for end in newcombe(56 / 70, 70, 48 / 80, 80)]  # Newcombe's first example
    [0.0524, 0.3339]
    """
    shares, counts = np.array([share, other]), np.array([count, other_count])
    low, high = wilson(shares * counts, counts)
    below = np.hypot(share - low[0], high[1] - other)
    above = np.hypot(high[0] - share, other - low[1])
    return float(share - other - below), float(share - other + above)


def _columns(thresholds: Sequence[float]) -> list[tuple[str, float | None]]:
    """Returns measure and threshold of each figure of `_figures`."""
    shares = [(name, threshold) for threshold in thresholds for name in ("sensitivity", "false_positive_rate")]
    return [("observed_to_expected", None), *shares]


def _counted(scores: Scores, members: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Returns the part of each row of a group in its counts: float64 (3 + 2 thresholds, rows)."""
    cases, controls = members & (scores.labels == 1), members & (scores.labels == 0)
    alerted = [scores.probabilities >= threshold for threshold in thresholds]
    errors = [hits & rows for hits in alerted for rows in (cases, controls)]
    return np.stack([cases, controls, members * scores.probabilities, *errors]).astype(float)


def _figures(counts: np.ndarray) -> np.ndarray:
    """Returns observed / expected, and sensitivity and false positive rate of each threshold, (groups, figures)."""
    cases, controls, expected, *errors = counts.T
    figures = [_ratio(cases, expected)]
    figures += [_ratio(hits, whole) for hits, whole in zip(errors, [cases, controls] * (len(errors) // 2), strict=True)]
    return np.stack(figures, axis=1)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
