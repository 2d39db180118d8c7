"""A cohort as one Parquet file, or as a folder of them, read and written through Arrow.

A row is a patient. The columns are found by name, in any order, and others are left alone:

    patient_id  a string or any integer; optional. It may repeat: a patient may have several rows
    label       0 or 1, as a boolean, an integer or a float
    visits      list<list<struct<dx: int, rx: list<int>, pr: list<int>>>>

`visits` nests as the records do: a patient is a list of visits, at least one; a visit a list of Dx-objects; a Dx-object
has a diagnosis code and the codes of the medications and the procedures that it led to. The fields of the struct are
found by name too. Any width of integer will do, and any kind of list: list, large_list, list_view, fixed_size_list,
whatever its elements are called. Codes count from 0 and end at 2**31 - 1. Nothing is null: where there is nothing, `[]`
says so. The files of a folder are those named `*.parquet`, one cohort in the order of their names, and either all have
the same kind of `patient_id` or none has the column.
"""

import contextlib
import functools
import glob
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mime_tf import files
from mime_tf.errors import InputError, show
from mime_tf.records import MAX_CODE
from mime_tf.store import Store, offsets

_BLOCK = 4096  # patients decoded at a time


def paths(path):
    """Returns the files that a Parquet cohort is made of, in the order in which they are read.

    Args:
        path: a file, or a folder.

    Returns:
        `[path]`, or the `*.parquet` of the folder in the order of their names.

    Raises:
        InputError: it is a folder that holds none.
    """
    path = os.fspath(path)
    if not os.path.isdir(path):
        return [path]
    found = sorted(glob.glob(os.path.join(glob.escape(path), "*.parquet")))
    if not found:
        raise InputError(f"{path}: no file *.parquet in this folder; at least one is needed")
    return found


# Reading.


def read(path, labelled=True):
    """Reads the patients and labels of a cohort.

    Memory holds the result and little more: files are decoded a few thousand patients at a time.

    Args:
        path: a Parquet file, or a folder of them.
        labelled: read the labels, which have to be there; else they are not looked at.

    Returns:
        The patients as a Store, equal to what `records.from_lists` makes of them; the labels, an int64 array of shape
        (patients,) of 0 and 1, or None; and the patient_ids, an array of that shape of str (as objects) or of int64,
        None where there is no such column.

    Raises:
        InputError: a file is missing, broken, or not as the module says; positions count through all files.
    """
    columns = {}
    for block in _blocks(paths(path), labelled):
        if columns:
            _append(columns, block)
        else:
            columns = {name: values.copy() for name, values in block.items()}
    if not columns:
        raise InputError(f"{os.fspath(path)}: no patient; at least one is needed")
    labels, patient_ids = columns.pop("label", None), columns.pop("patient_id", None)
    return Store(**columns), labels, patient_ids


def _append(columns, block):
    """Lengthens columns by those of a block, in place: to keep the blocks and join them would take twice the memory."""
    for name, column in columns.items():
        start, values = len(column), block[name]
        if name in ("visits", "dxobjs", "rx_offsets", "pr_offsets"):
            values = values[1:] + column[-1]
        column.resize(start + len(values), refcheck=False)  # on Linux, no byte of a large array is moved
        column[start:] = values


# What is read at a time is small, and checksums are looked at where the writer left any.
_OPTIONS = {"pre_buffer": False, "buffer_size": 1 << 20, "page_checksum_verification": True}


def _blocks(found, labelled):
    """Yields the patients of the files `found`, some thousands at a time, as what `_block` makes of them."""
    first, shapes = 0, {}
    for path in found:
        with _complaints(path), pa.OSFile(path) as source, pq.ParquetFile(source, **_OPTIONS) as file:
            shapes[path] = _check_schema(file.schema_arrow, path, labelled)
            if shapes[path] != shapes[found[0]]:
                expected = f"in {found[0]} it is {shapes[found[0]]}, and the files of a folder agree"
                raise InputError(f"{path}: patient_id is {shapes[path]}; {expected}")
            start, rows = first, file.metadata.num_rows
            for batch in file.iter_batches(_BLOCK, columns=_leaves(file.schema, labelled)):
                batch.validate(full=True)  # a broken file can make lists that reach outside of their values
                yield _block(batch, (path, first))
                first += len(batch)
            if first - start != rows:
                raise InputError(f"{path}: found {first - start} patients; by its footer there are {rows}")
    pa.default_memory_pool().release_unused()


@contextlib.contextmanager
def _complaints(path):
    """Turns what Arrow raises about a file into an InputError."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = os.strerror(error.errno) if getattr(error, "errno", None) else _line(error)
        raise InputError(f"{path}: can't be read ({reason}); a Parquet file of patients is needed") from error


def _leaves(schema, labelled):
    """Returns the columns to decode, by the dotted paths of a Parquet schema, in which lists add names of their own."""
    found = [schema.column(i).path for i in range(len(schema))]
    visits = [path for path in found if path.startswith("visits.") and not _FIELDS.keys().isdisjoint(path.split("."))]
    return ["patient_id", *(["label"] if labelled else []), *visits]


def _block(batch, where):
    """Checks some patients and returns their columns.

    Args:
        batch: a RecordBatch.
        where: the file, and the position of the first patient in the cohort; for a level further down, after these,
            the counts of the levels above it.

    Returns:
        Dict of `patient_id` and `label`, where there are such columns, and the columns of a Store.
    """
    checks = {"patient_id": _ids, "label": _labels}
    there = [name for name in checks if name in batch.schema.names]
    columns = {name: checks[name](batch.column(name), where) for name in there}
    patients = batch.column("visits")
    rows, visits = _flatten(patients, where, "a patient is a list of visits")
    _check(visits > 0, patients, where, "a patient has at least one visit")
    rows, dxobjs = _flatten(rows, (*where, visits), "a visit is a list of Dx-objects")
    where = (*where, visits, dxobjs)
    _check_valid(rows, where, "a Dx-object is a struct of dx, rx and pr")
    dx, rx, pr = (rows.flatten()[rows.type.get_field_index(name)] for name in _FIELDS)
    rx, rx_counts = _flatten(rx, where, "medications (rx) are a list of codes")
    pr, pr_counts = _flatten(pr, where, "procedures (pr) are a list of codes")
    dx = _codes(dx, where, "diagnosis (dx)")
    rx = _codes(rx, (*where, rx_counts), "medication (rx)")
    pr = _codes(pr, (*where, pr_counts), "procedure (pr)")
    ends = {"visits": visits, "dxobjs": dxobjs, "rx_offsets": rx_counts, "pr_offsets": pr_counts}
    columns |= {name: offsets(counts) for name, counts in ends.items()}
    return columns | {"dx": dx, "rx": rx, "pr": pr}


def _flatten(lists, where, expected):
    """Checks that no list is null, and returns their items as one array, and the count of each."""
    _check_valid(lists, where, expected)
    return lists.flatten(), lists.value_lengths().to_numpy()


def _codes(array, where, name):
    """Checks codes and returns them as int32."""
    expected = f"a {name} is a whole number from 0 to {MAX_CODE}"
    return _values(array, where, expected, lambda codes: (codes >= 0) & (codes <= MAX_CODE)).astype(np.int32)


def _labels(array, where):
    """Checks labels and returns them as int64."""
    return _values(array, where, "a label is 0 or 1", lambda labels: (labels == 0) | (labels == 1)).astype(np.int64)


def _ids(array, where):
    """Checks patient_ids and returns them as str or int64."""
    expected = "a patient_id is a string or a whole number below 2**63"
    if pa.types.is_integer(array.type):
        return _values(array, where, expected, lambda ids: ids < 2**63).astype(np.int64)
    return _values(array, where, expected, lambda ids: np.ones(len(ids), bool))


def _values(array, where, expected, is_good):
    """Checks that no value is null and that all are good, and returns them as a NumPy array."""
    _check_valid(array, where, expected)
    values = array.to_numpy(zero_copy_only=False)
    _check(is_good(values), array, where, expected)
    return values


def _check_valid(array, where, expected):
    """Raises InputError at the first null."""
    if array.null_count:
        _check(array.is_valid().to_numpy(zero_copy_only=False), array, where, expected)


def _check(good, array, where, expected):
    """Raises InputError at the first row of a level that is not `good`."""
    if not good.all():
        path, first, *levels = where
        row = int(np.argmin(good))
        found = show(array[row].as_py()) if array[row].is_valid else "null"
        raise InputError(f"{path}: {_place(row, first, levels)}: found {found}; {expected}")


def _place(row, first, levels):
    """Names the patient, visit and Dx-object of a row."""
    positions = []
    for counts in reversed(levels):
        starts = offsets(counts)
        parent = int(np.searchsorted(starts, row, side="right")) - 1
        positions.append(row - starts[parent])
        row = parent
    names = zip(("patient", "visit", "Dx-object"), reversed([*positions, first + row]), strict=False)
    return ", ".join(f"{name} {position}" for name, position in names)


# Types of columns.

_LISTS = (pa.ListType, pa.LargeListType, pa.ListViewType, pa.LargeListViewType, pa.FixedSizeListType)
# The shapes that are right, by name.
_COLUMNS = {"patient_id": ("string", "int"), "label": ("bool", "int", "float"), "visits": ("list<list<struct>>",)}
_FIELDS = {"dx": ("int",), "rx": ("list<int>",), "pr": ("list<int>",)}
_KINDS = {
    "int": (pa.types.is_integer, pa.types.is_null),  # pandas and Arrow give the null type to lists that are all empty
    "float": (pa.types.is_floating,),
    "bool": (pa.types.is_boolean,),
    "string": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "struct": (pa.types.is_struct,),
}


def _shape(kind):
    """Names what matters of an Arrow type, in the words of `_COLUMNS`; other types have the name "other"."""
    if isinstance(kind, _LISTS):
        return f"list<{_shape(kind.value_type)}>"
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return next((name for name, tests in _KINDS.items() if any(test(kind) for test in tests)), "other")


def _check_schema(schema, path, labelled):
    """Checks the columns of a file; returns the shape of patient_id, "absent" where there is none."""
    wanted = {"visits"} | ({"label"} if labelled else set()) | ({"patient_id"} & set(schema.names))
    needed = {name: right for name, right in _COLUMNS.items() if name in wanted}
    shapes = _check_fields(schema, needed, f"{path}: ", "column")
    _check_fields(schema.field("visits").type.value_type.value_type, _FIELDS, f"{path}: column visits: ", "field")
    return shapes.get("patient_id", "absent")


def _check_fields(fields, needed, place, what):
    """Checks that each of the names `needed` is there once, in a shape that is right; returns the shapes by name."""
    names, shapes = [field.name for field in fields], {}
    for name, right in needed.items():
        if names.count(name) != 1:
            count = f"{names.count(name)} {what}s" if name in names else f"no {what}"
            found = f"{count} {name}; found {_line(', '.join(names))}"
            raise InputError(f"{place}{found}; needed {', '.join(needed)}")
        kind = fields.field(names.index(name)).type
        shapes[name] = _shape(kind)
        if shapes[name] not in right:
            raise InputError(f"{place}{what} {name}: found {_line(kind)}; needed {' or '.join(right)}")
    return shapes


def _line(value):
    """Describes a value in one line that is not too long."""
    text = " ".join(str(value).split())
    return text if len(text) <= 120 else text[:117] + "..."


# Writing.

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
    columns = {} if patient_ids is None else {"patient_id": _column("patient_id", patient_ids, _ids)}
    columns |= {} if labels is None else {"label": _column("label", labels, _labels)}
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
        raise InputError(f"{name}: {_line(error)}; needed {' or '.join(_COLUMNS[name])}") from error
    if _shape(array.type) not in _COLUMNS[name]:
        raise InputError(f"{name}: found {_line(array.type)}; needed {' or '.join(_COLUMNS[name])}")
    return pa.array(check(array, (name, 0)))
