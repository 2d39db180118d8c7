"""The splits of a run, and the windows that each is trained on."""

import numpy as np

from mime_tf import batching, cohort, evaluation, shapes
from mime_tf.errors import InputError


class Splits:
    """All splits of a cohort, made at once: they hold row numbers, and share the patients.

    Args:
        config: `TrainConfig`.
        store: Store, the whole cohort.
        labels: array of 0 and 1.

    Attributes:
        splits: dict from each split seed to its `cohort.Split`.
        starts: list of the starts of each split's training windows.

    Raises:
        InputError: no patient is eligible, or a set has fewer patients than a batch needs.
    """

    def __init__(self, config, store, labels):
        self.config, self.store, self.labels = config, store, labels
        self.rows = cohort.eligible(store, config.min_threshold, config.max_threshold, config.association_threshold)
        self.splits = {seed: self.make(seed) for seed in config.split_seeds}
        first = next(iter(self.splits.values()))
        self._check(first)
        # A set's size depends on the number of patients only, so it is the same in every split.
        train_sizes = [len(first.train)] * len(self.splits)
        self.starts = batching.window_starts(config.random_seed, train_sizes, config.batch_size, config.updates)

    def make(self, seed):
        """Returns the `cohort.Split` of a split seed."""
        config = self.config
        return cohort.split(
            self.store,
            self.labels,
            self.rows,
            seed,
            test_fraction=config.test_fraction,
            valid_fraction=config.valid_fraction,
            train_ratio=config.train_ratio,
        )

    def training_shapes(self):
        """Returns `shapes.plan` of the training windows of all splits."""
        parts = [split.train for split in self.splits.values()]
        return shapes.plan(parts, self.starts, self.config.batch_size)

    def scoring_shapes(self):
        """Returns `shapes.plan` of the batches in which all splits are scored."""
        parts = [part for split in self.splits.values() for part in (split.valid, split.test)]
        size = self.config.eval_batch_size
        return shapes.plan(parts, [np.arange(0, len(part), size) for part in parts], size)

    def one_class_sets(self):
        """Yields the split seed and the name of each held-out set whose labels are all alike."""
        config = self.config
        for seed, split in self.splits.items():
            for name in ("valid", "test"):
                part = evaluation.scored(getattr(split, name), config.batch_size, config.eval_drop_remainder)
                if len(set(part.labels.tolist())) == 1:
                    yield seed, name

    def _check(self, split):
        batch_size = self.config.batch_size
        sets = ("train", "valid", "test") if self.config.eval_drop_remainder else ("train",)
        for name in sets:
            size = len(getattr(split, name))
            if size < batch_size:
                raise InputError(
                    f"{name} has {size} of {len(self.rows)} patients and batch_size is {batch_size}: a batch would not "
                    f"fill; more patients, a batch_size of at most {size} or another fraction would do"
                )
