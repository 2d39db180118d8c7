"""How good probabilities are in subgroups of the patients, told apart by a column of patients.csv."""

import dataclasses
import itertools
import math

import numpy as np

from mime_tf.assess import measures
from mime_tf.errors import InputError, show

# Of either label, for there to be numbers.
LEAST = 10
MOST_GROUPS = 20
UNKNOWN = "not known"
# What is shown of a subgroup; its Assessment has all measures.
SHOWN = ("auc", "average_precision", "brier", "observed_to_expected", "calibration_in_the_large")


@dataclasses.dataclass(frozen=True)
class Division:
    """How to divide patients into groups.

    Attributes:
        column: of patients.csv.
        cuts: tuple of ascending numbers, from each of which on a group begins; empty for a group a value.
    """

    column: str
    cuts: tuple = ()

    @classmethod
    def parse(cls, text):
        """Reads a division as it is given on a command line.

        >>> Division.parse("age:18,40")
        Division(column='age', cuts=(18.0, 40.0))

        Raises:
            InputError: there is no column, or the cut points are not ascending numbers.
        """
        column, colon, cuts = text.rpartition(":") if ":" in text else (text, "", "")
        wrong = f"subgroup: found {show(text)}; a column, or one with ascending cut points, such as age:18,40,65"
        try:
            cuts = tuple(float(cut) for cut in cuts.split(",")) if colon else ()
        except ValueError:
            raise InputError(wrong) from None
        ascending = all(low < high for low, high in itertools.pairwise(cuts))
        if not column or not ascending or not all(map(math.isfinite, cuts)):
            raise InputError(wrong)
        return cls(column, cuts)

    def groups(self, values, where=""):
        """Divides rows.

        >>> {name: rows.tolist() for name, rows in Division("age", (18.0,)).groups(["17.9", "18", ""]).items()}
        {'under 18': [True, False, False], '18 and over': [False, True, False], 'not known': [False, False, True]}

        Args:
            values: list of str, one a row; an empty one is not known.
            where: what to call the table in a message.

        Returns:
            Dict from the name of each group that has rows to a bool array (rows,).

        Raises:
            InputError: a value is no number though there are cut points, or there are more than `MOST_GROUPS` values.
        """
        values = [value.strip() for value in values]
        known = np.array([value != "" for value in values])
        found = self._by_number(values, where) if self.cuts else self._by_value(values, where)
        found[UNKNOWN] = found.pop(UNKNOWN, False) | ~known
        return {name: rows for name, rows in found.items() if rows.any()}

    def _by_value(self, values, where):
        different, values = sorted(set(values) - {""}), np.array(values, object)
        if len(different) > MOST_GROUPS:
            raise InputError(
                f"{where}: column {self.column}: found {len(different)} different values; at most {MOST_GROUPS} make "
                f"groups; numbers can be cut, as in {self.column}:40,65"
            )
        return {value: values == value for value in different}

    def _by_number(self, values, where):
        numbers = np.full(len(values), np.nan)
        for row, value in enumerate(values):
            if value:
                numbers[row] = _number(value)
                if not np.isfinite(numbers[row]):
                    raise InputError(
                        f"{where}: row {row}, column {self.column}: found {show(value)}; with cut points a number, or "
                        "nothing where it is not known"
                    )
        edges = [-np.inf, *self.cuts, np.inf]
        return {_name(low, high): (numbers >= low) & (numbers < high) for low, high in itertools.pairwise(edges)}


@dataclasses.dataclass(frozen=True)
class Subgroup:
    """What is found of a group of patients.

    Attributes:
        column, name: which group: the column that divides, and the value or range.
        rows, ones: number of rows, and of those of label 1.
        assessment: `mime_tf.assess.measures.Assessment` of the group, or None.
        reason: str, why there is none; else empty.
    """

    column: str
    name: str
    rows: int
    ones: int
    assessment: measures.Assessment | None
    reason: str


def read(cohort, divisions):
    """Divides the rows of a cohort by columns of the patients.csv beside it.

    Args:
        cohort: `mime_tf.data.cohort.Cohort`.
        divisions: list of `Division`.

    Returns:
        Dict from the name of each column to its groups, as `Division.groups` has them.

    Raises:
        InputError: there is no such table or column, a column is there twice, or as `Division.groups`.
    """
    found = {}
    for division in divisions:
        if division.column in found:
            raise InputError(f"subgroup: found {division.column} twice; a column divides once")
        values = cohort.attribute(division.column)
        found[division.column] = division.groups(values, cohort.attributes.path)
    return found


def assess_groups(labels, probabilities, divided, groups=None, bootstrap=1000, seed=0, progress=None):
    """Measures every subgroup on its own; the patients of a subgroup are resampled among themselves.

    Args:
        labels: 0 or 1, (rows,).
        probabilities: (rows,).
        divided: dict from a column to a dict from a group's name to a bool array (rows,).
        groups: as for `mime_tf.assess.measures.assess`.
        bootstrap: likewise.
        seed: likewise.
        progress: likewise.

    Returns:
        List of Subgroup; those with fewer than `LEAST` rows of either label have a reason in place of numbers.

    Raises:
        InputError: as `mime_tf.assess.measures.assess`.
    """
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    found = []
    for column, members in divided.items():
        for name, rows in members.items():
            total, ones = int(rows.sum()), int(labels[rows].sum())
            reason, of_group = _reason(total, ones), None
            if not reason:
                patients = None if groups is None else np.asarray(groups)[rows]
                of_group = measures.assess(labels[rows], probabilities[rows], patients, bootstrap, seed, progress)
            found.append(Subgroup(column, name, total, ones, of_group, reason))
    return found


def _reason(rows, ones):
    """Why a group is not measured; empty where it is."""
    if not rows:
        return "nobody in this set"
    if ones in (0, rows):
        return f"the labels are all {int(ones > 0)}"
    for label, count in ((1, ones), (0, rows - ones)):
        if count < LEAST:
            return f"too few: {count} of label {label}, where {LEAST} are needed"
    return ""


def _number(text):
    try:
        return float(text)
    except ValueError:
        return math.nan


def _name(low, high):
    if low == -math.inf:
        return f"under {high:g}"
    return f"{low:g} and over" if high == math.inf else f"{low:g} to under {high:g}"
