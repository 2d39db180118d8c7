"""The folder of an export: which files are a table, and how missing or bad ones are treated."""

import glob
import os
from collections.abc import Callable

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.sources.files import columns as reading
from mime_tf.ehr.sources.files.columns import Column
from mime_tf.errors import InputError

ENDINGS = (".csv", ".csv.gz", ".parquet")


class Folder:
    """A folder of tables.

    Args:
        engine: computes the tables.
        path: the folder.
        on_error: `"stop"`, or `"skip"` to pass over an optional table whose files are bad.
        progress: receives a line of text now and then.

    Attributes:
        skipped: (files, error) of each table that was passed over.

    Raises:
        InputError: the folder does not exist.
    """

    def __init__(
        self,
        engine: Engine,
        path: str | os.PathLike,
        on_error: str = "stop",
        progress: Callable[[str], None] | None = None,
    ):
        if not os.path.isdir(path):
            raise InputError(f"{path}: must be a folder with the tables of an export")
        self.engine, self.path = engine, os.fspath(path)
        self.skipped: list[tuple[str, str]] = []
        self._skip, self._progress = on_error == "skip", progress or (lambda text: None)

    def paths(self, name: str) -> list[str]:
        """Returns the files of a table, in any case: `name.csv` and so on, or those in a folder of such a name.

        Raises:
            InputError: the table exists more than once, such as `name.csv` beside `name.csv.gz`.
        """
        names = {name.lower(), *(name.lower() + ending for ending in ENDINGS)}
        entries = sorted(entry.path for entry in os.scandir(self.path) if entry.name.lower() in names)
        files_of = {path: _files(path) if os.path.isdir(path) else [path] * bool(_ending(path)) for path in entries}
        tables = [path for path, files in files_of.items() if files]
        if len(tables) > 1:
            raise InputError(f"{self.path}: {name} exists {len(tables)} times ({', '.join(tables)}); one is needed")
        files = sorted(file for files in files_of.values() for file in files)
        if len({_ending(file) == ".parquet" for file in files}) > 1:
            raise InputError(f"{tables[0]}: holds Parquet and CSV; a table is one or the other")
        return files

    def table(self, name: str, columns: dict[str, Column], called: str | None = None) -> ibis.Table:
        """Reads a table that must exist and be readable, whatever `on_error` says.

        Args:
            name: name of its files, without their ending.
            columns: the wanted columns, by their names in the result.
            called: name in the scratch folder, for a table that is read more than once; None for `name`.

        Returns:
            The wanted columns: int64 seconds for times, else text without surrounding blanks, null where it is empty.

        Raises:
            InputError: the table or a column is missing, a file is damaged, or a time can't be read.
        """
        paths = self.paths(name)
        if not paths:
            raise InputError(self.missing(name))
        self._progress(f"reading {', '.join(paths)}")
        return reading.read(self.engine, called or name, paths, columns)

    def optional_table(self, name: str, columns: dict[str, Column], called: str | None = None) -> ibis.Table | None:
        """Reads a table as `table` does, but returns None if it is missing, or if it is bad and may be skipped.

        Raises:
            InputError: the table is bad, and `on_error` is not `"skip"`.
        """
        paths: list[str] = []
        try:
            paths = self.paths(name)
            return self.table(name, columns, called) if paths else None
        except InputError as error:
            if not self._skip:
                raise
            self.skipped.append((", ".join(paths) or name, str(error)))
            return None

    def missing(self, name: str) -> str:
        """Returns the message that a table is missing, with the names of the files that exist."""
        names = sorted(os.listdir(self.path))
        more = [f"and {len(names) - 5} more"] if len(names) > 5 else []
        existing = ", ".join(names[:5] + more) or "nothing"
        wanted = ", ".join(name + ending for ending in ENDINGS)
        return f"{self.path}: no table {name} ({wanted}, or a folder {name} of such files); found {existing}"


def _files(folder):
    """The files of a table that is a folder of them."""
    return [path for path in glob.glob(os.path.join(glob.escape(folder), "*")) if path.lower().endswith(ENDINGS)]


def split_ending(name: str) -> tuple[str, str]:
    """Returns the name of a file without the ending of a table, and that ending, or "".

    >>> split_ending("PAT_ENC.csv.gz"), split_ending("PAT_ENC")
    (('PAT_ENC', '.csv.gz'), ('PAT_ENC', ''))
    """
    ending = _ending(name)
    return name[: len(name) - len(ending)], ending


def _ending(path):
    return next((ending for ending in reversed(ENDINGS) if path.lower().endswith(ending)), "")
