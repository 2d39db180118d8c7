"""The files that `convert` writes into its folder."""

import os
from typing import TYPE_CHECKING, Any

from mime_tf.data import hierarchy, parquet, pickled, visit_days
from mime_tf.terminal import files, outputs

if TYPE_CHECKING:  # `conversion` imports this package
    from mime_tf.ehr.conversion import Conversion

PREFIX = "cohort"
FILES = (
    f"{PREFIX}.seqs",
    f"{PREFIX}.labels",
    f"{PREFIX}.parquet",
    "vocabulary.csv",
    hierarchy.FILE,
    "patients.csv",
    visit_days.FILE,
    "linkage.json",
    "convert.json",
)
LAST = FILES[-1]


def check(folder: str, overwrite: bool) -> None:
    """Raises InputError if `write` would mix a cohort with other files, or can't write."""
    outputs.check_folder(folder, overwrite, FILES.__contains__)


def write(folder: str, conversion: "Conversion", invocation: dict[str, Any]) -> list[str]:
    """Writes a cohort: its files appear together, so that a failure leaves the folder as it was.

    Args:
        folder: the folder, new, empty, or holding a cohort that is replaced.
        conversion: the cohort.
        invocation: arguments and versions, for convert.json.

    Returns:
        The names of the files.
    """
    os.makedirs(folder, exist_ok=True)
    with files.publishing() as publication:
        for name in FILES:  # an earlier cohort may have had labels
            publication.remove(os.path.join(folder, name))
        _fill(folder, conversion, invocation)
    return [name for name in FILES if os.path.exists(os.path.join(folder, name))]


def _fill(folder, conversion, invocation):
    """Writes all files into a folder, convert.json last: where it is, all others belong to it."""
    prefix, patients = os.path.join(folder, PREFIX), conversion.patients
    pickled.write(prefix, conversion.store, conversion.labels)
    parquet.write(f"{prefix}.parquet", conversion.store, conversion.labels, patients["patient_id"])
    conversion.vocabulary.write(os.path.join(folder, "vocabulary.csv"))
    if conversion.hierarchy.rows:
        conversion.hierarchy.write(os.path.join(folder, hierarchy.FILE))
    rows = zip(*patients.values(), strict=True)
    files.write_table(os.path.join(folder, "patients.csv"), patients, rows)
    visit_days.write(os.path.join(folder, visit_days.FILE), conversion.store, conversion.visit_days)
    files.write_json(os.path.join(folder, "linkage.json"), conversion.linkage)
    report = {
        "outcome": conversion.outcome,
        "export": {"last_event": conversion.last_event},
        "flow": conversion.flow,
        "audit": conversion.audit,
        "notes": conversion.notes,
    }
    files.write_json(os.path.join(folder, "convert.json"), invocation | report)
