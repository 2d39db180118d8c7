"""Writing a Store as a Parquet cohort."""

import functools

import pyarrow as pa
import pyarrow.parquet as pq

from mime_tf.data.parquet.read import checked_ids, checked_labels
from mime_tf.data.parquet.schema import COLUMNS, one_line, shape
from mime_tf.errors import InputError
from mime_tf.terminal import files

_never_null = functools.partial(pa.field, nullable=False)
_CODES = pa.list_(_never_null("element", pa.int32()))
_DXOBJECT = pa.struct([_never_null("dx", pa.int32()), _never_null("rx", _CODES), _never_null("pr", _CODES)])
_VISIT = pa.list_(_never_null("element", _DXOBJECT))
_PATIENT = pa.list_(_never_null("element", _VISIT))


def write(path, store, labels=None, patient_ids=None, group=8192):
    """Writes a cohort as one Parquet file, which is either whole or not there.

    Args:
        path: the file.
        store: the patients, a Store.
        labels: 0 or 1 for each patient, a list or an array of shape (patients,); None leaves the column out.
        patient_ids: a string or an integer for each patient, likewise.
        group: patients in a row group, which is what other readers take as a piece of work.

    Raises:
        InputError: the labels or the patient_ids are not right; nothing is written.
    """
    columns = {} if patient_ids is None else {"patient_id": _column("patient_id", patient_ids, checked_ids)}
    columns |= {} if labels is None else {"label": _column("label", labels, checked_labels)}
    for name, column in columns.items():
        if len(column) != len(store):
            raise InputError(f"{name}: found {len(column)} for {len(store)} patients; one a patient is needed")
    types = {name: column.type for name, column in columns.items()} | {"visits": _PATIENT}
    schema = pa.schema([_never_null(*column) for column in types.items()])
    options = {"compression": "zstd", "write_page_checksum": True}
    with files.replacing(path) as file, pq.ParquetWriter(file, schema, **options) as writer:
        for first in range(0, len(store), group):
            end = min(first + group, len(store))
            values = [*(column[first:end] for column in columns.values()), _patients(store, first, end)]
            writer.write_batch(pa.record_batch(values, schema=schema))


def _patients(store, first, end):
    """Returns the patients from `first` to before `end` as an Arrow array."""
    visits = store.visits[[first, end]]
    dxobjs = store.dxobjs[visits]
    rx = _lists(store.rx_offsets, dxobjs, store.rx[slice(*store.rx_offsets[dxobjs])], _CODES)
    pr = _lists(store.pr_offsets, dxobjs, store.pr[slice(*store.pr_offsets[dxobjs])], _CODES)
    dxobjects = pa.StructArray.from_arrays([pa.array(store.dx[slice(*dxobjs)]), rx, pr], fields=list(_DXOBJECT))
    return _lists(store.visits, (first, end), _lists(store.dxobjs, visits, dxobjects, _VISIT), _PATIENT)


def _lists(ends, rows, items, kind):
    """Returns the lists of the two `rows`, first and end, whose items are an array."""
    ends = ends[rows[0] : rows[1] + 1]
    return pa.ListArray.from_arrays(pa.array(ends - ends[0], pa.int32()), pa.array(items), type=kind)


def _column(name, values, check):
    """Returns values as an Arrow array, after what `read` would do to them."""
    try:
        array = pa.array(values)
    except (pa.ArrowException, OverflowError) as error:
        raise InputError(f"{name}: {one_line(error)}; needed {' or '.join(COLUMNS[name])}") from error
    if shape(array.type) not in COLUMNS[name]:
        raise InputError(f"{name}: found {one_line(array.type)}; needed {' or '.join(COLUMNS[name])}")
    return pa.array(check(array, (name, 0)))
