"""Probabilities of new patients, and of the sets that a run's model was trained and judged on."""

import dataclasses

import numpy as np

from mime_tf.batches import datasets
from mime_tf.errors import InputError, show
from mime_tf.runs import folder
from mime_tf.scoring import scorer
from mime_tf.splits import split as cohorts
from mime_tf.splits.groups import digest, group_numbers

SETS = ("test", "valid", "train", "all")
_BLOCK = 50_000  # patients whose codes are looked at together


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What a model says of the patients of a cohort, in their order.

    Attributes:
        probabilities: float32, (patients,).
        dropped: int64, (patients,): how many codes the model was not shown, because training did not hold them or
            because they were orders of a diagnosis that it did not hold.
        empty: bool, (patients,): the model was shown no code at all, so that the probability tells of nothing but the
            number of visits.
    """

    probabilities: np.ndarray
    dropped: np.ndarray
    empty: np.ndarray


def predict(run, cohort, batch_size=200, progress=None):
    """Scores every patient of a cohort.

    Args:
        run: `mime_tf.runs.opening.Run`.
        cohort: `mime_tf.data.cohort.Cohort`. Its labels are not looked at.
        batch_size: most patients in a batch.
        progress: function that is given a text now and then, such as `Console.progress`.

    Returns:
        Predictions.

    Raises:
        InputError: `batch_size` is less than 1, or the model's weights give no numbers.
    """
    part = part_of(run, cohort, "all")
    probabilities = np.empty(len(part), np.float32)
    probabilities[part.rows] = score(run, part, batch_size, progress)
    return Predictions(probabilities, *count_dropped(cohort.store, run.usable, progress))


def part_of(run, cohort, name):
    """Returns a set of patients as the run's model takes them: sorted by visits, without the codes it does not know.

    Args:
        run: `mime_tf.runs.opening.Run`.
        cohort: `mime_tf.data.cohort.Cohort`.
        name: `"all"`, every patient of any cohort; or `"train"`, `"valid"` or `"test"` of the run's own split, which
            is made again, so that the cohort has to be the one the run was trained on (`Run.trained_on`). Valid and
            test lack their last, partial batch where the run left it out (`eval_drop_remainder`).

    Returns:
        `mime_tf.splits.split.Part`.

    Raises:
        InputError: the split can't be made again, or the cohort's codes mean something else than in training.
        ValueError: `name` is none of these.
    """
    if name not in SETS:
        raise ValueError(f"`name` must be one of {SETS}. Received: {name=}")
    run.check_codes(cohort)
    if name == "all":
        rows = np.argsort(cohort.store.visit_counts, kind="stable")
        unlabeled = np.zeros(len(cohort.store), np.int64)  # a Part has labels; scoring does not look at them
        labels = unlabeled if cohort.labels is None else cohort.labels
        return cohorts.Part(rows, cohort.store, labels[rows], run.usable)
    config, part = run.config, getattr(_split(run, cohort), name)
    return part if name == "train" else part.scored(config.batch_size, config.eval_drop_remainder)


def _split(run, cohort):
    """Makes a run's split again."""
    if run.unknown_flags:
        raise InputError(
            f"{run.folder}: written by another version, with the flag {show(run.unknown_flags[0])}, so its split can't "
            "be made again; all patients can be scored"
        )
    config, store = run.config, cohort.store
    if config.folds and run.split_seed >= config.folds:
        raise InputError(f"{run.folder}: is of fold {run.split_seed} of {config.folds}, counted from 0; damaged")
    groups = group_numbers(cohort, config.group_column)
    if groups is not None and digest(groups) != (run.data or {}).get(folder.GROUPS):
        raise InputError(
            f"{run.folder}: divided by a {config.group_column} that put other rows together than that of these data; "
            "all patients can be scored"
        )
    rows = cohorts.eligible(store, config.min_threshold, config.max_threshold, config.association_threshold)
    split = cohorts.split(store, cohort.labels, rows, run.split_seed, **config.division, groups=groups)
    for kind, known in (run.known or {}).items():
        if not np.array_equal(np.flatnonzero(known), np.flatnonzero(split.known[kind])):
            raise InputError(
                f"{run.folder}: its split, made again, trains on other {kind} codes than the run did; the data are "
                "others, or scikit-learn divides differently in this version; all patients can be scored"
            )
    return split


def score(run, part, batch_size=200, progress=None):
    """Returns the probabilities of the patients of a part, in its order: float32, (patients,).

    Args:
        run: `mime_tf.runs.opening.Run`.
        part: `mime_tf.splits.split.Part`, from `part_of`.
        batch_size: most patients in a batch.
        progress: as for `predict`.

    Raises:
        InputError: as `predict`.
    """
    if batch_size < 1:
        raise InputError(f"batch_size: found {batch_size}; must be at least 1")
    batches = datasets.scoring_batches(part, batch_size)
    probabilities = scorer.Scorer(run.model)(_reported(batches, len(part), progress))
    if np.isnan(probabilities).any():
        raise InputError(f"{run.folder}: {np.isnan(probabilities).sum()} probabilities are not numbers; bad weights")
    return probabilities


def _reported(batches, patients, progress):
    """Yields the batches, and reports the patients that they have brought."""
    done = 0
    for inputs, labels in batches:
        yield inputs, labels
        done += len(labels)
        if progress:
            progress(f"scored {done:,} of {patients:,} patients")


def count_dropped(store, known, progress=None):
    """Counts the codes that patients lose when those not known are dropped.

    Args:
        store: `mime_tf.data.store.Store`.
        known: dict of boolean arrays, as for `Store.keep_known`.
        progress: as for `predict`.

    Returns:
        int64 (patients,), the codes lost: diagnoses, medications and procedures, the orders of a lost diagnosis
        included; and bool (patients,), whether nothing is left.
    """
    dropped, empty = np.empty(len(store), np.int64), np.empty(len(store), bool)
    for start in range(0, len(store), _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, len(store)))
        before = store.select(rows)
        left = _codes(before.keep_known(known))
        dropped[rows], empty[rows] = _codes(before) - left, left == 0
        if progress:
            progress(f"counted the codes of {rows[-1] + 1:,} of {len(store):,} patients")
    return dropped, empty


def _codes(store):
    """The number of codes of each patient."""
    dxobjs = store.dxobjs[store.visits]
    return np.diff(dxobjs) + np.diff(store.rx_offsets[dxobjs]) + np.diff(store.pr_offsets[dxobjs])
