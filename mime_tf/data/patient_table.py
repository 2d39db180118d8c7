"""What else is known of a cohort's patients: patients.csv, which may lie beside it, with a row for each of its rows."""

import csv
import os

from mime_tf.data import cohort
from mime_tf.errors import InputError

FILE = "patients.csv"


def path_of(source):
    """Returns where the table of a cohort would be: in its folder, as `mime_tf.data.cohort` names it."""
    return os.path.join(cohort.folder(source), FILE)


def read(source, patients):
    """Reads the table of a cohort.

    Args:
        source: the cohort, as `mime_tf.data.cohort` says.
        patients: how many rows the cohort has.

    Returns:
        Dict from the name of a column to its values, a list of str in the cohort's order; None where there is no table.

    Raises:
        InputError: it is not such a file, or has another number of rows.
    """
    path = path_of(source)
    if not os.path.exists(path):
        return None
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as CSV in UTF-8: {error}") from error
    if not rows or len(set(rows[0])) != len(rows[0]):
        raise InputError(f"{path}: found {'no header' if not rows else 'a column twice'}; needs a header of names")
    header, rows = rows[0], rows[1:]
    for line, row in enumerate(rows, 2):
        if len(row) != len(header):
            raise InputError(f"{path}: line {line}: {len(row)} fields; one for each of the header's {len(header)}")
    if len(rows) != patients:
        raise InputError(f"{path}: {len(rows)} rows; must be {patients}, one for each row of {cohort.name(source)}")
    return {name: [row[column] for row in rows] for column, name in enumerate(header)}


def column(source, patients, name):
    """Returns one column, a list of str.

    Raises:
        InputError: there is no table or no such column, or as `read`.
    """
    table = read(source, patients)
    if table is None:
        raise InputError(f"{path_of(source)}: is not there; the column {name} is looked for in it")
    if name not in table:
        raise InputError(f"{path_of(source)}: no column {name}; found {', '.join(table)}")
    return table[name]
