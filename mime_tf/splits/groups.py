"""Groups of rows that stay on one side of a split, by a column that names the patients."""

import hashlib

import numpy as np

from mime_tf.data.cohort import PATIENT_ID, Cohort
from mime_tf.errors import InputError
from mime_tf.splits.division import numbered


def group_numbers(cohort: Cohort, column: str) -> np.ndarray | None:
    """Returns the group of each row of a cohort: rows with the same value of a column are one group.

    Args:
        cohort: the cohort.
        column: name of a column of the patients.csv beside the cohort, or `""` for no groups; `"patient_id"` is the
            ids stored with the patients, if there are any.

    Returns:
        int64 (rows,), numbers in the order of first appearance; None for no groups.

    Raises:
        InputError: no such column is there, or a value is empty.
    """
    if not column:
        return None
    if column == PATIENT_ID and cohort.stored_ids is not None:
        return numbered(cohort.stored_ids)
    if cohort.path is None:
        raise InputError(f"group_column: found {column}; a cohort that was not read from a file has no patients.csv")
    values = [value.strip() for value in cohort.attribute(column)]
    if "" in values:
        assert cohort.attributes is not None  # it has the column
        raise InputError(
            f"{cohort.attributes.path}: row {values.index('')}, column {column}: found nothing; a group_column has a "
            "value in every row"
        )
    return numbered(np.array(values))


def repeats(cohort: Cohort, rows: np.ndarray) -> bool:
    """Returns whether two of some rows of a cohort have the same `patient_id`; False for a cohort without ids."""
    try:
        groups = group_numbers(cohort, PATIENT_ID)
    except InputError:  # no ids; a damaged patients.csv concerns those alone who ask for a column of it
        return False
    return groups is not None and len(np.unique(groups[rows])) < len(rows)


def digest(groups: np.ndarray) -> str:
    """Returns the SHA-256 of a grouping: that of two columns is the same if they tell the same rows apart."""
    return hashlib.sha256(numbered(groups).astype("<i8").tobytes()).hexdigest()
