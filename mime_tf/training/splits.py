"""The splits of a run, made one at a time, and the windows that each is trained on."""

from mime_tf import batching, cohort, evaluation, shapes
from mime_tf.errors import InputError


class Splits:
    """All splits of a cohort.

    Args:
        config: `TrainConfig`.
        store: Store, the whole cohort.
        labels: array of 0 and 1.

    Raises:
        InputError: no patient is eligible, or a set has fewer patients than a batch needs.
    """

    def __init__(self, config, store, labels):
        self.config, self.store, self.labels = config, store, labels
        self.rows = cohort.eligible(store, config.min_threshold, config.max_threshold, config.association_threshold)
        splits = [self.make(seed) for seed in config.split_seeds[:1]]
        self._check(splits[0])
        # A set's size depends on the number of patients only, so it is the same in every split.
        train_sizes = [len(splits[0].train)] * len(config.split_seeds)
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

    def window_sizes(self):
        """Returns `shapes.window_sizes` of each split's training set, a list."""
        return [
            shapes.window_sizes(batching.Batcher(self.make(seed).train.store), self.config.batch_size)
            for seed in self.config.split_seeds
        ]

    def one_class_sets(self):
        """Yields the split seed and the name of each held-out set whose labels are all alike."""
        for seed in self.config.split_seeds:
            split = self.make(seed)
            for name in ("valid", "test"):
                config = self.config
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
