"""Names of codes: vocabulary.csv, beside a cohort or in the folder of a fitted split."""

import csv
import dataclasses
import os
import re

from mime_tf.data.store import CODE_KINDS
from mime_tf.errors import InputError
from mime_tf.terminal import files, reading

FILE = "vocabulary.csv"
COLUMNS = ("kind", "index", "system", "code", "display")
# Name of the diagnosis that holds a visit's orders without a reason.
RESERVED_CONCEPT = {"system": "mime_tf", "code": "no-reason", "display": "no reason given"}


@dataclasses.dataclass(frozen=True, repr=False)
class Vocabulary:
    """The names of codes.

    Attributes:
        rows: list of dicts, the rows of the file.
        by_index: dict from (kind, index) to a row; the kinds are `"dx"`, `"rx"` and `"pr"`.
    """

    rows: list[dict[str, str]]
    by_index: dict[tuple[str, int], dict[str, str]]

    def __repr__(self) -> str:
        counts = (sum(kind == code_kind for kind, _ in self.by_index) for code_kind in CODE_KINDS)
        codes = ", ".join(f"{count:,} {kind}" for count, kind in zip(counts, CODE_KINDS, strict=True))
        return f"Vocabulary({codes})"

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Vocabulary":
        """Reads a vocabulary file with the columns `COLUMNS`, and any others.

        Raises:
            InputError: the file is no such table, or gives an index twice.
        """
        lines, header = _read(path)
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise InputError(f"{path}: no column {missing[0]}; found {', '.join(header)}; needed {', '.join(COLUMNS)}")
        rows: list[dict[str, str]] = []
        by_index: dict[tuple[str, int], dict[str, str]] = {}
        for line, fields in lines:
            if len(fields) != len(header):
                raise InputError(
                    f"{path}: line {line}: {len(fields)} fields; one for each of the header's {len(header)}"
                )
            row = dict(zip(header, fields, strict=True))
            key = (row["kind"], int(row["index"]) if re.fullmatch("[0-9]{1,10}", row["index"]) else -1)
            if key[0] not in CODE_KINDS or key[1] < 0:
                raise InputError(
                    f"{path}: line {line}: found kind {row['kind']!r}, index {row['index']!r}; a kind is dx, rx or pr, "
                    "an index a whole number from 0"
                )
            if key in by_index:
                raise InputError(f"{path}: line {line}: {key[0]} {key[1]} a second time; an index names one code")
            by_index[key] = row
            rows.append(row)
        return cls(rows, by_index)

    def write(self, path: str | os.PathLike) -> None:
        """Writes the vocabulary as it was read, atomically."""
        with files.replacing(path, "w") as file:
            writer = csv.DictWriter(file, self.rows[0] if self.rows else COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)


def _read(path: str | os.PathLike) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """Returns the line number and the fields of each row of a CSV file that is not empty, and the header."""
    try:
        rows = [(line, fields) for line, fields in reading.csv_rows(path) if fields]
        return rows[1:], rows[0][1] if rows else []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: not readable as CSV in UTF-8: {reason}") from error


def code_name(vocabulary: Vocabulary | None, kind: str, index: int) -> str:
    """Returns the name of a code: its display name and its code if they are known, else such as `dx 17`."""
    row = vocabulary.by_index.get((kind, index)) if vocabulary else None
    if row is None:
        return f"{kind} {index}"
    return f"{row['display']} ({row['code']})" if row["display"] else row["code"] or f"{kind} {index}"
