"""Names of codes: vocabulary.csv, beside a cohort or in the folder of a fitted split."""

import csv
import dataclasses
import os
import re
from collections.abc import Sequence

from mime_tf.data.store import CODE_KINDS
from mime_tf.errors import InputError
from mime_tf.terminal import files

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
        rows, header = _read(path)
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise InputError(f"{path}: no column {missing[0]}; found {', '.join(header)}; needed {', '.join(COLUMNS)}")
        by_index: dict[tuple[str, int], dict[str, str]] = {}
        for line, row in enumerate(rows, 2):
            if None in row or None in row.values():
                fields = len(header)
                raise InputError(f"{path}: line {line}: not as many fields as the header's {fields}; one per column")
            key = (row["kind"], int(row["index"]) if re.fullmatch("[0-9]{1,10}", row["index"]) else -1)
            if key[0] not in CODE_KINDS or key[1] < 0:
                raise InputError(
                    f"{path}: line {line}: found kind {row['kind']!r}, index {row['index']!r}; a kind is dx, rx or pr, "
                    "an index a whole number from 0"
                )
            if key in by_index:
                raise InputError(f"{path}: line {line}: {key[0]} {key[1]} a second time; an index names one code")
            by_index[key] = row
        return cls(rows, by_index)

    def write(self, path: str | os.PathLike) -> None:
        """Writes the vocabulary as it was read, atomically."""
        with files.replacing(path, "w") as file:
            writer = csv.DictWriter(file, self.rows[0] if self.rows else COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)


def _read(path: str | os.PathLike) -> tuple[list[dict], Sequence[str]]:
    """Returns the rows of a CSV file, and its header."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            return list(reader), reader.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{path}: not readable as CSV in UTF-8: {reason}") from error


def code_name(vocabulary: Vocabulary | None, kind: str, index: int) -> str:
    """Returns the name of a code: its display name and its code if they are known, else such as `dx 17`."""
    row = vocabulary.by_index.get((kind, index)) if vocabulary else None
    if row is None:
        return f"{kind} {index}"
    return f"{row['display']} ({row['code']})" if row["display"] else row["code"] or f"{kind} {index}"
