"""Which files of an export are FHIR, and what the others are."""

import json
import os
import zlib

from mime_tf.ehr.sources.files import listing
from mime_tf.errors import InputError
from mime_tf.terminal import reading

ENDINGS = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
_PEEK = 1 << 20  # bytes by which a file that is not FHIR is known


def find(path: str | os.PathLike) -> tuple[list[str], list[tuple[str, str]]]:
    """Returns a file of FHIR as a list, or the files of FHIR in a folder, at any depth, sorted.

    Returns:
        The files, and (file, what it is) of the other files of the folder.

    Raises:
        InputError: there is no such file.
    """
    path = os.fspath(path)
    endings = ", ".join(ENDINGS)
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise InputError(f"{path}: can't be read (No such file or directory); must be a file or folder of FHIR")
        if not path.lower().endswith(ENDINGS):
            raise InputError(f"{path}: not a file of FHIR by its name; must end in one of {endings}")
        return [path], []
    files, others = [], []
    for file in listing.walk(path):
        kind = listing.companion(os.path.basename(file))
        if file.lower().endswith(ENDINGS) and kind != "hidden file":
            files.append(file)
        else:
            others.append((file, kind or "not FHIR by its name"))
    if not files:
        raise InputError(f"{path}: no file of FHIR in it; must hold files that end in one of {endings}")
    return sorted(files), others


def companion(path: str) -> str | None:
    """Returns what a JSON file without a resource is, as bulk clients and servers leave them, or None."""
    try:
        with reading.open_unzipped(path) as file:
            text = file.read(_PEEK).decode("utf-8-sig")
        lines = path.lower().endswith((".ndjson", ".ndjson.gz"))
        content = json.loads(text.strip().split("\n", 1)[0] if lines else text)
    except (OSError, EOFError, zlib.error, ValueError, RecursionError):
        return None
    keys = content.keys() if isinstance(content, dict) else set()
    if "resourceType" in keys:
        return None
    if {"transactionTime", "output"} <= keys:
        return "manifest of a bulk export"
    if {"exportId", "eventId"} <= keys:
        return "log of a bulk export"
    return listing.companion(os.path.basename(path))
