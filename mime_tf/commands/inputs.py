"""Checks that the files of the input exist, before slow imports and long reading: a wrong path is answered at once."""

import os

from mime_tf.data.cohort import Cohort, files_of
from mime_tf.runs.run import Run


def require_cohort(path: str) -> None:
    """Raises InputError unless the files of a cohort exist."""
    if not all(map(os.path.exists, files_of(path))):
        Cohort.open(path)  # its error says which are missing


def require_run(path: str) -> None:
    """Raises InputError unless a path names a run or a fitted split."""
    Run.open(path)
