"""Reading of a Parquet cohort into a Store, a few thousand patients at a time."""

import contextlib
import os
from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mime_tf.data.parquet import opening
from mime_tf.data.parquet.schema import FIELDS, check_schema, one_line
from mime_tf.data.parquet_files import parquet_files
from mime_tf.data.pickled import MAX_CODE
from mime_tf.data.places import Level
from mime_tf.data.store import Store, offsets
from mime_tf.errors import InputError, show

_BLOCK = 4096  # patients decoded at a time


def paths(path: str | os.PathLike) -> list[str]:
    """Returns the files that a Parquet cohort is made of, in the order in which they are read.

    Args:
        path: a file, or a folder.

    Returns:
        `[path]`, or the `*.parquet` of the folder and of its partitions (`year=2011/`) in the order of their names.

    Raises:
        InputError: it is a folder that holds none, or some in other sub-folders.
    """
    path = os.fspath(path)
    if not os.path.isdir(path):
        return [path]
    inside = list(parquet_files(path))
    if not inside:
        raise InputError(f"{path}: no file *.parquet in this folder; at least one is needed")
    return inside


def read(path: str | os.PathLike, labelled: bool = True) -> tuple[Store, np.ndarray | None, np.ndarray | None]:
    """Reads the patients and labels of a cohort.

    Memory holds the result and little more: files are decoded a few thousand patients at a time.

    Args:
        path: a Parquet file, or a folder of them.
        labelled: read the labels, which have to be there; otherwise they are ignored.

    Returns:
        The patients, equal to the Store that `mime_tf.data.pickled.from_lists` makes of them; the labels of 0 and 1,
        int64 (patients,) or uint8 (patients, outcomes), or None; and the patient_ids, an array of shape (patients,) of
        str (as objects) or of int64, or None without such a column.

    Raises:
        InputError: a file is missing, broken, or not as the package says; positions count through all files.
    """
    (cohort,) = read_parts(path, labelled)
    return cohort


def read_parts(
    path: str | os.PathLike, labelled: bool = True, size: int | None = None
) -> Iterator[tuple[Store, np.ndarray | None, np.ndarray | None]]:
    """Reads a cohort that may be larger than memory, some patients at a time.

    Args:
        path: as for `read`.
        labelled: as for `read`.
        size: number of patients from which on a part is large enough; None for one part.

    Yields:
        The next patients, as `read` returns all of them.

    Raises:
        InputError: as for `read`, perhaps after some parts.
    """
    columns: dict[str, np.ndarray] = {}
    patients = 0
    for block in _blocks(paths(path), labelled):
        if columns:
            _append(columns, block)
        else:
            columns = {name: values.copy() for name, values in block.items()}
        patients += len(block["visits"]) - 1
        if size is not None and len(columns["visits"]) > size:
            yield _cohort(columns)
            columns = {}
    if columns:
        yield _cohort(columns)
    if not patients:
        raise InputError(f"{os.fspath(path)}: no patient; at least one is needed")


def _cohort(columns: dict[str, np.ndarray]) -> tuple[Store, np.ndarray | None, np.ndarray | None]:
    labels, patient_ids = columns.pop("label", None), columns.pop("patient_id", None)
    return Store(**columns), labels, patient_ids


def count(path: str | os.PathLike) -> int:
    """Returns the number of patients of a cohort by the footers of its files."""
    patients = 0
    for name in paths(path):
        with _complaints(name), opening.opened(name, []) as (file, _):
            patients += file.metadata.num_rows
    return patients


def has_labels(path: str | os.PathLike) -> bool:
    """Whether a file of a cohort has the column label."""
    for name in paths(path):
        with _complaints(name), opening.opened(name, []) as (file, _):
            if "label" in file.schema_arrow.names:
                return True
    return False


def _append(columns: dict[str, np.ndarray], block: dict[str, np.ndarray]) -> None:
    """Lengthens columns by those of a block, in place: to keep the blocks and join them would take twice the memory."""
    for name, column in columns.items():
        start, values = len(column), block[name]
        if name in ("visits", "dxobjs", "rx_offsets", "pr_offsets"):
            values = values[1:] + column[-1]
        # On Linux, no byte of a large array is moved.
        column.resize((start + len(values), *column.shape[1:]), refcheck=False)
        column[start:] = values


def _blocks(files: list[str], labelled: bool) -> Iterator[dict[str, np.ndarray]]:
    """Yields the columns of the patients in some files, some thousands of patients at a time."""
    first, shapes, widths = 0, {}, []
    for path in files:
        with _complaints(path), opening.opened(path, ["patient_id"]) as (file, budget):
            shapes[path] = check_schema(file.schema_arrow, path, labelled)
            if shapes[path] != shapes[files[0]]:
                expected = f"in {files[0]} it is {shapes[files[0]]}, and the files of a folder agree"
                raise InputError(f"{path}: patient_id is {shapes[path]}; {expected}")
            start, rows = first, file.metadata.num_rows
            leaves = _leaves(file.schema, labelled)
            budget.take(opening.values_size(path, leaves))
            for batch in file.iter_batches(_BLOCK, columns=leaves):
                batch.validate(full=True)  # a broken file can make lists that reach outside of their values
                if "patient_id" in batch.schema.names:
                    budget.take(opening.texts_size(batch.column("patient_id")))
                block = _block(batch, Level(path, first))
                widths.append(block["label"].shape[1:] if "label" in block else ())
                if widths[-1] != widths[0]:
                    before = f"those of the patients before are {_described(widths[0])}"
                    raise InputError(
                        f"{path}: patient {first}: found a label that is {_described(widths[-1])}; {before}"
                    )
                yield block
                first += len(batch)
            if first - start != rows:
                raise InputError(f"{path}: found {first - start} patients; by its footer there are {rows}")
    pa.default_memory_pool().release_unused()


def _described(width: tuple[int, ...]) -> str:
    """Returns what a label is, in words."""
    return f"a list of {width[0]} outcomes" if width else "0 or 1"


@contextlib.contextmanager
def _complaints(path: str) -> Iterator[None]:
    """Turns Arrow's errors about a file into an InputError."""
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError, pa.ArrowException) as error:
        number = getattr(error, "errno", None)
        reason = os.strerror(number) if number else one_line(error)
        raise InputError(f"{path}: can't be read ({reason}); a Parquet file of patients is needed") from error


def _leaves(schema: pq.ParquetSchema, labelled: bool) -> list[str]:
    """Returns the columns to decode, by the dotted paths of a Parquet schema, in which lists add names of their own."""
    leaves = [schema.column(i).path for i in range(len(schema))]
    visits = [path for path in leaves if path.startswith("visits.") and not FIELDS.keys().isdisjoint(path.split("."))]
    labels = [path for path in leaves if path == "label" or path.startswith("label.")]  # a list has a leaf inside
    return ["patient_id", *(labels if labelled else []), *visits]


def _block(batch: pa.RecordBatch, level: Level) -> dict[str, np.ndarray]:
    """Checks some patients and returns their columns.

    Args:
        batch: the patients.
        level: that of the patients.

    Returns:
        Dict of `patient_id` and `label`, as far as the batch has these columns, and of the columns of a Store.
    """
    checks = {"patient_id": checked_ids, "label": checked_labels}
    columns = {name: checks[name](batch.column(name), level) for name in checks if name in batch.schema.names}
    patients = batch.column("visits")
    visit_lists, visits = _flatten(patients, level, "a patient is a list of visits")
    _check(visits > 0, patients, level, "a patient has at least one visit")
    level = level.below(visits)
    dxobj_lists, dxobjs = _flatten(visit_lists, level, "a visit is a list of Dx-objects")
    level = level.below(dxobjs)
    _check_valid(dxobj_lists, level, "a Dx-object is a struct of dx, rx and pr")
    dx, rx, pr = (dxobj_lists.flatten()[dxobj_lists.type.get_field_index(name)] for name in FIELDS)
    rx, rx_counts = _flatten(rx, level, "medications (rx) are a list of codes")
    pr, pr_counts = _flatten(pr, level, "procedures (pr) are a list of codes")
    dx = _codes(dx, level, "diagnosis (dx)")
    rx = _codes(rx, level.below(rx_counts), "medication (rx)")
    pr = _codes(pr, level.below(pr_counts), "procedure (pr)")
    ends = {"visits": visits, "dxobjs": dxobjs, "rx_offsets": rx_counts, "pr_offsets": pr_counts}
    columns |= {name: offsets(counts) for name, counts in ends.items()}
    return columns | {"dx": dx, "rx": rx, "pr": pr}


def _flatten(lists: pa.Array, level: Level, expected: str) -> tuple[pa.Array, np.ndarray]:
    """Checks that no list is null, and returns their items as one array, and the count of each."""
    _check_valid(lists, level, expected)
    return lists.flatten(), lists.value_lengths().to_numpy()


def _codes(array: pa.Array, level: Level, name: str) -> np.ndarray:
    """Checks codes and returns them as int32."""
    expected = f"a {name} is a whole number from 0 to {MAX_CODE}"
    return _values(array, level, expected, lambda codes: (codes >= 0) & (codes <= MAX_CODE)).astype(np.int32)


def checked_labels(array: pa.Array, level: Level) -> np.ndarray:
    """Checks labels and returns them as int64 (rows,), or as uint8 (rows, outcomes) if they are lists."""
    if hasattr(array.type, "value_type") and not pa.types.is_dictionary(array.type):
        return _checked_outcomes(array, level)
    return _values(array, level, "a label is 0 or 1", _is_label).astype(np.int64)


def _is_label(values: np.ndarray) -> np.ndarray:
    return (values == 0) | (values == 1)


def _checked_outcomes(array: pa.Array, level: Level) -> np.ndarray:
    """Checks lists of outcomes and returns them as uint8, (rows, outcomes)."""
    outcomes, counts = _flatten(array, level, "a label is a list of outcomes")
    width = int(counts[0]) if len(counts) else 0
    expected = "a label has two outcomes or more" if width < 2 else f"other labels have {width} outcomes"
    _check((counts == width) & (counts > 1), array, level, expected)
    values = outcomes.to_numpy(zero_copy_only=False).astype(np.float64).reshape(len(counts), width)  # a null is nan
    bad = np.argwhere(~_is_label(values))
    if len(bad):
        row, index = bad[0].tolist()
        value = outcomes[row * width + index]
        shown = show(value.as_py()) if value.is_valid else "null"
        raise level.error(row, f"{shown} as outcome {index}", "an outcome is 0 or 1")
    return values.astype(np.uint8)


def checked_ids(array: pa.Array, level: Level) -> np.ndarray:
    """Checks patient_ids and returns them as str or int64."""
    expected = "a patient_id is a string or a whole number below 2**63"
    if pa.types.is_integer(array.type):
        return _values(array, level, expected, lambda ids: ids < 2**63).astype(np.int64)
    return _values(array, level, expected, lambda ids: np.ones(len(ids), bool))


def _values(array: pa.Array, level: Level, expected: str, is_good: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Checks that no value is null and that all are good, and returns them as a NumPy array."""
    _check_valid(array, level, expected)
    values = array.to_numpy(zero_copy_only=False)
    _check(is_good(values), array, level, expected)
    return values


def _check_valid(array: pa.Array, level: Level, expected: str) -> None:
    """Raises InputError at the first null."""
    if array.null_count:
        _check(array.is_valid().to_numpy(zero_copy_only=False), array, level, expected)


def _check(good: np.ndarray, array: pa.Array, level: Level, expected: str) -> None:
    """Raises InputError at the first item of a level that is not `good`."""
    if not good.all():
        index = int(np.argmin(good))
        value = show(array[index].as_py()) if array[index].is_valid else "null"
        raise level.error(index, value, expected)
