"""Checks that the files of the input exist, before slow imports and long reading: a wrong path is answered at once."""

import os

from mime_tf.data.cohort import Cohort
from mime_tf.runs.run import Run


def require_cohort(path: str) -> None:
    """Raises InputError if no file or folder has the name of a cohort."""
    if not os.path.exists(path) and not os.path.exists(f"{path}.seqs"):
        Cohort.open(path)  # its error says what a cohort is


def require_run(path: str) -> None:
    """Raises InputError unless a path names a run or a fitted split."""
    Run.open(path)
