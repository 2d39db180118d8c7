"""The folder of an export: which files are a table, and how missing or bad ones are treated."""

import functools
import os
import re
from collections.abc import Callable

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.sources.files import columns as reading
from mime_tf.ehr.sources.files import listing
from mime_tf.ehr.sources.files.columns import Column
from mime_tf.errors import InputError

ENDINGS = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet")


class Folder:
    """A folder of tables.

    Args:
        engine: computes the tables.
        path: the folder.
        on_error: `"stop"`, or `"skip"` to pass over an optional table whose files are bad.
        progress: receives a line of text now and then.

    Attributes:
        skipped: (files, error) of each table that was passed over.
        passed_over: (file, what it is) of each file of a table's folder that is no data.
        left_out: number of rows left out, by reason.

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
        self.passed_over: list[tuple[str, str]] = []
        self.left_out: dict[str, int] = {}
        self._tables: dict[str, reading.ReadTable] = {}
        self._entries = sorted(entry.path for entry in os.scandir(self.path))
        self._skip, self._progress = on_error == "skip", progress or (lambda text: None)

    def paths(self, name: str) -> list[str]:
        """Returns the files of a table, in any case of letters.

        They are `name.csv` and so on, or the parts `name-0000.csv`, `name-0001.csv` of one, or all that is in a folder
        of such a name, sub-folders included.

        Raises:
            InputError: the table exists more than once, such as `name.csv` beside `name.csv.gz`, or a part of it is
                missing; a file of its folder is neither a table nor known to lie beside one.
        """
        tables = self._found(name)
        for folder, path in self._deeper:
            if _is_named(os.path.basename(path), name) and not _is_named(folder, name):
                raise InputError(f"{path}: {name} in a sub-folder; all of a table must lie in {self.path} itself")
        if len(tables) > 1:
            raise InputError(f"{self.path}: {name} exists {len(tables)} times ({', '.join(tables)}); one is needed")
        files = [file for files in tables.values() for file in files]
        if len({_ending(file) == ".parquet" for file in files}) > 1:
            raise InputError(f"{next(iter(tables))}: holds Parquet and CSV; a table is one or the other")
        return files

    @functools.cached_property
    def _deeper(self):
        """The name of each sub-folder and the files in it; cohorts of earlier conversions are no export."""
        names = [os.path.basename(path) for path in self._entries if os.path.isdir(path)]
        return [
            (name, file)
            for name in names
            if listing.companion(name) != "hidden file"
            and not os.path.exists(os.path.join(self.path, name, "convert.json"))
            for file in listing.walk(os.path.join(self.path, name))
            if _ending(file)
        ]

    def _found(self, name):
        """The files of each table of this name: the parts of one are one table, as the files of a folder are."""
        parts: dict[str, int] = {}
        tables: dict[str, list[str]] = {}
        for path in self._entries:
            entry = os.path.basename(path)
            number = _is_named(entry, name)
            if number and os.path.isdir(path):
                tables |= {path: files} if (files := self._files(path)) else {}
            elif number and number[1] is None and _ending(entry):
                tables[path] = [path]
            elif number and _ending(entry):
                parts[path] = int(number[1])
        if parts:
            _check_parts(parts)
            tables[min(parts)] = sorted(parts)
        return tables

    def _files(self, folder):
        """The files of a table that is a folder of them."""
        files = []
        for path in listing.walk(folder):
            name = os.path.basename(path)
            kind = listing.companion(name)
            if kind:
                self.passed_over.append((path, kind))
            elif _ending(path):
                files.append(path)
            else:
                raise InputError(f"{path}: found a file that is no table by its name; must end in {', '.join(ENDINGS)}")
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
            InputError: the table or a column is missing, a file is damaged, or a value can't be read.
        """
        paths = self.paths(name)
        if not paths:
            raise InputError(self.missing(name))
        listed = ", ".join(paths[:3]) + (f" and {len(paths) - 3:,} more" if len(paths) > 3 else "")
        self._progress(f"reading {listed}")
        folder = self._folder_of(paths)
        result = reading.read(self.engine, called or name, paths, columns, folder)
        self._tables[called or name] = result
        if result.repeated_headers:
            self.left_out[f"repeated headers in {name}"] = result.repeated_headers
        return result.table

    def _folder_of(self, paths):
        """The folder in this one that holds the files of a table, or this one."""
        first = os.path.relpath(paths[0], self.path).split(os.sep)[0]
        path = os.path.join(self.path, first)
        return path if os.path.isdir(path) else self.path

    def where(self, called: str, key: str, value: str, most: int = 2) -> str:
        """Returns the files and lines of an identifier in a table, `most` of them, or `""` if it was not read."""
        return self._tables[called].where(key, value, most) if called in self._tables else ""

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
        names = sorted(os.listdir(self.path), key=lambda entry: (not entry.lower().startswith(name.lower()), entry))
        more = [f"and {len(names) - 5} more"] if len(names) > 5 else []
        existing = ", ".join(names[:5] + more) or "nothing"
        wanted = ", ".join(name + ending for ending in ENDINGS)
        return f"{self.path}: no table {name} ({wanted}, or a folder {name} of such files); found {existing}"

    def not_read(self) -> list[tuple[str, str]]:
        """Returns (path, what it is) of each entry of the folder that belongs to none of the tables that were read."""
        read = {shard.file.path for table in self._tables.values() for shard in table.shards}
        skipped = {path for paths, _ in self.skipped for path in paths.split(", ")}
        entries = []
        for path in self._entries:
            if not any(file == path or file.startswith(path + os.sep) for file in read | skipped):
                kind = listing.companion(os.path.basename(path))
                entries.append((path, kind or ("folder" if os.path.isdir(path) else "file") + " of no table"))
        return sorted({*self.passed_over, *entries})


def _is_named(entry, name):
    """A match, with the number of the part, if a file or folder bears the name of a table."""
    return re.fullmatch(re.escape(name) + r"(?:-(\d+))?", split_ending(entry)[0], re.IGNORECASE)


def _check_parts(parts):
    """Raises InputError if a part of a table is there twice, or if one is missing of parts counted from 0 or 1."""
    numbers, path = sorted(parts.values()), min(parts)
    twice = next((number for number in numbers if numbers.count(number) > 1), None)
    if twice is not None:
        raise InputError(f"{path}: part {twice} exists {numbers.count(twice)} times; one is needed")
    missing = sorted(set(range(numbers[0], numbers[-1])) - set(numbers))
    if missing and numbers[0] <= 1:  # others may be years
        raise InputError(f"{path}: found parts {numbers[0]} to {numbers[-1]} without {missing[0]}; must have all parts")


def split_ending(name: str) -> tuple[str, str]:
    """Returns the name of a file without the ending of a table, and that ending, or "".

    >>> split_ending("PAT_ENC.csv.gz"), split_ending("PAT_ENC")
    (('PAT_ENC', '.csv.gz'), ('PAT_ENC', ''))
    """
    ending = _ending(name)
    return name[: len(name) - len(ending)], ending


def _ending(path):
    return next((ending for ending in reversed(ENDINGS) if path.lower().endswith(ending)), "")
