"""A whole run: the cohort read once, one model compiled once, and every split fitted with it."""

import itertools
import os

import numpy as np

from mime_tf.assess.summary import RESULTS
from mime_tf.data import cohort as sources
from mime_tf.data import sizes
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.runs.folder import METRICS, out_of_fold_path, read_json, remove_state, split_folder, write_configuration
from mime_tf.runs.journal import Journal
from mime_tf.runs.record import Record
from mime_tf.splits.groups import group_numbers, repeats
from mime_tf.terminal import environment
from mime_tf.terminal.console import Console
from mime_tf.training import lines, out_of_fold
from mime_tf.training.plan import Splits


def train(config, source, output_prefix, log_prefix, resume=True, overwrite=False, console=None):
    """Trains as `train.py` does: one model for each split, written to `<output><split>/`, results to `<log>.log`.

    Args:
        config: `mime_tf.config.TrainConfig`.
        source: the cohort, as `mime_tf.data.cohort` says: a prefix of `.seqs` and `.labels`, or Parquet.
        output_prefix: `r<i>s<j>`, `run.json` and, with folds, `out_of_fold.csv` are.
        log_prefix: `.log` is.
        resume: go on with an unfinished run of the same flags and data; otherwise one is an error.
        overwrite: discard whatever run there is.
        console: where to print; by default a new `Console`.

    Returns:
        Dict of the mean results over the splits, the keys `RESULTS`.

    Raises:
        InputError: something about the data, the flags or the folders is wrong; nothing was written, unless it
            came to light in training.
    """
    console = console or Console()
    source, output_prefix, log_prefix = map(os.fspath, (source, output_prefix, log_prefix))
    cohort = sources.read(source)
    given = {name: getattr(config, name) for name in sizes.SIZE_NAMES}
    found_sizes = sizes.resolve(cohort.store, given, sources.name(source))
    groups = group_numbers(cohort, config.group_column)
    splits = Splits(config, cohort.store, cohort.labels, groups)
    vocabulary = Vocabulary.beside(source)
    environment.import_tensorflow()  # not before the data are known to be good: it takes seconds
    from mime_tf.training import devices
    from mime_tf.training.fitter import Fitter
    from mime_tf.training.split_run import SplitRun

    fitter = Fitter(config, found_sizes)
    log_path = f"{log_prefix}.log"
    record = Record.open(config, source, output_prefix, log_path, resume, overwrite, groups)
    if record.finished:
        console.note(f"{record.path}: this run is finished and left alone; --overwrite would redo it")
        return with_nan(record.content["mean"])

    console.note(devices.describe())
    _warn(console, cohort, splits)
    if fitter.compiles:
        fitter.training_shapes = splits.training_shapes()
    journal = Journal(log_path, record.content["log_start"])
    results = []
    folders = [split_folder(output_prefix, config.random_seed, seed) for seed in config.split_numbers]
    for seed, folder, starts in zip(config.split_numbers, folders, splits.starts, strict=True):
        done = _finished(folder)
        if done:
            console.note(f"{folder}: finished before")
            remove_state(folder)
        else:
            write_configuration(folder, record.content, seed, found_sizes)
            split = splits.splits[seed]
            done = SplitRun(folder, split, cohort.patient_ids, starts, fitter, vocabulary, console).run(seed)
        results.append(with_nan(done))
        journal.add(lines.split_line(results[-1]))
        console.line(lines.split_line(results[-1]))
    if config.folds:
        out_of_fold.write(out_of_fold_path(output_prefix), folders)
    mean = {name: float(np.mean([result[name] for result in results])) for name in RESULTS}
    journal.add(lines.mean_line(mean))
    console.line(lines.mean_line(mean))
    record.finish(mean)
    return mean


def _warn(console, cohort, splits):
    """Tells what of the data makes results worth less."""
    for number, name in itertools.islice(splits.one_class_sets(), 1):
        console.note(f"warning: the labels of {name} in split {number} are all alike; such a set's AUC is nan")
    if splits.groups is None and repeats(cohort, splits.rows):
        console.note(
            "warning: some patients (patient_id) have several rows, which may be on different sides of a split; "
            "--group_column=patient_id keeps them together"
        )


def with_nan(results):
    """Results as read from JSON, where null stands for NaN."""
    return {name: np.nan if results[name] is None else results[name] for name in RESULTS}


def _finished(folder):
    """The results of a split that was finished before, None if it was not.

    Raises:
        InputError: its metrics file is damaged.
    """
    path = os.path.join(folder, METRICS)
    results = read_json(path)
    if results is not None and not (isinstance(results, dict) and set(RESULTS) <= set(results)):
        raise InputError(f"{path}: holds no results of this program; --overwrite starts anew")
    return results
