"""A cohort, opened once: its patients, and the files that lie beside them.

The path of a cohort is one of three things, told apart by its name and by the files on disk:

1. a path that ends in `.parquet`: a Parquet file, or a folder of them as Spark writes it;
2. a folder with `*.parquet` files in it or in its partitions (`year=2011/`), unless `<path>.seqs` exists as well: a
   folder of Parquet files;
3. anything else: a prefix, to which `.seqs` and `.labels` are appended as strings.

Arrow is imported for a Parquet cohort only.
"""

import functools
import hashlib
import os
from collections.abc import Iterable, Iterator

import numpy as np

from mime_tf.data import hierarchy, patient_table, pickled, visit_days, vocabulary
from mime_tf.data.conversion import LINKAGE, RULES, Conversion
from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.parquet_files import parquet_files
from mime_tf.data.patient_table import PatientTable
from mime_tf.data.store import Store
from mime_tf.data.visit_days import VisitDays
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.terminal import reading

PATIENT_ID = "patient_id"
# Files beside a cohort.
NAMES_BESIDE = (vocabulary.FILE, hierarchy.FILE, patient_table.FILE, visit_days.FILE, RULES, LINKAGE)
_BLOCK = 1 << 20  # values of a column, or bytes of a file, that are hashed together


class Cohort:
    """A cohort. The files beside it are read when they are first asked for, and once.

    Args:
        store: the patients.
        labels: 0 and 1: int64 (patients,); uint8 (patients, outcomes) where a patient has several outcomes; or None.
        stored_ids: shape (patients,), of str (as objects) or int64: the ids that are stored with the patients, which
            is Parquet's column patient_id, or None.
        path: where the cohort was read from, or None for one made in memory.
        labelled: whether the labels, if any, are of the files.

    Example:
    >>> from mime_tf.data import pickled
    >>> Cohort(pickled.from_lists([[[[0, [1], []]]], [[[1, [], []]]]]), np.array([0, 1]))
    Cohort(in memory, 2 patients, 1 of label 1)
    """

    def __init__(
        self,
        store: Store,
        labels: np.ndarray | None = None,
        stored_ids: np.ndarray | None = None,
        path: str | None = None,
        labelled: bool = True,
    ):
        self.store, self.labels, self.stored_ids, self.path = store, labels, stored_ids, path
        self.labelled = labelled
        # Of a part of a cohort: the tables of the whole, and the part's rows in them.
        self._part_of: tuple[_Tables, range] | None = None

    @classmethod
    def open(cls, path: str | os.PathLike, labelled: bool = True, outcomes: bool = False) -> "Cohort":
        """Reads a cohort.

        Args:
            path: as the module says.
            labelled: read the labels, which have to be there; otherwise they are ignored.
            outcomes: accept labels that are lists of outcomes; otherwise each has to be 0 or 1.

        Raises:
            InputError: nothing has that name, or a file is bad.
        """
        cohort = cls._read(path, labelled)
        if not outcomes and cohort.outcomes > 1:
            raise InputError(
                f"{cohort.name}: its labels are lists of {cohort.outcomes} outcomes; needed here is one label, 0 or 1, "
                "per patient"
            )
        return cohort

    @classmethod
    def _read(cls, path: str | os.PathLike, labelled: bool) -> "Cohort":
        path = os.fspath(path)
        if _is_parquet(path):
            from mime_tf.data import parquet

            store, labels, stored_ids = parquet.read(path, labelled)
            return cls(store, labels, stored_ids, path, labelled)
        seqs = _name(path)
        if not os.path.lexists(seqs):
            expected = "a cohort is a prefix of .seqs and .labels, a .parquet file or a folder of .parquet files"
            raise InputError(f"{seqs}: can't be read (No such file or directory); {expected}")
        store, labels = pickled.read(path) if labelled else (pickled.read_seqs(seqs), None)
        return cls(store, labels, path=path, labelled=labelled)

    @classmethod
    def open_parts(cls, path: str, size: int) -> tuple[int, "Iterator[Cohort]"]:
        """Opens a cohort without its labels, some patients at a time, where its files can be read so: in Parquet.

        Args:
            path: as the module says.
            size: number of patients from which on a part is large enough.

        Returns:
            The number of patients, and an iterator over the parts. The files beside a part are those of the cohort, and
            its `attributes` and `visit_days` are those of its patients.

        Raises:
            InputError: as for `open`; a bad record is met when its part is read.
        """
        if not _is_parquet(path):
            whole = cls.open(path, labelled=False)
            return len(whole), iter((whole,))
        from mime_tf.data import parquet

        count = parquet.count(path)
        return count, cls._parts(path, count, parquet.read_parts(path, False, size))

    @classmethod
    def _parts(cls, path: str, count: int, parts: Iterable[tuple]) -> "Iterator[Cohort]":
        """Yields the parts of a cohort of `count` patients, with the ids of patients.csv where the files hold none."""
        whole, start = _Tables(path, count), 0
        for store, _, ids in parts:
            part = cls(store, None, ids, path, labelled=False)
            part._part_of = whole, range(start, start + len(store))
            start += len(store)
            yield part

    def with_store(self, store: Store) -> "Cohort":
        """Returns the cohort with another record of each patient; labels, ids and the files beside it stay."""
        other = Cohort(store, self.labels, self.stored_ids, self.path, self.labelled)
        other._part_of = self._part_of
        return other

    def with_tables(self, attributes: PatientTable | None, visit_days: np.ndarray | None) -> "Cohort":
        """Returns the cohort with attributes of patients and days of visits in place of those beside it."""
        other = self.with_store(self.store)
        other.attributes, other.visit_days = attributes, visit_days
        return other

    def __len__(self) -> int:
        """Number of patients."""
        return len(self.store)

    def __repr__(self) -> str:
        labels = "no labels" if self.labels is None else f"{int(self.labels.sum()):,} of label 1"
        labels = labels if self.outcomes == 1 else f"{self.outcomes:,} outcomes"
        return f"Cohort({'in memory' if self.path is None else repr(self.path)}, {len(self):,} patients, {labels})"

    @property
    def outcomes(self) -> int:
        """Number of outcomes per patient."""
        return 1 if self.labels is None or self.labels.ndim == 1 else self.labels.shape[1]

    @property
    def name(self) -> str:
        """Name of the cohort's patients in a message: their file, or their folder."""
        return "the cohort" if self.path is None else _name(self.path)

    @property
    def folder(self) -> str | None:
        """Folder of the files beside the cohort, such as vocabulary.csv; `""` is the working folder."""
        if self.path is None:
            return None
        return _folder(self.path)

    @functools.cached_property
    def files(self) -> list[str]:
        """Paths of the files that were read, of the patients and of the labels, in the order of reading."""
        return [] if self.path is None else files_of(self.path, self.labelled)

    def require_labels(self) -> np.ndarray:
        """Returns the labels.

        Raises:
            InputError: the cohort has none, or was opened without them.
        """
        if self.labels is None:
            raise InputError(f"{self.name}: no labels; training and dividing a cohort needs them")
        return self.labels

    def digests(self) -> dict[str, str]:
        """Returns the SHA-256 by which a run knows the cohort again: of each file, or of the arrays in memory."""
        return self._digests

    @functools.cached_property
    def content_sha256(self) -> str:
        """SHA-256 of patients and labels, whatever the form of their files, pickles or Parquet."""
        labels = [] if self.labels is None else [self.labels]
        columns = [*self.store.records.values(), *labels]
        blocks = (column[start : start + _BLOCK] for column in columns for start in range(0, len(column), _BLOCK))
        return _sha256(np.ascontiguousarray(block, np.int64).ravel().data for block in blocks)

    @functools.cached_property
    def _digests(self) -> dict[str, str]:
        if self.path is None:
            columns = [*self.store.records.values(), *([] if self.labels is None else [self.labels])]
            return {"memory_sha256": _sha256(np.ascontiguousarray(column).ravel().data for column in columns)}
        top = self.path if os.path.isdir(self.path) else os.path.dirname(self.path) or "."
        names = [
            os.path.relpath(path, top) if _is_parquet(self.path) else path.rpartition(".")[2] for path in self.files
        ]
        return {f"{name}_sha256": file_digest(path) for name, path in zip(names, self.files, strict=True)}

    @functools.cached_property
    def patient_ids(self) -> np.ndarray | None:
        """Patient of each row, (rows,): the ids stored with the patients, else those of patients.csv, or None.

        Rows with the same id are one patient's, seen at several times.
        """
        if self.stored_ids is not None or self.attributes is None or PATIENT_ID not in self.attributes.columns:
            return self.stored_ids
        return np.array(self.attributes.columns[PATIENT_ID], object)

    @functools.cached_property
    def vocabulary(self) -> Vocabulary | None:
        """Names of the codes, from vocabulary.csv beside the cohort, or None."""
        path = self._beside(vocabulary.FILE)
        return None if path is None else Vocabulary.read(path)

    @functools.cached_property
    def hierarchy(self) -> Hierarchy | None:
        """Ancestors of the codes, from hierarchy.csv beside the cohort, or None."""
        path = self._beside(hierarchy.FILE)
        return None if path is None else Hierarchy.read(path)

    @functools.cached_property
    def attributes(self) -> PatientTable | None:
        """Attributes of the patients, from patients.csv beside the cohort, or None."""
        tables, rows = self._tables
        table = None if tables is None else tables.patients
        return table.select(rows) if table is not None and self._part_of is not None else table

    @functools.cached_property
    def visit_days(self) -> np.ndarray | None:
        """Whole days from each visit to the prediction time, int32 (visits,), from visits.csv, or None."""
        tables, rows = self._tables
        days = None if tables is None else tables.visits
        return None if days is None else days.of(self.store, rows.start, self.name)

    def dated(self) -> "Cohort":
        """Returns the cohort with the days of the visits in its store, or without where none are known."""
        return self.with_store(self.store.with_days(self.visit_days))

    @functools.cached_property
    def _tables(self) -> "tuple[_Tables | None, range]":
        """The tables beside the cohort, and its rows in them."""
        if self._part_of is not None:
            return self._part_of
        return None if self.path is None else _Tables(self.path, len(self)), range(len(self))

    @functools.cached_property
    def conversion(self) -> Conversion | None:
        """Account of how `convert` made the cohort, from convert.json and linkage.json beside it, or None."""
        return None if self.folder is None else Conversion.read(self.folder)

    def attribute(self, name: str) -> list[str]:
        """Returns a column of patients.csv, a str for each row.

        Raises:
            InputError: no such table or column is there.
        """
        if self.folder is None:
            raise InputError(f"found column {name}; a cohort that was not read from a file has no patients.csv")
        if self.attributes is None:
            path = os.path.join(self.folder, patient_table.FILE)
            raise InputError(f"{path}: is not there; the column {name} is looked for in it")
        return self.attributes.column(name)

    def _beside(self, file: str) -> str | None:
        """Returns the path of a file beside the cohort, or None where no such file is there."""
        path = None if self.folder is None else os.path.join(self.folder, file)
        return path if path is not None and os.path.exists(path) else None


class _Tables:
    """The tables beside a cohort that have rows for its rows, each read when it is first asked for."""

    def __init__(self, path: str, rows: int):
        self._path, self.rows = path, rows

    @functools.cached_property
    def patients(self) -> PatientTable | None:
        """The patients.csv."""
        path = os.path.join(_folder(self._path), patient_table.FILE)
        return PatientTable.read(path, self.rows, _name(self._path)) if os.path.exists(path) else None

    @functools.cached_property
    def visits(self) -> VisitDays | None:
        """The visits.csv."""
        path = os.path.join(_folder(self._path), visit_days.FILE)
        return VisitDays.read(path, self.rows, _name(self._path)) if os.path.exists(path) else None


def files_of(path: str, labelled: bool = True) -> list[str]:
    """Returns the files of a cohort, whether they exist or not, in the order in which they are read.

    Args:
        path: of the cohort.
        labelled: whether the labels are read too.

    Raises:
        InputError: the path ends in `.parquet` and is a folder without Parquet files.
    """
    if _is_parquet(path):
        from mime_tf.data import parquet

        return parquet.paths(path)
    return [f"{path}.{kind}" for kind in (("seqs", "labels") if labelled else ("seqs",))]


def has_labels(path: str) -> bool:
    """Whether the files of a cohort hold labels.

    Raises:
        InputError: a Parquet file can't be read.
    """
    if _is_parquet(path):
        from mime_tf.data import parquet

        return parquet.has_labels(path)
    return os.path.lexists(f"{path}.labels")


def files_beside(path: str) -> list[str]:
    """Returns the files beside a cohort that commands read, whether they exist or not."""
    folder = path if _is_parquet(path) and os.path.isdir(path) else os.path.dirname(path)
    return [os.path.join(folder, name) for name in NAMES_BESIDE]


def _is_parquet(path: str) -> bool:
    """Whether a path is a Parquet file or a folder of them, by the rule of the module."""
    if path.endswith(".parquet"):
        return True
    return os.path.isdir(path) and not os.path.exists(f"{path}.seqs") and any(parquet_files(path))


def _name(path: str) -> str:
    return path if _is_parquet(path) else f"{path}.seqs"


def file_digest(path: str) -> str:
    """Returns the SHA-256 of a file, in hexadecimal digits."""
    with reading.open_binary(path) as file:
        return _sha256(iter(functools.partial(file.read, _BLOCK), b""))


def _sha256(blocks: Iterable[bytes | memoryview]) -> str:
    result = hashlib.sha256()
    for block in blocks:
        result.update(block)
    return result.hexdigest()


def _folder(path: str) -> str:
    """Returns the folder of the files beside a cohort; `""` is the working folder."""
    return path if _is_parquet(path) and os.path.isdir(path) else os.path.dirname(path)
