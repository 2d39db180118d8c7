"""Writing of a Store as a Parquet cohort."""

import functools
import os
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mime_tf.data.parquet.reader import checked_ids, checked_labels
from mime_tf.data.parquet.schema import COLUMNS, one_line, shape
from mime_tf.data.places import Level
from mime_tf.data.store import Store
from mime_tf.errors import InputError
from mime_tf.terminal import files

_never_null = functools.partial(pa.field, nullable=False)
_CODES = pa.list_(_never_null("element", pa.int32()))
_OUTCOMES = pa.list_(_never_null("element", pa.uint8()))
_DXOBJECT = pa.struct([_never_null("dx", pa.int32()), _never_null("rx", _CODES), _never_null("pr", _CODES)])
_VISIT = pa.list_(_never_null("element", _DXOBJECT))
_PATIENT = pa.list_(_never_null("element", _VISIT))


def write(
    path: str | os.PathLike,
    store: Store,
    labels: Sequence[int] | np.ndarray | None = None,
    patient_ids: Sequence | np.ndarray | None = None,
    group: int = 8192,
) -> None:
    """Writes a cohort as one Parquet file, which is either whole or not there.

    Args:
        path: of the file.
        store: the patients.
        labels: 0 or 1 for each patient, or as many outcomes of 0 or 1 for each; lists, or an array of shape (patients,)
            or (patients, outcomes). None leaves the column out.
        patient_ids: a string or an integer for each patient, in the same form; None leaves the column out.
        group: patients in a row group, the unit of work of other readers.

    Raises:
        InputError: the labels or the patient_ids are not right; nothing is written.
    """
    columns = {} if patient_ids is None else {"patient_id": _column("patient_id", patient_ids, checked_ids)}
    columns |= {} if labels is None else {"label": _column("label", labels, checked_labels)}
    for name, column in columns.items():
        if len(column) != len(store):
            raise InputError(f"{name}: found {len(column)} for {len(store)} patients; one per patient is needed")
    types = {name: column.type for name, column in columns.items()} | {"visits": _PATIENT}
    schema = pa.schema([_never_null(*column) for column in types.items()])
    options = {"compression": "zstd", "write_page_checksum": True}
    with files.replacing(path) as file, pq.ParquetWriter(file, schema, **options) as writer:
        for first in range(0, len(store), group):
            end = min(first + group, len(store))
            values = [*(column[first:end] for column in columns.values()), _patients(store, first, end)]
            writer.write_batch(pa.record_batch(values, schema=schema))


def _patients(store: Store, first: int, end: int) -> pa.Array:
    """Returns the patients from `first` to before `end` as an Arrow array."""
    visits = store.visits[[first, end]]
    dxobjs = store.dxobjs[visits]
    rx = _lists(store.rx_offsets, dxobjs, store.rx[slice(*store.rx_offsets[dxobjs])], _CODES)
    pr = _lists(store.pr_offsets, dxobjs, store.pr[slice(*store.pr_offsets[dxobjs])], _CODES)
    dxobjects = pa.StructArray.from_arrays([pa.array(store.dx[slice(*dxobjs)]), rx, pr], fields=list(_DXOBJECT))
    return _lists(store.visits, (first, end), _lists(store.dxobjs, visits, dxobjects, _VISIT), _PATIENT)


def _lists(
    offsets: np.ndarray, bounds: tuple[int, int] | np.ndarray, items: np.ndarray | pa.Array, kind: pa.DataType
) -> pa.Array:
    """Returns some consecutive lists of a level as an Arrow array.

    Args:
        offsets: of all lists of the level.
        bounds: positions of the first list, and of the one after the last.
        items: of these lists.
        kind: the Arrow type of a list.
    """
    offsets = offsets[bounds[0] : bounds[1] + 1]
    return pa.ListArray.from_arrays(pa.array(offsets - offsets[0], pa.int32()), pa.array(items), type=kind)


def _column(name: str, values: Sequence | np.ndarray, check: Callable[[pa.Array, Level], np.ndarray]) -> pa.Array:
    """Returns values as an Arrow array, checked as `read` would check them."""
    try:
        array = pa.array(list(values) if getattr(values, "ndim", 1) > 1 else values)
    except (pa.ArrowException, OverflowError) as error:
        raise InputError(f"{name}: {one_line(error)}; needed {' or '.join(COLUMNS[name])}") from error
    if shape(array.type) not in COLUMNS[name]:
        raise InputError(f"{name}: found {one_line(array.type)}; needed {' or '.join(COLUMNS[name])}")
    checked = check(array, Level(name))
    return pa.array(checked) if checked.ndim == 1 else pa.array(list(checked), _OUTCOMES)
