"""The command `evaluate`."""

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
    from mime_tf.data.cohort import Cohort
    from mime_tf.runs.mean_model import MeanModel

EPILOG = """example:
  mime-tf evaluate --model r0s0 --data data/hf --split test --alert_rate 0.05,0.1 \\
    --subgroup sex --subgroup age:18,40,65 --output r0s0_test

test, valid and train are the sets of the run, divided again as in training, which takes the data that it was trained
on. --split all takes any data, and scores every patient, also those that the run's thresholds would leave out. Beside
the model on test are regressions on codes and linked pairs and, with a patients.csv, on age and sex, fitted to the
training patients of the run. A run's prefix is the mean of its fitted splits: test is then every row that a split had
in test, scored by those splits alone, and there are no simpler models.

A model of several outcomes per patient, such as the diagnoses of the next visit, is measured by recall at --recall_at
(5, 10 and 20) and by ROC AUC over all pairs (micro) and mean over outcomes (macro), beside the frequencies in train and
the repetition of the history. It takes no --threshold, --alert_rate and --subgroup."""

METRICS, CURVES, OUTCOMES = FILES = ("metrics.json", "curves.csv", "outcomes.csv")
SPLITS = ("test", "valid", "train", "all")


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    text = "Measures a fitted split or the mean of a run's, with 95% bootstrap intervals over patients."
    parser = Parser(program, text, EPILOG)
    options.add_model(parser, several=True)
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


def run(arguments: Namespace) -> None:
    """Runs the command."""
    output = arguments.output
    paths = () if output is None else (os.path.join(output, METRICS),)
    with outputs.claimed(lambda: _check_output(output, arguments.overwrite), *paths):
        _run(arguments)


def _run(arguments: Namespace) -> None:
    from mime_tf.commands import inputs
    from mime_tf.data import tasks
    from mime_tf.runs.mean_model import MeanModel

    console = Console(period=5.0)
    model = MeanModel.open(arguments.model)
    _check_options(arguments, model)
    if arguments.output is not None:
        written = [os.path.join(arguments.output, name) for name in FILES]
        inputs.check_apart(written, arguments.data, arguments.model)
    console.progress(f"reading {arguments.data}")
    cohort = tasks.open_cohort(arguments.data, model.splits[0].config.task)
    notes = [*model.notes, *_check_data(model, cohort, arguments.split)]
    from mime_tf.assess.bootstrap import Bootstrap

    bootstrap = Bootstrap(arguments.bootstrap, arguments.seed)
    run_one = _run_outcomes if model.outcomes > 1 else _run_outcome
    run_one(arguments, model, cohort, bootstrap, notes, console)


def _run_outcome(
    arguments: Namespace,
    model: "MeanModel",
    cohort: "Cohort",
    bootstrap: "Bootstrap",
    notes: list[str],
    console: Console,
) -> None:
    """Measures a model of one outcome per patient; shows notes before the slow part."""
    from mime_tf.assess import subgroups

    divisions = [subgroups.Division.parse(text) for text in arguments.subgroup or ()]
    groups = subgroups.read(cohort, divisions)
    model.check_codes(cohort)
    environment.import_tensorflow()
    from mime_tf.assess import curves
    from mime_tf.scoring.evaluation import Asked, Evaluator

    ancestors = arguments.unknown_codes == "ancestor"
    wanted = not arguments.no_yardsticks
    asked = Asked(arguments.split, arguments.threshold, arguments.alert_rate, groups, ancestors, wanted)
    evaluator = Evaluator(model, cohort, asked)
    notes += evaluator.notes
    for note in notes:
        console.note(note)
    shown = len(notes)
    evaluation = evaluator.evaluate(bootstrap, console.progress, notes)
    for note in notes[shown:]:
        console.note(note)
    if arguments.output:
        notes += evaluation.assessment.notes
        report = _origin(arguments, model) | evaluation.record(asked) | _notes(notes)
        with files.publishing():  # metrics.json comes last, and says that both are there
            points = curves.curves(evaluation.scores)
            files.write_table(os.path.join(arguments.output, CURVES), curves.COLUMNS, curves.rows(points))
            files.write_json(os.path.join(arguments.output, METRICS), report)
    _print(arguments, evaluation.lines(bootstrap), CURVES, console)


def _print(arguments: Namespace, lines: Iterator[str], table: str, console: Console) -> None:
    """Prints an evaluation, the first of its lines after the names of the model and the data."""
    console.line(f"{arguments.model}, {arguments.split} of {arguments.data}: {next(lines)}")
    for line in lines:
        console.line(line)
    if arguments.output:
        console.line(f"{arguments.output}: {METRICS} and {table} written")


def _run_outcomes(
    arguments: Namespace,
    model: "MeanModel",
    cohort: "Cohort",
    bootstrap: "Bootstrap",
    notes: list[str],
    console: Console,
) -> None:
    """Measures a model of several outcomes per patient."""
    model.check_codes(cohort)
    environment.import_tensorflow()
    (split,) = model.splits
    from mime_tf.assess.outcomes.measures import RECALL_AT
    from mime_tf.data import tasks
    from mime_tf.scoring import outcome_evaluation, prediction
    from mime_tf.scoring.evaluation import unknown

    posed, name = tasks.pose(cohort, split.config.task, split.sizes["num_dx"]), arguments.split
    part = prediction.part_of(split, posed, name)
    notes += outcome_evaluation.left_out(split, cohort)
    for note in notes:
        console.note(note)
    evaluation = outcome_evaluation.evaluate(
        split,
        part,
        None if name == "all" else prediction.split_of(split, posed),
        None if posed.patient_ids is None else posed.patient_ids[part.rows],
        arguments.recall_at or RECALL_AT,
        bootstrap,
        console.progress,
        not arguments.no_yardsticks,
    )
    for note in unknown(evaluation.predictions, model):
        console.note(note)
        notes.append(note)
    report = _origin(arguments, model) | evaluation.record() | _notes(notes)
    if arguments.output:
        with files.publishing():
            path = os.path.join(arguments.output, OUTCOMES)
            files.write_table(path, outcome_evaluation.COLUMNS, evaluation.rows())
            files.write_json(os.path.join(arguments.output, METRICS), report)
    _print(arguments, evaluation.lines(bootstrap), OUTCOMES, console)


def _check_output(output: str | None, overwrite: bool) -> None:
    """Raises InputError unless the results may be written."""
    if output is None:
        return
    from mime_tf.runs.configuration import is_ours

    if is_ours(output):
        raise InputError(f"{output}: is a run folder, with a {METRICS} of its own; another folder is needed")
    for name in FILES:
        outputs.check_file(os.path.join(output, name), overwrite)


def _check_options(arguments: Namespace, model: "MeanModel") -> None:
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


def _check_data(model: "MeanModel", cohort: "Cohort", name: str) -> list[str]:
    """Returns notes on the data; raises InputError if the set can't be made again on them."""
    split = model.splits[0]
    if split.config.task == LABEL and cohort.outcomes != split.outcomes:
        raise InputError(
            f"{cohort.name}: found {cohort.outcomes} outcomes per patient; the model of {split.folder} has "
            f"{split.outcomes}"
        )
    same = model.trained_on(cohort)
    if name == "all":
        return ["the patients that the model was trained on are among them"] if same else []
    if split.data is None:
        raise InputError(
            f"{split.folder}: does not say what it was trained on, so {name} is not known; use --split all"
        )
    if not same:
        raise InputError(
            f"{cohort.path}: not the data that {split.folder} was trained on (their SHA-256 differ), so {name} can't "
            "be made again; --split all evaluates on all patients of any data"
        )
    if name != "test" and len(model.splits) > 1:
        raise InputError(
            f"split: found {name}; of the {model.described} test is known, or give one, such as {split.folder}"
        )
    return ["the model was trained on these patients"] if name == "train" else []


def _origin(arguments: Namespace, model: "MeanModel") -> dict[str, Any]:
    """Returns the entries of metrics.json about the model and the request."""
    asked = {name: getattr(arguments, name) for name in ("model", "data", "split", "bootstrap", "seed")}
    seeds = [split.split_seed for split in model.splits]
    return {**asked, "model_is": model.described, "split_seed": seeds[0] if len(seeds) == 1 else seeds}


def _notes(notes: list[str]) -> dict[str, Any]:
    """Returns the last entries of metrics.json."""
    from mime_tf.runs.versions import versions

    return {"notes": notes, "versions": versions()}
