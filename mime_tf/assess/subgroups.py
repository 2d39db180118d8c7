"""Measures in subgroups of the patients, told apart by a column of patients.csv."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from mime_tf.assess import measures
from mime_tf.assess.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Progress
from mime_tf.assess.scores import Scores
from mime_tf.errors import InputError, show

# Rows of each label that a subgroup needs to be measured.
LEAST = 10
MOST_GROUPS = 20
UNKNOWN = "not known"
# Measures that are shown of a subgroup; its Assessment has all.
SHOWN = ("auc", "average_precision", "brier", "observed_to_expected", "calibration_in_the_large")


@dataclasses.dataclass(frozen=True)
class Division:
    """Division of patients into subgroups by a column.

    Attributes:
        column: a column of patients.csv.
        cuts: ascending numbers, from each of which on a subgroup begins; empty for a subgroup per value.
    """

    column: str
    cuts: tuple[float, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Division":
        """Reads a division as it is given on a command line.

        >>> Division.parse("age:18,40")
        Division(column='age', cuts=(18.0, 40.0))

        Raises:
            InputError: there is no column, or the cut points are not ascending numbers.
        """
        column, colon, numbers = text.rpartition(":") if ":" in text else (text, "", "")
        error = f"subgroup: found {show(text)}; a column, or one with ascending cut points, such as age:18,40,65"
        try:
            cuts = tuple(float(number) for number in numbers.split(",")) if colon else ()
        except ValueError:
            raise InputError(error) from None
        ascending = all(low < high for low, high in itertools.pairwise(cuts))
        if not column or not ascending or not all(map(math.isfinite, cuts)):
            raise InputError(error)
        return cls(column, cuts)

    def groups(self, values: Sequence[str], table: str = "") -> dict[str, np.ndarray]:
        """Divides rows.

        >>> {name: rows.tolist() for name, rows in Division("age", (18.0,)).groups(["17.9", "18", ""]).items()}
        {'under 18': [True, False, False], '18 and over': [False, True, False], 'not known': [False, False, True]}

        Args:
            values: the value of each row; an empty one is not known.
            table: name of the table in a message.

        Returns:
            Dict from the name of each subgroup that has rows to a bool array (rows,).

        Raises:
            InputError: a value is no number though there are cut points, or there are more than `MOST_GROUPS` values.
        """
        values = [value.strip() for value in values]
        known = np.array([value != "" for value in values])
        groups = self._by_number(values, table) if self.cuts else self._by_value(values, table)
        groups[UNKNOWN] = groups.pop(UNKNOWN, False) | ~known
        return {name: rows for name, rows in groups.items() if rows.any()}

    def _by_value(self, values: list[str], table: str) -> dict[str, np.ndarray]:
        distinct, column = sorted(set(values) - {""}), np.array(values, object)
        if len(distinct) > MOST_GROUPS:
            raise InputError(
                f"{table}: column {self.column}: found {len(distinct)} different values; at most {MOST_GROUPS} make "
                f"groups; numbers can be cut, as in {self.column}:40,65"
            )
        return {value: column == value for value in distinct}

    def _by_number(self, values: list[str], table: str) -> dict[str, np.ndarray]:
        numbers = np.full(len(values), np.nan)
        for row, value in enumerate(values):
            if value:
                numbers[row] = _number(value)
                if not np.isfinite(numbers[row]):
                    raise InputError(
                        f"{table}: row {row}, column {self.column}: found {show(value)}; with cut points a number, or "
                        "nothing where it is not known"
                    )
        edges = [-np.inf, *self.cuts, np.inf]
        return {_range_name(low, high): (numbers >= low) & (numbers < high) for low, high in itertools.pairwise(edges)}


@dataclasses.dataclass(frozen=True)
class Subgroup:
    """The measures of a subgroup.

    Attributes:
        column, name: the column that divides, and the subgroup's value or range.
        rows, ones: number of rows, and of those of label 1.
        assessment: `mime_tf.assess.measures.Assessment` of the subgroup, or None.
        reason: str, why there is no assessment; else empty.
    """

    column: str
    name: str
    rows: int
    ones: int
    assessment: measures.Assessment | None
    reason: str


def read(cohort, divisions: Sequence[Division]) -> dict[str, dict[str, np.ndarray]]:
    """Divides the rows of a cohort by columns of the patients.csv beside it.

    Args:
        cohort: `mime_tf.data.cohort.Cohort`.
        divisions: the divisions, each of another column.

    Returns:
        Dict from the name of each column to its subgroups, as `Division.groups` has them.

    Raises:
        InputError: the table or a column is missing, a column is given twice, or as `Division.groups`.
    """
    divided: dict[str, dict[str, np.ndarray]] = {}
    for division in divisions:
        if division.column in divided:
            raise InputError(f"subgroup: found {division.column} twice; a column divides once")
        values = cohort.attribute(division.column)
        divided[division.column] = division.groups(values, cohort.attributes.path)
    return divided


def assess_groups(
    scores: Scores,
    divided: Mapping[str, Mapping[str, np.ndarray]],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    progress: Progress | None = None,
) -> list[Subgroup]:
    """Measures every subgroup on its own; the patients of a subgroup are resampled among themselves.

    Args:
        scores: the scores of a set.
        divided: dict from a column to a dict from a subgroup's name to a bool array (rows,).
        bootstrap: the resamples behind the intervals.
        progress: called with a line of text after each resample.

    Returns:
        List of Subgroup; those with fewer than `LEAST` rows of either label have a reason in place of measures.
    """
    subgroups = []
    for column, groups in divided.items():
        for name, members in groups.items():
            rows, ones = int(members.sum()), int(scores.labels[members].sum())
            reason = reason_against(scores.labels[members])
            assessment = None if reason else measures.assess(scores.select(members), bootstrap, progress)
            subgroups.append(Subgroup(column, name, rows, ones, assessment, reason))
    return subgroups


def reason_against(labels: np.ndarray) -> str:
    """Returns why a subgroup of these labels is not measured; an empty text if it is."""
    rows, ones = len(labels), int(labels.sum())
    if not rows:
        return "nobody in this set"
    if ones in (0, rows):
        return f"the labels are all {int(ones > 0)}"
    for label, count in ((1, ones), (0, rows - ones)):
        if count < LEAST:
            return f"too few: {count} of label {label}, where {LEAST} are needed"
    return ""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _range_name(low: float, high: float) -> str:
    if low == -math.inf:
        return f"under {high:g}"
    return f"{low:g} and over" if high == math.inf else f"{low:g} to under {high:g}"
