"""The command `evaluate`."""

import contextlib
import os
from argparse import Namespace
from typing import Any

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Values, choice
from mime_tf.constraints import at_least, more_than
from mime_tf.errors import InputError
from mime_tf.terminal import environment, files, outputs
from mime_tf.terminal.console import Console

EPILOG = """example:
  mime-tf evaluate --model r0s0 --data data/hf --split test --alert_rate 0.05,0.1 \\
    --subgroup sex --subgroup age:18,40,65 --output r0s0_test

test, valid and train are the sets of the run, divided again as in training, which takes the data that it was trained
on. --split all takes any data, and scores every patient, also those that the run's thresholds would leave out."""

METRICS, CURVES = "metrics.json", "curves.csv"
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
    options.add_subgroup(parser)
    options.add_bootstrap(parser)
    options.add_seed(parser)
    options.add_output(parser, "DIR", f"folder for {METRICS} and {CURVES}", required=False)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    _check_output(arguments.output, arguments.overwrite)
    from mime_tf.data.cohort import Cohort
    from mime_tf.runs.opening import fitted_split

    console = Console(period=5.0)
    model = fitted_split(arguments.model)
    console.progress(f"reading {arguments.data}")
    cohort = Cohort.open(arguments.data)
    notes = [*model.notes, *_check_data(model, cohort, arguments.split)]
    from mime_tf.assess import curves, measures, subgroups, thresholds
    from mime_tf.assess.bootstrap import Bootstrap
    from mime_tf.assess.scores import Scores
    from mime_tf.assess.text import lines, point_lines, subgroup_lines

    divisions = [subgroups.Division.parse(text) for text in arguments.subgroup or ()]
    divided, patients = subgroups.read(cohort, divisions), cohort.patient_ids
    model.check_codes(cohort)
    environment.import_tensorflow()
    from mime_tf.scoring import prediction

    part = prediction.part_of(model, cohort, arguments.split)
    notes += _dropped(*(counts[part.rows] for counts in prediction.count_dropped(cohort.store, model.usable)))
    for note in notes:
        console.note(note)
    probabilities = prediction.score(model, part, model.config.eval_batch_size, console.progress)
    rates = [thresholds.alert_threshold(probabilities, rate) for rate in arguments.alert_rate]
    groups = None if patients is None else patients[part.rows]
    divided = {column: {name: of[part.rows] for name, of in members.items()} for column, members in divided.items()}
    scores, bootstrap = Scores(part.labels, probabilities, groups), Bootstrap(arguments.bootstrap, arguments.seed)
    found = measures.assess(scores, bootstrap, console.progress)
    points = thresholds.operating_points(scores, [*arguments.threshold, *rates], bootstrap, console.progress)
    by_group = subgroups.assess_groups(scores, divided, bootstrap, console.progress)
    if arguments.output:
        report = _report(arguments, model, found, points, by_group, [*notes, *found.notes])
        _write(arguments.output, report, curves.curves(scores))
    console.line(_title(arguments, found))
    for line in lines(found, bootstrap):
        console.line(line)
    for line in (*point_lines(points), *subgroup_lines(by_group)):
        console.line(line)
    if arguments.output:
        console.line(f"{arguments.output}: {METRICS} and {CURVES} written")


def _check_output(output: str | None, overwrite: bool) -> None:
    """Raises InputError unless the results may be written."""
    if output is None:
        return
    from mime_tf.runs.configuration import is_ours

    if is_ours(output):
        raise InputError(f"{output}: is a run folder, with a {METRICS} of its own; another folder is needed")
    for name in (METRICS, CURVES):
        outputs.check_file(os.path.join(output, name), overwrite)


def _check_data(model: Any, cohort: Any, split: str) -> list[str]:
    """Returns notes on the data; raises InputError if the split can't be made again on them."""
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


def _dropped(dropped: Any, empty: Any) -> list[str]:
    """Returns notes on the codes that the model was not shown: all of them, if it knows other codes."""
    if not dropped.any():
        return []
    patients, share = (dropped > 0).sum(), empty.mean()
    return [
        f"dropped, because training did not hold them: {dropped.sum():,} codes of {patients:,} patients; "
        f"nothing is left of {empty.sum():,} ({share:.1%})"
    ]


def _title(arguments: Namespace, found: Any) -> str:
    """Returns a line on the patients that were measured."""
    of = "" if found.patients == found.rows else f" in {found.rows:,} rows"
    return (
        f"{arguments.model}, {arguments.split} of {arguments.data}: {found.patients:,} patients{of}, "
        f"{found.ones:,} of label 1 ({found.ones / found.rows:.2%})"
    )


def _report(arguments: Namespace, model: Any, found: Any, points: list, by_group: list, notes: list[str]) -> dict:
    """Returns the content of metrics.json."""
    from mime_tf.assess.text import estimates, point_record, subgroup_record
    from mime_tf.runs.versions import versions

    asked = [{"threshold": value} for value in arguments.threshold]
    asked += [{"alert_rate": rate} for rate in arguments.alert_rate]
    return {
        **{name: getattr(arguments, name) for name in ("model", "data", "split", "bootstrap", "seed")},
        "split_seed": model.split_seed,
        **{name: getattr(found, name) for name in ("rows", "patients", "ones")},
        "metrics": estimates(found),
        "operating_points": [point_record(point, of) for point, of in zip(points, asked, strict=True)],
        "subgroups": [subgroup_record(group) for group in by_group],
        "notes": notes,
        "versions": versions(),
    }


def _write(folder: str, report: dict, found: Any) -> None:
    """Writes both files, each whole or not at all; metrics.json comes last, and says that both are there."""
    from mime_tf.assess import curves

    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, METRICS)
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)
    files.write_table(os.path.join(folder, CURVES), curves.COLUMNS, curves.rows(found))
    files.write_json(path, report)
