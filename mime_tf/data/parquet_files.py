"""The Parquet files of a cohort that is a folder. Needs no Arrow."""

import os
from collections.abc import Iterator

from mime_tf.errors import InputError

ENDING = ".parquet"


def parquet_files(folder: str) -> Iterator[str]:
    """Yields the files of a folder and of its partitions (`year=2011/`), in the order of their names.

    Hidden files and folders, whose names begin with a point or an underscore, are passed over.

    Raises:
        InputError: a Parquet file lies in another sub-folder, which may or may not belong to the cohort.
    """
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith((".", "_")):
            continue
        if not entry.is_dir():
            if entry.name.lower().endswith(ENDING):
                yield entry.path
        elif "=" in entry.name:
            yield from parquet_files(entry.path)
        elif deeper := next(_deeper(entry.path), None):
            right = f"all files must lie in {folder}, or in partitions such as year=2011"
            raise InputError(f"{deeper}: in a sub-folder of a cohort; {right}")


def _deeper(folder: str) -> Iterator[str]:
    """Yields the Parquet files of a folder at any depth."""
    for parent, _, names in os.walk(folder):
        yield from (os.path.join(parent, name) for name in sorted(names) if name.lower().endswith(ENDING))
