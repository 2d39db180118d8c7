"""Ancestors of codes: hierarchy.csv, beside a cohort or in the folder of a fitted split.

A row says that a code belongs to an ancestor, such as ICD-10 E11.9 to the category E11. The ancestors of a code are
all there: a reader follows no chain.
"""

import csv
import dataclasses
import functools
import os
import re
import sys
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from mime_tf.data.store import CODE_KINDS
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError, show
from mime_tf.terminal import files, reading

FILE = "hierarchy.csv"


class Relation(NamedTuple):
    """A row of the file: a code and one of its ancestors.

    Attributes:
        kind: `"dx"`, `"rx"` or `"pr"`.
        system, code: the code, as in vocabulary.csv.
        ancestor_system, ancestor: the ancestor's system, such as `icd10-category` or `RxNorm`, and its code there.
        ancestor_class: what the ancestor is in its system, such as `Ingredient`; "" where that is one thing.
        level: number of steps to the ancestor; 0 for a code that is an ancestor of others, and belongs to itself.
        name: name of the ancestor, or "".
    """

    kind: str
    system: str
    code: str
    ancestor_system: str
    ancestor: str
    ancestor_class: str
    level: int
    name: str

    @property
    def level_name(self) -> str:
        """Name of what the ancestor is: its system and class, such as `RxNorm Ingredient`."""
        return f"{self.ancestor_system} {self.ancestor_class}" if self.ancestor_class else self.ancestor_system


COLUMNS = Relation._fields


@dataclasses.dataclass(frozen=True)
class Ancestors:
    """The ancestors of the codes of one kind, numbered.

    Attributes:
        code: int64, (relations,): index of a code; sorted.
        ancestor: int64, (relations,): number of an ancestor of it, from 0.
        level: int64, (relations,): number of steps from the code to the ancestor.
        keys: (level name, code) of each ancestor, by its number.
        names: name of each ancestor, or "".
    """

    code: np.ndarray
    ancestor: np.ndarray
    level: np.ndarray
    keys: list[tuple[str, str]]
    names: list[str]

    def __len__(self) -> int:
        """Number of ancestors."""
        return len(self.keys)


@dataclasses.dataclass(frozen=True, repr=False)
class Hierarchy:
    """The ancestors of codes.

    Attributes:
        rows: the rows of the file.
    """

    rows: list[Relation]

    def __repr__(self) -> str:
        return f"Hierarchy({len(self.rows):,} relations, {len(self.of_code):,} codes)"

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Hierarchy":
        """Reads a file with the columns `COLUMNS`, and any others.

        Raises:
            InputError: the file is no such table, or gives a code the same ancestor twice.
        """
        try:
            lines = ((line, fields) for line, fields in reading.csv_rows(path) if fields)
            header = next(lines, (0, []))[1]
            missing = [name for name in COLUMNS if name not in header]
            if missing:
                found = ", ".join(header) or "nothing"
                raise InputError(f"{path}: no column {missing[0]}; found {found}; needed {', '.join(COLUMNS)}")
            return cls(list(_relations(path, header, lines)))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{path}: not readable as CSV in UTF-8: {reason}") from error

    def write(self, path: str | os.PathLike) -> None:
        """Writes the file, atomically."""
        files.write_table(path, COLUMNS, self.rows)

    @functools.cached_property
    def of_code(self) -> dict[tuple[str, str, str], list[Relation]]:
        """The relations of each code, by (kind, system, code)."""
        result: dict[tuple[str, str, str], list[Relation]] = {}
        for row in self.rows:
            result.setdefault(row[:3], []).append(row)
        return result

    def numbered(self, vocabulary: Vocabulary, kind: str) -> Ancestors:
        """Returns the ancestors of the codes of a kind that a vocabulary has, by falling number of their codes.

        Args:
            vocabulary: the names of the codes.
            kind: `"dx"`, `"rx"` or `"pr"`.
        """
        index_of = {
            (kind, row["system"], row["code"]): index for (of, index), row in vocabulary.by_index.items() if of == kind
        }
        known = [(index_of[row[:3]], row) for row in self.rows if row[:3] in index_of]
        names: dict[tuple[str, str], str] = {}
        members: dict[tuple[str, str], int] = {}
        for _, row in known:
            key = row.level_name, row.ancestor
            names[key] = names.get(key) or row.name
            members[key] = members.get(key, 0) + 1
        keys = sorted(members, key=lambda key: (-members[key], key))
        number = {key: position for position, key in enumerate(keys)}
        numbers = [(index, number[row.level_name, row.ancestor], row.level) for index, row in known]
        code, ancestor, level = np.array(sorted(numbers), np.int64).reshape(-1, 3).T
        return Ancestors(code, ancestor, level, keys, [names[key] for key in keys])

    def families(self, vocabulary: Vocabulary, kind: str) -> dict[int, str]:
        """Returns the name of the farthest ancestor, such as the chapter, of each code of a kind that has one.

        Args:
            vocabulary: the names of the codes.
            kind: `"dx"`, `"rx"` or `"pr"`.
        """
        above = self.numbered(vocabulary, kind)
        farthest: dict[int, tuple[int, str]] = {}
        relations = zip(above.code.tolist(), above.ancestor.tolist(), above.level.tolist(), strict=True)
        for code, ancestor, level in relations:
            name = above.names[ancestor] or above.keys[ancestor][1]
            farthest[code] = max(farthest.get(code, (-1, "")), (level, name))
        return {code: name for code, (_, name) in farthest.items()}


def _relations(path, header: list[str], lines: Iterable[tuple[int, list[str]]]) -> Iterable[Relation]:
    """Yields the checked rows; equal texts share memory."""
    order = [header.index(name) for name in COLUMNS]
    seen = set()
    for line, fields in lines:
        if len(fields) != len(header):
            raise InputError(f"{path}: line {line}: {len(fields)} fields; one for each of the header's {len(header)}")
        kind, system, code, ancestor_system, ancestor, ancestor_class, level, name = (
            sys.intern(fields[index]) for index in order
        )
        if kind not in CODE_KINDS or not code or not ancestor or not re.fullmatch("[0-9]{1,9}", level):
            raise InputError(
                f"{path}: line {line}: found kind {show(kind)}, code {show(code)}, ancestor {show(ancestor)}, level "
                f"{show(level)}; must be dx, rx or pr, two codes, and a whole number from 0"
            )
        row = Relation(kind, system, code, ancestor_system, ancestor, ancestor_class, int(level), name)
        if row[:5] in seen:
            raise InputError(f"{path}: line {line}: {kind} {code} has the ancestor {ancestor} a second time")
        seen.add(row[:5])
        yield row
