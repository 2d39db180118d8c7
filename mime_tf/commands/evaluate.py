"""The command `evaluate`."""

import dataclasses
import os
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Values, choice
from mime_tf.config import LABEL
from mime_tf.constraints import at_least, more_than
from mime_tf.errors import InputError
from mime_tf.terminal import environment, files, outputs
from mime_tf.terminal.console import Console

if TYPE_CHECKING:
    from mime_tf.assess.bootstrap import Bootstrap
    from mime_tf.assess.measures import Assessment
    from mime_tf.assess.scores import Scores
    from mime_tf.assess.subgroups import Subgroup
    from mime_tf.data.cohort import Cohort
    from mime_tf.runs.adjustment import Adjustment
    from mime_tf.runs.fitted_split import FittedSplit
    from mime_tf.scoring.prediction import Predictions
    from mime_tf.scoring.yardsticks import Yardstick

EPILOG = """example:
  mime-tf evaluate --model r0s0 --data data/hf --split test --alert_rate 0.05,0.1 \\
    --subgroup sex --subgroup age:18,40,65 --output r0s0_test

test, valid and train are the sets of the run, divided again as in training, which takes the data that it was trained
on. --split all takes any data, and scores every patient, also those that the run's thresholds would leave out. Beside
the model on test are regressions on codes and linked pairs and, with a patients.csv, on age and sex, fitted to the
training patients of the run.

A model of several outcomes per patient, such as the diagnoses of the next visit, is measured by recall at --recall_at
(5, 10 and 20) and by ROC AUC over all pairs (micro) and mean over outcomes (macro), beside the frequencies in train and
the repetition of the history. It takes no --threshold, --alert_rate and --subgroup."""

METRICS, CURVES, OUTCOMES = FILES = ("metrics.json", "curves.csv", "outcomes.csv")
SPLITS = ("test", "valid", "train", "all")


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    text = "Measures the model of a fitted split, with 95% bootstrap intervals over patients."
    parser = Parser(program, text, EPILOG)
    options.add_model(parser)
    options.add_data(parser)
    options.add(parser, "split", choice(SPLITS), "set of patients", "test")
    threshold, rate = Values(float, at_least(0, at_most=1)), Values(float, more_than(0, at_most=1))
    options.add(parser, "threshold", threshold, "alert at these probabilities or more", [], metavar="P,...")
    options.add(parser, "alert_rate", rate, "alert at most these shares of the patients", [], metavar="R,...")
    options.add(
        parser,
        "recall_at",
        Values(int, at_least(1)),
        "of several outcomes, recall among so many of the highest",
        metavar="K,...",
    )
    options.add_unknown_codes(parser, ", with --split all")
    options.add_subgroup(parser)
    options.add_no_yardsticks(parser)
    options.add_bootstrap(parser)
    options.add_seed(parser)
    options.add_output(parser, "DIR", f"folder for {METRICS} and {CURVES}, or {OUTCOMES}", required=False)
    return parser


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """The measures of a set of patients.

    Attributes:
        scores: labels and probabilities of the set.
        assessment: measures of the whole set.
        points: operating points, of the thresholds first, then of the alert rates.
        subgroups: measures of each subgroup.
        yardsticks: simpler models on the same patients, if these are test.
        unknown: number of rows of whom the model knows no code.
        before: measures before recalibration, without intervals, or None for a model that is not recalibrated.
    """

    scores: "Scores"
    assessment: "Assessment"
    points: list[dict[str, Any]]
    subgroups: "list[Subgroup]"
    yardsticks: "list[Yardstick]"
    unknown: int
    before: "Assessment | None"


def run(arguments: Namespace) -> None:
    """Runs the command."""
    output = arguments.output
    paths = () if output is None else (os.path.join(output, METRICS),)
    with outputs.claimed(lambda: _check_output(output, arguments.overwrite), *paths):
        _run(arguments)


def _run(arguments: Namespace) -> None:
    from mime_tf.commands import inputs
    from mime_tf.data import tasks
    from mime_tf.runs.opening import fitted_split

    console = Console(period=5.0)
    model = fitted_split(arguments.model, outcomes=True)
    _check_options(arguments, model)
    if arguments.output is not None:
        written = [os.path.join(arguments.output, name) for name in FILES]
        inputs.check_apart(written, arguments.data, arguments.model)
    console.progress(f"reading {arguments.data}")
    cohort = tasks.open_cohort(arguments.data, model.config.task)
    notes = [*model.notes, *_check_data(model, cohort, arguments.split)]
    from mime_tf.assess.bootstrap import Bootstrap

    bootstrap = Bootstrap(arguments.bootstrap, arguments.seed)
    if model.outcomes > 1:
        _run_outcomes(arguments, model, cohort, bootstrap, notes, console)
        return
    evaluation = _evaluate(arguments, model, cohort, bootstrap, notes, console)
    if arguments.output:
        _write(arguments.output, _report(arguments, model, evaluation, notes), evaluation.scores)
    for line in _lines(arguments, evaluation, bootstrap):
        console.line(line)


def _evaluate(
    arguments: Namespace,
    model: "FittedSplit",
    cohort: "Cohort",
    bootstrap: "Bootstrap",
    notes: list[str],
    console: Console,
) -> Evaluation:
    """Scores and measures the set; adds to `notes`, and shows them before the slow part."""
    from mime_tf.assess import measures, subgroups, thresholds
    from mime_tf.assess.bootstrap import Bootstrap
    from mime_tf.assess.scores import Scores

    divisions = [subgroups.Division.parse(text) for text in arguments.subgroup or ()]
    members, patients = subgroups.read(cohort, divisions), cohort.patient_ids
    model.check_codes(cohort)
    environment.import_tensorflow()
    from mime_tf.scoring import prediction, substitution, yardsticks

    if arguments.unknown_codes == "ancestor":
        instead = substitution.Substitution.of(model, cohort)
        counts = instead.count(cohort.store)
        notes.append(f"scored as an ancestor: {counts.sum():,} codes of {(counts > 0).sum():,} patients")
        model, cohort = instead.fitted, instead.apply(cohort)
    part = prediction.part_of(model, cohort, arguments.split)
    for note in notes:
        console.note(note)
    predictions = prediction.score(model, part, model.config.eval_batch_size, console.progress)
    scores = Scores(part.labels, predictions.probabilities, None if patients is None else patients[part.rows])
    for note in _unknown(predictions, model.adjustment):
        console.note(note)
        notes.append(note)
    before = None
    if predictions.before is not None:
        before = measures.assess(dataclasses.replace(scores, probabilities=predictions.before), Bootstrap(0))
    alerts = [thresholds.alert_threshold(scores.probabilities, rate) for rate in arguments.alert_rate]
    points = thresholds.operating_points(scores, [*arguments.threshold, *alerts], bootstrap, console.progress)
    points = thresholds.with_unknown(points, scores.probabilities, predictions.empty)
    divided = {column: {name: rows[part.rows] for name, rows in named.items()} for column, named in members.items()}
    fits: list[Yardstick] = []
    if arguments.split == "test" and not arguments.no_yardsticks:
        fits = yardsticks.beside(model, cohort, part.rows, scores, bootstrap, console.progress)
    return Evaluation(
        scores,
        measures.assess(scores, bootstrap, console.progress),
        points,
        subgroups.assess_groups(scores, divided, bootstrap, console.progress),
        fits,
        int(predictions.empty.sum()),
        before,
    )


def _run_outcomes(
    arguments: Namespace,
    model: "FittedSplit",
    cohort: "Cohort",
    bootstrap: "Bootstrap",
    notes: list[str],
    console: Console,
) -> None:
    """Measures a model of several outcomes per patient."""
    model.check_codes(cohort)
    environment.import_tensorflow()
    from mime_tf.assess.outcomes.measures import RECALL_AT
    from mime_tf.data import tasks
    from mime_tf.scoring import outcome_evaluation, prediction

    posed, name = tasks.pose(cohort, model.config.task, model.sizes["num_dx"]), arguments.split
    part = prediction.part_of(model, posed, name)
    notes += outcome_evaluation.left_out(model, cohort)
    for note in notes:
        console.note(note)
    evaluation = outcome_evaluation.evaluate(
        model,
        part,
        None if name == "all" else prediction.split_of(model, posed),
        None if posed.patient_ids is None else posed.patient_ids[part.rows],
        arguments.recall_at or RECALL_AT,
        bootstrap,
        console.progress,
        not arguments.no_yardsticks,
    )
    for note in _unknown(evaluation.predictions, model.adjustment):
        console.note(note)
        notes.append(note)
    report = _origin(arguments, model) | evaluation.record() | _notes(notes)
    if arguments.output:
        with files.publishing():
            path = os.path.join(arguments.output, OUTCOMES)
            files.write_table(path, outcome_evaluation.COLUMNS, evaluation.rows())
            files.write_json(os.path.join(arguments.output, METRICS), report)
    first, *lines = evaluation.lines(bootstrap)
    console.line(f"{arguments.model}, {name} of {arguments.data}: {first}")
    for line in lines:
        console.line(line)
    if arguments.output:
        console.line(f"{arguments.output}: {METRICS} and {OUTCOMES} written")


def _check_output(output: str | None, overwrite: bool) -> None:
    """Raises InputError unless the results may be written."""
    if output is None:
        return
    from mime_tf.runs.configuration import is_ours

    if is_ours(output):
        raise InputError(f"{output}: is a run folder, with a {METRICS} of its own; another folder is needed")
    for name in FILES:
        outputs.check_file(os.path.join(output, name), overwrite)


def _check_options(arguments: Namespace, model: "FittedSplit") -> None:
    """Raises InputError for an option that does not go with the number of the model's outcomes."""
    if model.outcomes == 1 and arguments.recall_at:
        raise InputError(f"recall_at: {arguments.model} has one outcome per patient, and nothing is ranked")
    if arguments.unknown_codes == "ancestor" and (arguments.split != "all" or model.outcomes > 1):
        raise InputError(
            "unknown_codes: found ancestor; goes with --split all and a model of one outcome, for the sets of a run "
            "are divided and scored by the codes of training"
        )
    for name in ("threshold", "alert_rate", "subgroup") if model.outcomes > 1 else ():
        if getattr(arguments, name):
            raise InputError(f"{name}: {arguments.model} has several outcomes per patient; --recall_at measures them")


def _check_data(model: "FittedSplit", cohort: "Cohort", split: str) -> list[str]:
    """Returns notes on the data; raises InputError if the split can't be made again on them."""
    if model.config.task == LABEL and cohort.outcomes != model.outcomes:
        raise InputError(
            f"{cohort.name}: found {cohort.outcomes} outcomes per patient; the model of {model.folder} has "
            f"{model.outcomes}"
        )
    same = model.trained_on(cohort)
    if split == "all":
        return ["the patients that the model was trained on are among them"] if same else []
    if model.data is None:
        raise InputError(
            f"{model.folder}: does not say what it was trained on, so {split} is not known; use --split all"
        )
    if not same:
        raise InputError(
            f"{cohort.path}: not the data that {model.folder} was trained on (their SHA-256 differ), so {split} can't "
            "be made again; --split all evaluates on all patients of any data"
        )
    return ["the model was trained on these patients"] if split == "train" else []


def _unknown(predictions: "Predictions", adjustment: "Adjustment") -> Iterator[str]:
    """Yields notes on the codes that the model was not shown, and on how patients were scored of whom it knows none."""
    dropped, empty = predictions.dropped, predictions.empty
    if adjustment.recalibration is not None:
        yield f"recalibrated: {adjustment.recalibration.method}"
    if dropped.any():
        yield (
            f"dropped, because training did not hold them: {dropped.sum():,} codes of {(dropped > 0).sum():,} "
            f"patients; the model knew {1 - dropped.sum() / predictions.codes.sum():.1%} of all codes"
        )
    if empty.any():
        yield f"nothing is known of {empty.sum():,} rows ({empty.mean():.1%}): scored {adjustment.rule}"


def _lines(arguments: Namespace, evaluation: Evaluation, bootstrap: "Bootstrap") -> Iterator[str]:
    """Yields the lines that are printed."""
    from mime_tf.assess import text

    assessment = evaluation.assessment
    rows = "" if assessment.patients == assessment.rows else f" in {assessment.rows:,} rows"
    yield (
        f"{arguments.model}, {arguments.split} of {arguments.data}: {assessment.patients:,} patients{rows}, "
        f"{assessment.ones:,} of label 1 ({assessment.ones / assessment.rows:.2%})"
    )
    yield from text.lines(assessment, bootstrap)
    if evaluation.before is not None:
        yield from text.before_lines(evaluation.before)
    yield from text.yardstick_lines(evaluation.yardsticks)
    yield from text.point_lines(evaluation.points)
    yield from text.subgroup_lines(evaluation.subgroups)
    if arguments.output:
        yield f"{arguments.output}: {METRICS} and {CURVES} written"


def _report(arguments: Namespace, model: "FittedSplit", evaluation: Evaluation, notes: list[str]) -> dict[str, Any]:
    """Returns the content of metrics.json."""
    from mime_tf.assess.text import estimates, point_record, subgroup_record

    asked = [{"threshold": value} for value in arguments.threshold]
    asked += [{"alert_rate": rate} for rate in arguments.alert_rate]
    assessment = evaluation.assessment
    return {
        **_origin(arguments, model),
        **{name: getattr(assessment, name) for name in ("rows", "patients", "ones")},
        "nothing_known": evaluation.unknown,
        "metrics": estimates(assessment),
        "before_recalibration": None if evaluation.before is None else evaluation.before.values,
        "yardsticks": [yardstick.record() for yardstick in evaluation.yardsticks],
        "operating_points": [point_record(*pair) for pair in zip(evaluation.points, asked, strict=True)],
        "subgroups": [subgroup_record(group) for group in evaluation.subgroups],
        **_notes([*notes, *assessment.notes]),
    }


def _origin(arguments: Namespace, model: "FittedSplit") -> dict[str, Any]:
    """Returns the entries of metrics.json about the model and what was asked."""
    asked = {name: getattr(arguments, name) for name in ("model", "data", "split", "bootstrap", "seed")}
    return {**asked, "split_seed": model.split_seed}


def _notes(notes: list[str]) -> dict[str, Any]:
    """Returns the last entries of metrics.json."""
    from mime_tf.runs.versions import versions

    return {"notes": notes, "versions": versions()}


def _write(folder: str, report: dict[str, Any], scores: "Scores") -> None:
    """Writes both files or none; metrics.json comes last, and says that both are there."""
    from mime_tf.assess import curves

    with files.publishing():
        files.write_table(os.path.join(folder, CURVES), curves.COLUMNS, curves.rows(curves.curves(scores)))
        files.write_json(os.path.join(folder, METRICS), report)
