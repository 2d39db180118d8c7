"""A run: all splits of one training, opened once."""

import dataclasses
import functools
import glob
import os

from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.folder import CONFIG, METRICS, is_finished
from mime_tf.runs.paths import RECORD
from mime_tf.runs.record import Record
from mime_tf.runs.results import SplitResults


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Run:
    """A run on disk.

    Attributes:
        path: as the user gave it.
        folders: paths of the folders of its splits, fitted or not, in the order of training.
        record: its `Record`, or None for a fitted split by itself.
    """

    path: str
    folders: tuple[str, ...]
    record: Record | None

    @classmethod
    def open(cls, path: str | os.PathLike) -> "Run":
        """Opens a run.

        Args:
            path: output prefix of the run, folder of its run.json, or that file; or the folder of a fitted split,
                which is taken for a run of that split alone.

        Raises:
            InputError: the path is none of these, or a folder of several runs.
        """
        path = os.fspath(path)
        if os.path.isfile(os.path.join(path, CONFIG)):
            return cls(path, (path,), None)
        record = Record.read(_find_record(path))
        assert record is not None  # the file was there a moment ago
        return cls(path, tuple(record.folders), record)

    def __repr__(self) -> str:
        return f"Run({self.path!r}, {len(self.folders)} splits, {len(self.finished)} finished)"

    @property
    def finished(self) -> list[str]:
        """Paths of the folders of the finished splits."""
        return [folder for folder in self.folders if is_finished(folder)]

    @functools.cached_property
    def splits(self) -> list[FittedSplit]:
        """The finished splits, opened."""
        return [FittedSplit.open(folder) for folder in self._some_finished()]

    @functools.cached_property
    def results(self) -> list[SplitResults]:
        """Results of the finished splits; no model is opened."""
        return [SplitResults.read(folder) for folder in self._some_finished()]

    def _some_finished(self) -> list[str]:
        if not self.finished:
            raise InputError(f"{self.path}: no finished split, for {METRICS} is missing in {self.folders[0]}")
        return self.finished


def _find_record(path: str) -> str:
    """Returns the path of the run.json that a user named."""
    for candidate in (f"{path}{RECORD}", os.path.join(path, RECORD), path):
        if os.path.basename(candidate).endswith(RECORD) and os.path.isfile(candidate):
            return candidate
    inside = sorted(glob.glob(os.path.join(glob.escape(path), f"*{RECORD}")))
    if len(inside) == 1:
        return inside[0]
    if inside:
        prefixes = ", ".join(record.removesuffix(RECORD) for record in inside[:4])
        raise InputError(f"{path}: holds {len(inside)} runs; give one of the prefixes, such as {prefixes}")
    raise InputError(
        f"{path}: neither the folder of a fitted split, such as r0s0, nor the output prefix of a run, for there is no "
        f"{path}{RECORD}"
    )
