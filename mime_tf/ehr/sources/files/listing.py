"""What lies in a folder: files of data, and what programs leave beside them."""

import os
import re
import urllib.parse
from collections.abc import Iterator

from mime_tf.errors import InputError

# Names by which files are known that are never data, and what they are.
_COMPANIONS = {
    "hidden file": r"[._].*|thumbs\.db|desktop\.ini|__macosx",
    "checksum": r".*\.(md5|sha1|sha256|sha512|crc|asc|sig)|((md5|sha\d+)sums?|checksums?)([._-].*)?|sums?(\.txt)?",
    "log": r".*\.log(\.gz)?|log(\.(txt|ndjson|json))?",
    "manifest": r"manifest.*\.(json|txt|csv|xml|ya?ml)|.*\.manifest",
    "document": r"(readme|licen[cs]e|notice|changelog|copying)([._-].*)?|.*\.(md|rst|pdf|docx?|html?)",
    "file of a schema or a program": r".*\.(sql|py|r|sh|ya?ml|ddl|schema)",
}
# Folders of table formats whose files are not all part of the table as it is now.
_FORMATS = {"_delta_log": "Delta Lake", ".hoodie": "Hudi", "metadata": "Iceberg"}


def companion(name: str) -> str | None:
    """Returns what a file beside the data is, by its name, or None for a file that may be data.

    >>> companion(".DS_Store"), companion("_SUCCESS"), companion("README.md"), companion("part-0.csv")
    ('hidden file', 'hidden file', 'document', None)
    """
    return next((kind for kind, names in _COMPANIONS.items() if re.fullmatch(names, name, re.IGNORECASE)), None)


def walk(folder: str, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Yields the files of a folder at any depth, but for hidden folders (`.git`, `_temporary`), sorted.

    Args:
        folder: the folder.
        above: the real paths of the folders that it lies in, so that a link to one of them ends the walk.

    Raises:
        InputError: the folder is a table of a format whose files are not all part of it.
    """
    above = (*above, os.path.realpath(folder))
    entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    for entry in entries:
        _check_format(folder, entry)
    for entry in entries:
        if not entry.is_dir():
            yield entry.path
        elif companion(entry.name) != "hidden file" and os.path.realpath(entry.path) not in above:
            yield from walk(entry.path, above)


def _check_format(folder, entry):
    table_format = _FORMATS.get(entry.name)
    if not table_format or not entry.is_dir():
        return
    if table_format == "Iceberg" and not any(name.endswith(".metadata.json") for name in os.listdir(entry.path)):
        return
    raise InputError(
        f"{folder}: a table of {table_format} (it holds {entry.name}), whose files hold deleted rows as well; "
        "must be exported as plain Parquet or CSV"
    )


def partition(path: str, folder: str) -> dict[str, str]:
    """Returns the columns that a path gives a value, as Hive writes them: `year=2011/` (for a null `""`).

    >>> partition("/t/visits/year=2011/month=2/part-0.parquet", "/t/visits")
    {'year': '2011', 'month': '2'}
    """
    parts = [part.split("=", 1) for part in os.path.relpath(os.path.dirname(path), folder).split(os.sep) if "=" in part]
    values = {name: urllib.parse.unquote(value) for name, value in parts}
    return {name: "" if value == "__HIVE_DEFAULT_PARTITION__" else value for name, value in values.items()}
