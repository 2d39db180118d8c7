"""The command `evaluate` for a model of several outcomes per patient."""

import os
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mime_tf.config import NEXT_VISIT
from mime_tf.errors import InputError
from mime_tf.terminal import environment, files
from mime_tf.terminal.console import Console

if TYPE_CHECKING:
    import numpy as np

    from mime_tf.assess.bootstrap import Bootstrap
    from mime_tf.assess.outcomes.measures import Comparison
    from mime_tf.data.cohort import Cohort
    from mime_tf.runs.fitted_split import FittedSplit
    from mime_tf.splits.split import Part, Split

METRICS, OUTCOMES = "metrics.json", "outcomes.csv"
MODEL = "model"
COLUMNS = ("outcome", "name", "cases_in_train", "cases", "mean_probability", "auc")


def check_options(arguments: Namespace) -> None:
    """Raises InputError for an option that is about one outcome per patient."""
    for name in ("threshold", "alert_rate", "subgroup"):
        if getattr(arguments, name):
            raise InputError(f"{name}: {arguments.model} has several outcomes per patient; --recall_at measures them")


def run(
    arguments: Namespace,
    model: "FittedSplit",
    cohort: "Cohort",
    bootstrap: "Bootstrap",
    notes: list[str],
    console: Console,
) -> None:
    """Measures the model beside its yardsticks, prints the measures, and writes them if an output is given.

    Args:
        arguments: the command line.
        model: the fitted split.
        cohort: as it was read; its last visits are taken away here if they are what is predicted.
        bootstrap: the resamples behind the intervals.
        notes: told to the user, and written with the measures; more are added.
        console: where to print.
    """
    from mime_tf.assess.outcomes import text
    from mime_tf.data import tasks

    notes += _left_out(model, cohort, arguments.split)
    cohort = tasks.pose(cohort, model.config.task, model.sizes["num_dx"])
    model.check_codes(cohort)
    environment.import_tensorflow()
    from mime_tf.scoring import outcome_yardsticks, prediction

    part = prediction.part_of(model, cohort, arguments.split)
    for note in notes:
        console.note(note)
    scored = prediction.score(model, part, model.config.eval_batch_size, console.progress)
    split = None if arguments.split == "all" else prediction.split_of(model, cohort)
    comparison = _compare(arguments, model, part, split, scored, cohort.patient_ids, bootstrap, console)
    if arguments.output:
        rows = _outcomes(model, part, split, scored)
        _write(arguments.output, _report(arguments, model, comparison, notes), rows)
    console.line(
        f"{arguments.model}, {arguments.split} of {arguments.data}: {comparison.patients:,} patients, "
        f"{part.labels.sum() / len(part):.2f} of {comparison.outcomes:,} outcomes each"
    )
    for line in text.lines(comparison, {MODEL: MODEL, **outcome_yardsticks.NAMES}, bootstrap):
        console.line(line)
    if arguments.output:
        console.line(f"{arguments.output}: {METRICS} and {OUTCOMES} written")


def _left_out(model: "FittedSplit", cohort: "Cohort", split: str) -> Iterator[str]:
    """Yields notes on what the task leaves out of a cohort."""
    if model.config.task != NEXT_VISIT:
        return
    single = int((cohort.store.visit_counts == 1).sum())
    if single:
        yield f"left out: {single:,} patients of one visit, which nothing precedes"
    codes = cohort.store.last_diagnoses()[1]
    unknown = int((codes >= model.sizes["num_dx"]).sum())
    if unknown:
        yield f"left out: {unknown:,} diagnoses of last visits that the model has no room for"


def _compare(
    arguments: Namespace,
    model: "FittedSplit",
    part: "Part",
    split: "Split | None",
    scored: "np.ndarray",
    patient_ids: "np.ndarray | None",
    bootstrap: "Bootstrap",
    console: Console,
) -> "Comparison":
    """Returns the measures of the model and, if the split is known and they are asked for, of its yardsticks."""
    from mime_tf.assess.outcomes import measures
    from mime_tf.assess.outcomes.scores import OutcomeScores
    from mime_tf.scoring import outcome_yardsticks

    patients = None if patient_ids is None else patient_ids[part.rows]
    probabilities = {MODEL: scored}
    groups = None
    if split is not None:
        groups = measures.frequency_groups(split.train.labels.sum(axis=0))
        for name in () if arguments.no_yardsticks else outcome_yardsticks.available(model.config.task):
            probabilities[name] = outcome_yardsticks.probabilities(name, split, part)
    models = {name: OutcomeScores(part.labels, values, patients) for name, values in probabilities.items()}
    recall_at = arguments.recall_at or measures.RECALL_AT
    return measures.compare(models, recall_at, groups, bootstrap, console.progress)


def _outcomes(model: "FittedSplit", part: "Part", split: "Split | None", scored: "np.ndarray") -> Iterator[tuple]:
    """Yields the rows of outcomes.csv, one for each outcome."""
    from mime_tf.assess import measures
    from mime_tf.assess.bootstrap import Sample
    from mime_tf.assess.scores import Scores

    cases = part.labels.sum(axis=0)
    in_train = None if split is None else split.train.labels.sum(axis=0)
    for index in range(part.labels.shape[1]):
        auc = float(measures.auc(Sample(Scores(part.labels[:, index], scored[:, index])).tally()))
        yield (
            index,
            model.outcome_name(index),
            None if in_train is None else int(in_train[index]),
            int(cases[index]),
            float(scored[:, index].mean()),
            None if auc != auc else auc,
        )


def _report(arguments: Namespace, model: "FittedSplit", comparison: "Comparison", notes: list[str]) -> dict[str, Any]:
    """Returns the content of metrics.json."""
    from mime_tf.assess.outcomes import text
    from mime_tf.runs.versions import versions

    asked = {name: getattr(arguments, name) for name in ("model", "data", "split", "bootstrap", "seed")}
    return {
        **asked,
        "task": model.config.task,
        "split_seed": model.split_seed,
        **text.record(comparison),
        "notes": notes,
        "versions": versions(),
    }


def _write(folder: str, report: dict[str, Any], rows: Iterator[tuple]) -> None:
    """Writes both files or none; metrics.json comes last, and says that both are there."""
    with files.publishing():
        files.write_table(os.path.join(folder, OUTCOMES), COLUMNS, rows)
        files.write_json(os.path.join(folder, METRICS), report)
