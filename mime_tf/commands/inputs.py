"""The files of the input: that they exist, and that no output is one of them, before slow imports and long reading."""

import os
from collections.abc import Iterable

from mime_tf.data.cohort import Cohort, files_beside, files_of
from mime_tf.runs.run import Run
from mime_tf.terminal import outputs


def require_cohort(path: str) -> None:
    """Raises InputError unless the files of a cohort exist."""
    if not all(map(os.path.exists, files_of(path))):
        Cohort.open(path)  # its error says which are missing


def require_run(path: str) -> None:
    """Raises InputError unless a path names a run or a fitted split."""
    Run.open(path)


def check_apart(written: Iterable[str], cohort: str | None = None, run: str | None = None) -> None:
    """Raises InputError if a file that is written is one of those that are read.

    Args:
        written: the files that are written.
        cohort: the path of a cohort, or None.
        run: the path of a run or a fitted split, or None.
    """
    read = [] if cohort is None else [*files_of(cohort), *files_beside(cohort)]
    if run is not None:
        opened = Run.open(run)
        read += [entry.path for folder in opened.folders if os.path.isdir(folder) for entry in os.scandir(folder)]
        read += [] if opened.record is None else [opened.record.path]
    outputs.check_apart(written, read)
