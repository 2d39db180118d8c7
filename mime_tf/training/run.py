"""A whole run: one model, compiled once, and fitted to every split of a cohort."""

import itertools
import math
import os
from collections.abc import Iterator, Mapping

import numpy as np

from mime_tf.assess.summary import RESULTS
from mime_tf.config import NEXT_VISIT, TrainConfig, check_several_outcomes
from mime_tf.data import sizes, tasks
from mime_tf.data.cohort import Cohort
from mime_tf.data.origin import origin_of
from mime_tf.errors import InputError
from mime_tf.runs import weights, writing
from mime_tf.runs.configuration import OUTCOMES
from mime_tf.runs.folder import FILES, METRICS, remove_state
from mime_tf.runs.journal import Journal
from mime_tf.runs.paths import out_of_fold_path, record_path, refit_folder, split_folders
from mime_tf.runs.provenance import weights_files
from mime_tf.runs.record import Record, begin
from mime_tf.runs.results import read_metrics
from mime_tf.splits.groups import group_numbers, repeats
from mime_tf.splits.times import Times
from mime_tf.terminal import environment, outputs
from mime_tf.terminal.console import Console
from mime_tf.training import lines, out_of_fold
from mime_tf.training.beside_codes import BesideCodes
from mime_tf.training.kinship import Kinship, ancestors_of, kinship_of
from mime_tf.training.plan import Plan
from mime_tf.training.work import Work


def train(
    config: TrainConfig,
    cohort: Cohort | str | os.PathLike,
    output_prefix: str | os.PathLike,
    log_prefix: str | os.PathLike,
    resume: bool = True,
    overwrite: bool = False,
    console: Console | None = None,
) -> dict[str, float]:
    """Trains as `train.py` does: one model for each split, written to `<output><split>/`, results to `<log>.log`.

    Args:
        config: the flags.
        cohort: the patients, and their labels unless the task has them from the patients; or the path of a cohort, as
            `mime_tf.data.cohort` says.
        output_prefix: prefix of `r<i>s<j>`, `run.json` and, with folds, `out_of_fold.csv`.
        log_prefix: prefix of `.log`.
        resume: go on with an unfinished run of the same flags and data; otherwise one is an error.
        overwrite: discard any run that is there.
        console: where to print; by default a new `Console`.

    Returns:
        Dict of the mean results over the splits, the keys `RESULTS`.

    Raises:
        InputError: the data, the flags or the folders are wrong; nothing was written, unless it came to light in
            training.
    """
    console = console or Console()
    output_prefix, log_path = os.fspath(output_prefix), f"{os.fspath(log_prefix)}.log"
    cohort = tasks.open_cohort(cohort, config.task) if isinstance(cohort, (str, os.PathLike)) else cohort
    config = config.with_widths(len(cohort))
    given = {name: getattr(config, name) for name in sizes.SIZE_NAMES}
    resolved = sizes.resolve(cohort.store, given, cohort.name)
    cohort = _posed(config, cohort, resolved["num_dx"])
    if cohort.outcomes > 1:
        resolved[OUTCOMES] = cohort.outcomes
    kinship = kinship_of(config, cohort, resolved)
    relations = None if kinship is None else kinship.digest
    beside = BesideCodes.of(config, cohort)
    _check_memory(config, resolved, kinship, beside)
    groups = group_numbers(cohort, config.group_column)
    times = Times.of(cohort, config)
    store = cohort.store.with_days(beside.days)
    plan = Plan(config, store, cohort.require_labels(), groups, times, beside.values)
    # Read before anything is written: a bad file leaves nothing behind.
    _ = cohort.vocabulary, cohort.hierarchy, cohort.patient_ids, cohort.attributes, origin_of(cohort.conversion)
    folders = [*split_folders(output_prefix, config), *([refit_folder(output_prefix)] if config.refit else [])]
    written = [
        log_path,
        record_path(output_prefix),
        *(os.path.join(*path) for path in itertools.product(folders, FILES)),
    ]
    outputs.check_apart(written, [*cohort.files, *weights_files(config.init_from)])
    environment.import_tensorflow(config.tf32)  # not before the data are known to be good: it takes seconds
    from mime_tf.training.fitter import Fitter

    kinds = config.kinds.values() if config.blend else [config]
    fitters = [Fitter(kind, resolved, cohort.store, kinship, beside) for kind in kinds]
    with outputs.locked(record_path(output_prefix)):
        new = Record.new(config, cohort, output_prefix, log_path, groups, relations, times, beside.digest)
        record = begin(new, resume, overwrite)
        if record.finished:
            console.note(f"{record.path}: this run is finished and left alone; --overwrite would redo it")
            return with_nan(record.content["mean"])
        return _finish(Work(record, plan, cohort, resolved, beside, fitters, console))


def _posed(config: TrainConfig, cohort: Cohort, num_dx: int) -> Cohort:
    """Returns the cohort with the labels of the task.

    Raises:
        InputError: an option does not go with several outcomes, or the labels take more memory than there is.
    """
    if config.task == NEXT_VISIT:
        # A byte per patient and outcome, in the cohort and in the sets of each split.
        needed, memory = len(cohort) * num_dx * (1 + len(config.split_numbers)), environment.memory()
        if needed > memory:
            raise InputError(
                f"{cohort.name}: {num_dx:,} diagnoses of {len(cohort):,} patients take {needed / 1e9:,.1f} GB as "
                f"labels, and there are {memory / 1e9:,.1f} GB: fewer splits, or groups of codes (convert --groups)"
            )
    cohort = tasks.pose(cohort, config.task, num_dx)
    if cohort.outcomes > 1:
        check_several_outcomes(config)
    return cohort


def _check_memory(
    config: TrainConfig, resolved: Mapping[str, int], kinship: Kinship | None, beside: BesideCodes
) -> None:
    """Raises InputError unless the machine has the memory to train a model of these sizes."""
    names = ("dxobj_emb_size", "rnn_size", "rnn_cell", "pooling", "equations")
    widths = {name: getattr(config, name) for name in names}
    arguments = {OUTCOMES: 1, **resolved, **widths}
    arguments |= {"emb_size": config.dx_emb_size, "aux_heads": bool(config.aux_lambda)}
    arguments |= {"ancestors": ancestors_of(config, kinship), **beside.arguments}
    shapes = weights.shapes(arguments)
    needed, memory = 4 * weights.size(shapes), environment.memory()  # with Adam's two moments, and the gradient
    if needed > memory:
        name, shape = max(shapes.items(), key=lambda item: math.prod(item[1]))
        raise InputError(
            f"sizes: {name.partition('/')[0]} has weights of shape {shape}; training such a model takes "
            f"{needed / 1e9:,.1f} GB or more, and there are {memory / 1e9:,.1f} GB: smaller sizes are needed"
        )


def _finish(work: Work) -> dict[str, float]:
    """Trains the splits that are not finished, and writes the results of all; returns their means."""
    from mime_tf.training import devices

    record, plan, console = work.record, work.plan, work.console
    console.note(devices.describe())
    _warn(console, work.cohort, plan)
    if kinship := next((fitter.kinship for fitter in work.fitters if fitter.kinship), None):
        console.note(f"ancestors in the embeddings of codes: {kinship}")
    for fitter in work.fitters:
        if fitter.compiles:
            fitter.training_shapes = plan.training_shapes()
    journal, results = Journal(record.content["log"], record.content["log_lines"], record.write), []
    for result in _train_splits(work):
        results.append(result)
        _tell(lines.split_line(result), journal, console)
    if plan.config.folds:
        out_of_fold.write(out_of_fold_path(record.output_prefix), record.folders, work.cohort.outcomes)
    if plan.config.refit:
        from mime_tf.training.refit import refit

        refit(work)
    mean = {name: float(np.mean([result[name] for result in results])) for name in RESULTS}
    _tell(lines.mean_line(mean), journal, console)
    record.finish(mean)
    return mean


def _train_splits(work: Work) -> Iterator[dict[str, float]]:
    """Trains one split after another, but for those that were finished before; yields the results of each."""
    from mime_tf.training.blend_training import BlendTraining
    from mime_tf.training.split_training import SplitTraining

    record, plan, cohort, console = work.record, work.plan, work.cohort, work.console
    for (number, split), folder, starts in zip(plan.splits.items(), record.folders, plan.starts, strict=True):
        metrics = _finished(folder, console)
        if metrics is None:
            work.configuration(number).write(folder)
            periods = None if plan.times is None else plan.times.periods(split)
            writing.write_subject(folder, cohort, plan.rows, split, periods)
            if plan.config.blend:
                parts = (plan.config, work.sizes, work.beside, work.fitters)
                blend = BlendTraining(folder, split, cohort, *parts, console)
                metrics = blend.run(number, plan.groups if plan.times is None else plan.times.groups)
            else:
                metrics = SplitTraining(folder, split, starts, cohort, work.fitters[0], console).run(number)
        yield with_nan(metrics)


def _warn(console: Console, cohort: Cohort, plan: Plan) -> None:
    """Tells properties of the data that make results worth less, and who is left out of a task."""
    if plan.config.task == NEXT_VISIT:
        without_history = int((cohort.store.visit_counts == 0).sum())
        diagnosed = int(cohort.require_labels().any(axis=1).sum())
        console.note(
            f"next visit: {len(plan.rows):,} of {len(cohort):,} patients; left out are {without_history:,} of one "
            f"visit, which nothing precedes, and those whom the thresholds leave out; {diagnosed:,} last visits hold a "
            "diagnosis"
        )
    for number, name in itertools.islice(plan.one_class_sets(), 1):
        console.note(f"warning: the labels of {name} in split {number} are all alike; such a set's AUC is nan")
    if plan.times is not None:
        (split,) = plan.splits.values()
        for line in plan.times.lines(split, plan.rows):
            console.note(f"split by time: {line}")
    elif plan.groups is None and repeats(cohort, plan.rows):
        console.note(
            "warning: some patients (patient_id) have several rows, which may be on different sides of a split; "
            "--group_column=patient_id keeps them together"
        )


def _finished(folder: str, console: Console) -> dict | None:
    """Returns the results of a split that was finished before, or None.

    Raises:
        InputError: its metrics file is damaged.
    """
    metrics = read_metrics(folder)
    if metrics is None:
        return None
    if not set(RESULTS) <= set(metrics):
        raise InputError(f"{os.path.join(folder, METRICS)}: holds no results of this program; --overwrite starts anew")
    console.note(f"{folder}: finished before")
    remove_state(folder)
    return metrics


def _tell(line: str, journal: Journal, console: Console) -> None:
    journal.add(line)
    console.line(line)


def with_nan(results: dict) -> dict[str, float]:
    """Returns results that were JSON, which has null for NaN."""
    return {name: np.nan if results[name] is None else results[name] for name in RESULTS}
