"""Which files of an export are FHIR."""

import os

from mime_tf.errors import InputError

ENDINGS = (".json", ".ndjson", ".json.gz", ".ndjson.gz")


def find(path: str | os.PathLike) -> list[str]:
    """Returns a file of FHIR as a list, or the files of FHIR in a folder, at any depth, sorted.

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
        return [path]
    walked = (os.path.join(folder, name) for folder, _, names in os.walk(path) for name in names)
    paths = sorted(file for file in walked if file.lower().endswith(ENDINGS))
    if not paths:
        raise InputError(f"{path}: no file of FHIR in it; must hold files that end in one of {endings}")
    return paths
