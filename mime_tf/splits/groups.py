"""Which rows of a cohort are of one patient, by a column that names the patients."""

import hashlib

import numpy as np

from mime_tf.data import patient_table
from mime_tf.errors import InputError
from mime_tf.splits.division import numbered

PATIENT_ID = "patient_id"


def group_numbers(cohort, column):
    """Returns the group of each row of a cohort: rows with the same value of a column are one group.

    Args:
        cohort: `mime_tf.data.cohort.Cohort`, as `mime_tf.data.cohort.read` returns it.
        column: `"patient_id"` is the cohort's own, where it has one; otherwise, and every other name, a column of the
            patients.csv beside the cohort (`mime_tf.data.patient_table`); `""` is none.

    Returns:
        int64 (rows,), numbers in the order of first appearance; None where `column` is `""`.

    Raises:
        InputError: there is no such column, or a value is empty.
    """
    if not column:
        return None
    if column == PATIENT_ID and cohort.patient_ids is not None:
        return numbered(cohort.patient_ids)
    if cohort.source is None:
        raise InputError(f"group_column: found {column}; a cohort that was not read from a file has no patients.csv")
    values = [value.strip() for value in patient_table.column(cohort.source, len(cohort.store), column)]
    if "" in values:
        path = patient_table.path_of(cohort.source)
        raise InputError(
            f"{path}: row {values.index('')}, column {column}: found nothing; a group_column has a value in every row"
        )
    return numbered(np.array(values))


def repeats(cohort, rows):
    """Returns whether two of some rows of a cohort have the same `patient_id`; no, where there is none."""
    try:
        groups = group_numbers(cohort, PATIENT_ID)
    except InputError:  # without ids; and what is wrong with a patients.csv is for those to know who ask for a column
        return False
    return len(np.unique(groups[rows])) < len(rows)


def digest(groups):
    """Returns the SHA-256 of a grouping: that of two columns is the same where they tell the same rows apart."""
    return hashlib.sha256(numbered(groups).astype("<i8").tobytes()).hexdigest()
