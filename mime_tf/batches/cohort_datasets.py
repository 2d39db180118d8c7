"""From a cohort to the datasets that `MiME.fit`, `evaluate` and `predict` take."""

import dataclasses
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from mime_tf.batches.datasets import scoring_batches, training_batches
from mime_tf.batches.tables import window_starts
from mime_tf.config import SIZE_NAMES, TrainConfig
from mime_tf.data import sizes
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.splits.groups import group_numbers
from mime_tf.splits.split import Part, Split, eligible, make_split

# Fields of `TrainConfig` that say how patients are chosen, divided and batched.
OPTIONS = (
    *("random_seed", "folds", "group_column", "test_fraction", "valid_fraction", "train_ratio"),
    *("min_threshold", "max_threshold", "association_threshold", "eval_batch_size"),
)
# The sizes among `SIZE_NAMES` that are arguments of `MiME`.
MODEL_SIZES = ("num_dx", "num_rx", "num_pr", "max_dx_per_visit")
# Number of batches among which the order changes with each epoch.
SHUFFLED = 64


@dataclasses.dataclass(frozen=True, repr=False)
class Datasets:
    """The datasets of one split of a cohort, which also unpack: `train, valid, test = datasets(...)`.

    Attributes:
        train: tf.data.Dataset of `(inputs, labels)`: the dict of int32 tensors that `MiME` takes, and float32 (B,).
        valid, test: tf.data.Dataset of the same form, each patient once, in the order of `split.valid` and
            `split.test`.
        sizes: dict of the arguments of `MiME` that depend on the cohort: `MiME(**sizes)`.
        split: `mime_tf.splits.split.Split`, the patients of the three sets, sorted by number of visits.
    """

    train: tf.data.Dataset
    valid: tf.data.Dataset
    test: tf.data.Dataset
    sizes: dict[str, int]
    split: Split

    def __iter__(self) -> Iterator[tf.data.Dataset]:
        return iter((self.train, self.valid, self.test))

    def __repr__(self) -> str:
        patients = ", ".join(f"{len(getattr(self.split, name)):,} {name}" for name in ("train", "valid", "test"))
        return f"Datasets({patients} patients; {', '.join(f'{name} {size:,}' for name, size in self.sizes.items())})"


def datasets(
    cohort: Cohort | str | os.PathLike, seed: int = 0, batch_size: int = 20, steps: int | None = None, **options: Any
) -> Datasets:
    """Divides a cohort as `train.py` does, and returns the datasets; docs/library.md has an example.

    Args:
        cohort: a `Cohort` with labels, or the path of one: a prefix of `.seqs` and `.labels`, a `.parquet` file or a
            folder of them.
        seed: the split seed, or with `folds` the number of the fold that is test.
        batch_size: patients in a training batch.
        steps: by default `train` has each training patient once, in batches of patients with similar numbers of
            visits, in another order in each epoch. With a number it has that many windows at random positions of the
            sorted training list: those of the first updates of `train.py` with this split seed alone.
        **options: `random_seed`, which draws the order of the batches, and the flags of `train.py` that choose and
            divide patients: `folds`, `group_column`, `test_fraction`, `valid_fraction`, `train_ratio`,
            `min_threshold`, `max_threshold`, `association_threshold` and `eval_batch_size`.

    Returns:
        Datasets.

    Raises:
        InputError: the cohort can't be read or has no labels, an option is out of range, or a set would be empty.
        TypeError: an option of another name.
    """
    unknown = sorted(set(options) - set(OPTIONS))
    if unknown:
        raise TypeError(f"datasets() got an unexpected keyword argument {unknown[0]!r}")
    if not options.get("folds"):
        options["split_seeds"] = (seed,)
    config = TrainConfig(batch_size=batch_size, **options)
    if seed not in config.split_numbers:
        raise InputError(f"seed: found {seed}; with {config.folds} folds it is the test fold, 0 to {config.folds - 1}")
    if steps is not None and steps < 1:
        raise InputError(f"steps: found {steps}; must be at least 1")
    if not isinstance(cohort, Cohort):
        cohort = Cohort.open(cohort)
    resolved = sizes.resolve(cohort.store, dict.fromkeys(SIZE_NAMES), cohort.name)
    rows = eligible(cohort.store, config.min_threshold, config.max_threshold, config.association_threshold)
    groups = group_numbers(cohort, config.group_column)
    split = make_split(cohort.store, cohort.require_labels(), rows, seed, **config.division, groups=groups)
    return Datasets(
        _epochs(split.train, config) if steps is None else _windows(split.train, config, steps),
        scoring_batches(split.valid, config.eval_batch_size),
        scoring_batches(split.test, config.eval_batch_size),
        {name: resolved[name] for name in MODEL_SIZES},
        split,
    )


def _windows(part: Part, config: TrainConfig, steps: int) -> tf.data.Dataset:
    """Returns the first windows that `train.py` draws for a run of one split."""
    (starts,) = window_starts(config.random_seed, [len(part)], config.batch_size, steps)
    return training_batches(part, starts, config.batch_size)


def _epochs(part: Part, config: TrainConfig) -> tf.data.Dataset:
    """Returns a dataset of all patients of a part in consecutive batches; the last batch may be smaller."""
    starts = np.arange(0, len(part), config.batch_size)
    # The order is drawn here once, and changes with each epoch within a buffer that takes little memory.
    starts = np.random.default_rng(config.random_seed).permutation(starts)
    batches = training_batches(part, starts, config.batch_size)
    return batches.shuffle(SHUFFLED, seed=config.random_seed, reshuffle_each_iteration=True)
