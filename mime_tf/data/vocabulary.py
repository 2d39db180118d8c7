"""What each code is called: vocabulary.csv, which may lie beside a cohort."""

import csv
import dataclasses
import re

from mime_tf.data.store import CODE_KINDS
from mime_tf.errors import InputError
from mime_tf.terminal import files

FILE = "vocabulary.csv"
COLUMNS = ("kind", "index", "system", "code", "display")


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The names of codes.

    Attributes:
        rows: list of dicts, the rows of the file.
        by_index: dict from (kind, index) to a row; the kinds are `"dx"`, `"rx"` and `"pr"`.
    """

    rows: list
    by_index: dict

    @classmethod
    def read(cls, path):
        """Reads a vocabulary file with the columns `COLUMNS`, and any others.

        Raises:
            InputError: it is not such a file, or gives an index twice.
        """
        try:
            with open(path, encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                rows = list(reader)
                found = reader.fieldnames or []
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            why = getattr(error, "strerror", None) or error
            raise InputError(f"{path}: not readable as CSV in UTF-8: {why}") from error
        missing = [name for name in COLUMNS if name not in found]
        if missing:
            raise InputError(f"{path}: no column {missing[0]}; found {', '.join(found)}; needed {', '.join(COLUMNS)}")
        by_index = {}
        for line, row in enumerate(rows, 2):
            if None in row or None in row.values():
                raise InputError(f"{path}: line {line}: not as many fields as the header's {len(found)}; one a column")
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

    def write(self, path):
        """Writes the vocabulary as it was read, atomically."""
        with files.replacing(path, "w") as file:
            writer = csv.DictWriter(file, self.rows[0] if self.rows else COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)


def code_name(vocabulary, kind, index):
    """Returns what to call a code: its display name and its code where they are known, else such as `dx 17`."""
    row = vocabulary.by_index.get((kind, index)) if vocabulary else None
    if row is None:
        return f"{kind} {index}"
    return f"{row['display']} ({row['code']})" if row["display"] else row["code"] or f"{kind} {index}"
