"""A run as one model: the mean of the probabilities of its fitted splits; of one split, its own probabilities."""

import dataclasses
import os
from collections.abc import Iterator

from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.folder import is_fitted
from mime_tf.runs.run import Run
from mime_tf.runs.subject import Subject


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class MeanModel:
    """Fitted splits whose probabilities are averaged.

    Attributes:
        path: as the user gave it.
        splits: the fitted splits, one or more.
        left_out: number of splits of the run that are not finished.
    """

    path: str
    splits: tuple[FittedSplit, ...]
    left_out: int = 0

    @classmethod
    def open(cls, path: str | os.PathLike) -> "MeanModel":
        """Opens the folder of a fitted split, or all finished splits of a run.

        Args:
            path: as `Run.open` takes it.

        Raises:
            InputError: the path is neither, nothing is fitted yet, a split can't be opened, or several splits predict
                several outcomes per patient each.
        """
        run = Run.open(path)
        fitted = [folder for folder in run.folders if is_fitted(folder)]
        if len(run.folders) == 1 or len(fitted) == 1:
            return cls(run.path, (FittedSplit.open((fitted or run.folders)[0]),))
        if not run.finished:
            raise InputError(f"{run.path}: a run with no finished split yet: {', '.join(run.folders)}")
        splits = tuple(run.splits)
        if splits[0].outcomes > 1 and len(splits) > 1:
            raise InputError(
                f"{run.path}: {len(splits)} fitted splits of {splits[0].outcomes:,} outcomes per patient; a mean is "
                f"taken of models of one outcome; give one split, such as {splits[0].folder}"
            )
        return cls(run.path, splits, len(run.folders) - len(splits))

    def __repr__(self) -> str:
        return f"MeanModel({self.path!r}, {self.described})"

    @property
    def described(self) -> str:
        """What the model is, such as `"mean of 5 fitted splits"`, or the folder of its one split."""
        return f"mean of {len(self.splits)} fitted splits" if len(self.splits) > 1 else self.splits[0].folder

    @property
    def outcomes(self) -> int:
        """Number of outcomes per patient that each split predicts."""
        return self.splits[0].outcomes

    @property
    def names(self) -> str:
        """Names of the splits' folders."""
        return ", ".join(split.name for split in self.splits)

    @property
    def notes(self) -> list[str]:
        """Notes on the splits, told to the users of the model."""
        notes = [note for split in self.splits for note in split.notes]
        if self.left_out:
            notes.append(f"{self.path}: {self.left_out} of its splits not finished, and left out of the mean")
        return notes

    @property
    def subject(self) -> Subject:
        """Subject of the splits: which outcome they predict, of whom."""
        return self.splits[0].subject

    def check_codes(self, cohort: Cohort) -> None:
        """Raises InputError unless codes mean the same in a cohort and in training, as `FittedSplit.check_codes`."""
        for split in self.splits:
            split.check_codes(cohort)

    def trained_on(self, cohort: Cohort) -> bool:
        """Whether a cohort is the one that the splits were divided from."""
        return self.splits[0].trained_on(cohort)

    @property
    def rule(self) -> str:
        """How a patient of whom nothing is known is scored, in words."""
        adjustments = [split.adjustment for split in self.splits]
        if len(adjustments) == 1:
            return adjustments[0].rule
        prevalences = [each.prevalence for each in adjustments if each.prevalence is not None]
        if len(prevalences) < len(adjustments):
            return "by the rule of each split"
        share = sum(prevalences) / len(prevalences)
        return f"by the mean of the splits' shares of cases in training or recalibration, {share:.1%}"

    def recalibrations(self) -> Iterator[str]:
        """Yields a line for each split whose probabilities are recalibrated."""
        for split in self.splits:
            if split.adjustment.recalibration is not None:
                of = f" ({split.name})" if len(self.splits) > 1 else ""
                yield f"recalibrated: {split.adjustment.recalibration.method}{of}"
