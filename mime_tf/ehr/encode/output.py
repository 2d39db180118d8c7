"""What `convert` writes into its folder."""

import contextlib
import os
import shutil
import tempfile

from mime_tf.data import parquet, pickled
from mime_tf.errors import InputError
from mime_tf.terminal import files

PREFIX = "cohort"
FILES = (
    f"{PREFIX}.seqs",
    f"{PREFIX}.labels",
    f"{PREFIX}.parquet",
    "vocabulary.csv",
    "patients.csv",
    "linkage.json",
    "convert.json",
)


def check(folder, overwrite):
    """Raises InputError if `write` would mix with what is there, or can't write."""
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise InputError(f"{folder}: is not a folder; a folder is written")
    if os.path.isdir(folder):
        there = sorted(os.listdir(folder))
        foreign = [name for name in there if name not in FILES]
        if there and not overwrite:
            raise InputError(f"{folder}: has {there[0]} in it; must be new or empty, or --overwrite replaces a cohort")
        if foreign:
            raise InputError(f"{folder}: has {foreign[0]} in it, which no cohort has; must be new, empty or a cohort")
    above = os.path.abspath(folder)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if not (os.path.isdir(above) and os.access(above, os.W_OK)):
        raise InputError(f"{folder}: can't be written; {above} is not a folder that may be written to")


def write(folder, conversion, run):
    """Writes a cohort: everything is made beside the folder first, so that a failure leaves the folder as it was.

    Args:
        folder: the folder, new, empty, or holding a cohort that is replaced.
        conversion: `mime_tf.ehr.conversion.Conversion`.
        run: dict, what was run, for convert.json.

    Returns:
        The names of the files, a list.
    """
    folder = os.path.abspath(folder)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    made = tempfile.mkdtemp(prefix=f".{os.path.basename(folder)}-", dir=os.path.dirname(folder))
    try:
        _fill(made, conversion, run)
        os.makedirs(folder, exist_ok=True)
        # convert.json goes first and comes last: where it is, the rest belongs to it.
        for name in reversed(FILES):
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(folder, name))
        written = [name for name in FILES if os.path.exists(os.path.join(made, name))]
        for name in written:
            os.replace(os.path.join(made, name), os.path.join(folder, name))
    finally:
        shutil.rmtree(made)
    return written


def _fill(folder, conversion, run):
    """Writes all files into a folder."""
    prefix, patients = os.path.join(folder, PREFIX), conversion.patients
    pickled.write(prefix, conversion.store, conversion.labels)
    parquet.write(f"{prefix}.parquet", conversion.store, conversion.labels, patients["patient_id"])
    conversion.vocabulary.write(os.path.join(folder, "vocabulary.csv"))
    rows = zip(*patients.values(), strict=True)
    files.write_table(os.path.join(folder, "patients.csv"), patients, rows)
    files.write_json(os.path.join(folder, "linkage.json"), conversion.linkage)
    report = {"flow": conversion.flow, "audit": conversion.audit, "notes": conversion.notes}
    files.write_json(os.path.join(folder, "convert.json"), run | report)
