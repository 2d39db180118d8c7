"""The command `evaluate`."""

import argparse
import contextlib
import os

from mime_tf.data.cohort import read
from mime_tf.errors import InputError
from mime_tf.runs.folder import is_ours
from mime_tf.terminal import files, outputs
from mime_tf.terminal.console import Console

EXAMPLE = """example:
  python -m mime_tf evaluate --model r0s0 --data data/hf --split test --alert_rate 0.05 0.1 \\
    --subgroup sex age:18,40,65 --output r0s0_test

test, valid and train are the sets of the run, divided again as train.py did, which takes the data that it was trained
on. --split all takes any data, and scores every patient, also those that the run's thresholds would leave out."""

METRICS, CURVES = "metrics.json", "curves.csv"
SPLITS = ("test", "valid", "train", "all")


def add_parser(commands):
    """Adds the command to the subparsers `commands`."""
    parser = commands.add_parser(
        "evaluate",
        help="measure a trained model: discrimination, calibration, operating points",
        description="Measures the model of a run, with 95%% bootstrap intervals over patients.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True, metavar="RUN", help="the folder of a split that train.py wrote")
    parser.add_argument("--data", required=True, metavar="SOURCE", help="prefix of .seqs and .labels, or Parquet")
    parser.add_argument("--split", choices=SPLITS, default="test", help="which patients (default: test)")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples; 0 for no intervals (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples (default: 0)")
    parser.add_argument(
        "--threshold", type=float, nargs="+", default=[], metavar="P", help="alert at a probability of P or more"
    )
    parser.add_argument(
        "--alert_rate", type=float, nargs="+", default=[], metavar="R", help="alert at most this share of the patients"
    )
    parser.add_argument(
        "--subgroup",
        nargs="+",
        default=[],
        metavar="NAME",
        help="measure by a column of the patients.csv beside the data; numbers with cut points, as in age:18,40,65",
    )
    parser.add_argument("--output", metavar="DIR", help=f"folder for {METRICS} and {CURVES}")
    parser.add_argument("--overwrite", action="store_true", help="replace what is in the output folder")
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command."""
    _check_arguments(arguments)
    from mime_tf.assess import bootstrap, curves, measures, subgroups, thresholds
    from mime_tf.assess.text import lines, point_lines, subgroup_lines
    from mime_tf.runs.opening import Run
    from mime_tf.scoring import prediction

    divisions = [subgroups.Division.parse(text) for text in arguments.subgroup]
    console = Console(period=5.0)
    model = Run.open(arguments.model)
    console.progress(f"reading {arguments.data}")
    cohort = read(arguments.data)
    notes = [*model.notes, *_check_data(model, arguments.data, arguments.split)]
    divided, patients = subgroups.read(cohort, divisions), bootstrap.patients_of(cohort)
    part = prediction.part_of(model, cohort, arguments.split)
    notes += _dropped(*(counts[part.rows] for counts in prediction.count_dropped(cohort.store, model.usable)))
    for note in notes:
        console.note(note)
    probabilities = prediction.score(model, part, model.config.eval_batch_size, console.progress)
    rates = [thresholds.alert_threshold(probabilities, rate) for rate in arguments.alert_rate]
    groups = None if patients is None else patients[part.rows]
    divided = {column: {name: of[part.rows] for name, of in members.items()} for column, members in divided.items()}
    pair, resamples = (part.labels, probabilities), (groups, arguments.bootstrap, arguments.seed, console.progress)
    found = measures.assess(*pair, *resamples)
    points = thresholds.operating_points(*pair, [*arguments.threshold, *rates], *resamples)
    by_group = subgroups.assess_groups(*pair, divided, *resamples)
    if arguments.output:
        report = _report(arguments, model, found, points, by_group, [*notes, *found.notes])
        _write(arguments.output, report, curves.curves(*pair))
    console.line(_title(arguments, found))
    for line in lines(found, arguments.bootstrap, arguments.seed):
        console.line(line)
    for line in (*point_lines(points), *subgroup_lines(by_group)):
        console.line(line)
    if arguments.output:
        console.line(f"{arguments.output}: {METRICS} and {CURVES} written")


def _check_arguments(arguments):
    """Raises InputError for what can be told before anything is read."""
    for name in ("bootstrap", "seed"):
        if getattr(arguments, name) < 0:
            raise InputError(f"{name}: found {getattr(arguments, name)}; must be 0 or more")
    for threshold in arguments.threshold:
        if not 0 <= threshold <= 1:
            raise InputError(f"threshold: found {threshold}; must be from 0 to 1")
    for rate in arguments.alert_rate:
        if not 0 < rate <= 1:
            raise InputError(f"alert_rate: found {rate}; must be more than 0 and at most 1")
    output = arguments.output
    if output is None:
        return
    if is_ours(output):
        raise InputError(f"{output}: is a run folder, with a {METRICS} of its own; another folder is needed")
    for name in (METRICS, CURVES):
        outputs.check_file(os.path.join(output, name), arguments.overwrite)


def _check_data(model, source, split):
    """Returns what is to be said of the data, or raises InputError where the split can't be made again on them."""
    same = model.trained_on(source)
    if split == "all":
        return ["the patients that the model was trained on are among them"] if same else []
    if model.data is None:
        raise InputError(
            f"{model.folder}: does not say what it was trained on, so {split} is not known; use --split all"
        )
    if not same:
        raise InputError(
            f"{source}: not the data that {model.folder} was trained on (their SHA-256 differ), so {split} can't be "
            "made again; --split all evaluates on all patients of any data"
        )
    return ["the model was trained on these patients"] if split == "train" else []


def _dropped(dropped, empty):
    """Returns what is to be said of the codes that the model was not shown: all of them, where it knows other codes."""
    if not dropped.any():
        return []
    patients, share = (dropped > 0).sum(), empty.mean()
    return [
        f"dropped, because training did not hold them: {dropped.sum():,} codes of {patients:,} patients; "
        f"nothing is left of {empty.sum():,} ({share:.1%})"
    ]


def _title(arguments, found):
    """Returns what was measured, in one line."""
    of = "" if found.patients == found.rows else f" in {found.rows:,} rows"
    return (
        f"{arguments.model}, {arguments.split} of {arguments.data}: {found.patients:,} patients{of}, "
        f"{found.ones:,} of label 1 ({found.ones / found.rows:.2%})"
    )


def _report(arguments, model, found, points, by_group, notes):
    """What metrics.json holds."""
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


def _write(folder, report, found):
    """Writes both files, each whole or not at all; metrics.json comes last, and says that both are there."""
    from mime_tf.assess import curves

    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, METRICS)
    with contextlib.suppress(FileNotFoundError):
        os.remove(path)
    files.write_table(os.path.join(folder, CURVES), curves.COLUMNS, curves.rows(found))
    files.write_json(path, report)
