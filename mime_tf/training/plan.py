"""Plan of a run: its splits, and the windows that each is trained on."""

from collections.abc import Callable, Iterator

import numpy as np

from mime_tf.batches import shapes, tables
from mime_tf.config import TrainConfig
from mime_tf.data.store import Store
from mime_tf.errors import InputError
from mime_tf.splits.split import Split, eligible, make_split
from mime_tf.splits.times import Times


class Plan:
    """All splits of a run, made at once: they hold row numbers, and share the patients.

    Args:
        config: the flags of the run.
        store: the whole cohort, with the days of visits if its networks read them.
        labels: array of 0 and 1, (patients,) or (patients, outcomes).
        groups: group of each patient, from `mime_tf.splits.groups.group_numbers`, or None.
        times: `mime_tf.splits.times.Times` of the cohort, or None for random splits and folds.
        attributes: float64 (patients, attributes), of each patient, if its networks read some.

    Attributes:
        rows: int64, the rows of the patients that the thresholds admit.
        splits: dict from the number of each split, `config.split_numbers`, to its Split.
        starts: list of the starts of each split's training windows.

    Raises:
        InputError: no patient is eligible, or a set has fewer patients than a batch needs, or lacks a label that is to
            be balanced.
    """

    def __init__(
        self,
        config: TrainConfig,
        store: Store,
        labels: np.ndarray,
        groups: np.ndarray | None = None,
        times: Times | None = None,
        attributes: np.ndarray | None = None,
    ):
        self.config, self.store, self.labels, self.groups, self.times = config, store, labels, groups, times
        self.attributes = attributes
        self.rows = eligible(store, config.min_threshold, config.max_threshold, config.association_threshold)
        self.splits = {number: self.make(number) for number in config.split_numbers}
        for number, split in self.splits.items():
            self._check(number, split)
        train_sizes = [len(split.train) for split in self.splits.values()]
        self.starts = tables.window_starts(config.random_seed, train_sizes, config.batch_size, config.updates)

    def __repr__(self) -> str:
        return f"Plan({len(self.splits)} splits of {len(self.rows):,} patients)"

    def make(self, number: int) -> Split:
        """Returns the split of a split seed, or of a fold."""
        patients = self.store, self.labels, self.rows
        split = make_split(*patients, number, **self.config.division, groups=self.groups, times=self.times)
        return split if self.attributes is None else split.with_attributes(self.attributes)

    def training_shapes(self) -> Callable[[dict[str, int]], dict[str, int]]:
        """Returns `mime_tf.batches.shapes.plan` of the training windows of all splits."""
        parts = [split.train for split in self.splits.values()]
        return shapes.plan(parts, self.starts, self.config.batch_size)

    def one_class_sets(self) -> Iterator[tuple[int, str]]:
        """Yields the number of the split and the name of each held-out set whose labels are all alike."""
        config = self.config
        for number, split in self.splits.items():
            for name in ("valid", "test"):
                part = getattr(split, name).scored(config.batch_size, config.eval_drop_remainder)
                if len(np.unique(part.labels)) == 1:
                    yield number, name

    def _check(self, number: int, split: Split) -> None:
        batch_size = self.config.batch_size
        sets = ("train", "valid", "test") if self.config.eval_drop_remainder else ("train",)
        for name in sets:
            size = len(getattr(split, name))
            if size < batch_size:
                raise InputError(
                    f"{name} has {size} of {len(self.rows)} patients and batch_size is {batch_size}: a batch would not "
                    f"fill; more patients, a batch_size of at most {size} or another fraction would do"
                )
        if self.config.class_weight == "balanced" and len(np.unique(split.train.labels)) < 2:
            raise InputError(
                f"class_weight: found balanced; the labels of train in split {number} are all {split.train.labels[0]}, "
                "and both have to be there"
            )
