"""Writes a cohort of the paper's shape as a hospital's tables, for `convert --source tables`."""

import pathlib

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from benchmarks.paper_cohort import paper_cohort
from mime_tf.data.parquet import writer

DAY = np.timedelta64(1, "D")
FIRST_DAY = np.datetime64("2000-01-01", "s")
MAPPING = """\
visits: {file: visits, visit: visit, patient: patient, start: start}
diagnoses: {file: diagnoses, visit: visit, code: code, system: made up}
orders:
- {kind: rx, file: rx, order: order, visit: visit, code: code, system: made up, reason: reason}
- {kind: pr, file: pr, order: order, visit: visit, code: code, system: made up, reason: reason}
"""


def write(folder, **arguments):
    """Writes visits, diagnoses, orders, labels and a mapping of a `paper_cohort` into a new folder.

    A visit comes thirty days after the one before it, and the prediction time a day after the last visit.
    """
    folder = pathlib.Path(folder)
    folder.mkdir()
    store, labels = paper_cohort(**arguments)
    counts = store.visit_counts
    patients = np.repeat(np.arange(len(store)), counts)
    months = np.arange(len(patients)) - np.repeat(store.visits[:-1], counts)
    visits = np.repeat(np.arange(len(patients)), np.diff(store.dxobjs))
    diagnoses = _codes("dx", store.dx)
    _write(folder / "visits", visit=np.arange(len(patients)), patient=patients, start=FIRST_DAY + 30 * DAY * months)
    _write(folder / "diagnoses", visit=visits, code=diagnoses)
    for kind in ("rx", "pr"):
        codes, owners = getattr(store, kind), np.diff(getattr(store, f"{kind}_offsets"))
        orders = np.repeat(np.arange(len(store.dx)), owners)
        values = {"order": np.arange(len(codes)), "visit": visits[orders], "code": _codes(kind, codes)}
        _write(folder / kind, **values, reason=diagnoses.take(pa.array(orders)))
    last = FIRST_DAY + DAY * (30 * (counts - 1) + 1)
    _write(
        folder.with_name(f"{folder.name}_labels"),
        subject_id=np.arange(len(store)),
        prediction_time=last,
        boolean_value=labels > 0,
    )
    folder.with_name(f"{folder.name}_mapping.yaml").write_text(MAPPING, encoding="utf-8")


def write_cohort(path, **arguments):
    """Writes a `paper_cohort` as one Parquet file, as `pack` does."""
    writer.write(path, *paper_cohort(**arguments))


def _codes(kind, numbers):
    """Returns codes such as dx7 as an Arrow array of strings."""
    names = pa.array([f"{kind}{number}" for number in range(int(numbers.max(initial=0)) + 1)])
    return names.take(pa.array(numbers))


def _write(path, **columns):
    parquet.write_table(pa.table(columns), f"{path}.parquet")
