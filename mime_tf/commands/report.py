"""The command `report`."""

import argparse
import contextlib
import os

from mime_tf.errors import InputError
from mime_tf.terminal import files, outputs, plotting
from mime_tf.terminal.console import Console

EXAMPLE = """examples:
  python -m mime_tf report --model r0s0 --output report.html
  python -m mime_tf report --model runs/a_ --data data/hf --subgroup sex age:18,40,65 --output report.html

The first needs nothing but the folder of a split. The second is about all splits of the run whose record is
runs/a_run.json; with the data that it was trained on it also has the cohort, subgroups and five explained patients.
The page needs neither network nor scripts. docs/report.md tells what is in it."""

CURVES = "curves.csv"
PLOTS = (
    *("learning", "roc", "precision_recall", "calibration", "scores", "decision", "subgroups"),
    *(f"patient_{place}" for place in range(1, 6)),
)


def add_parser(commands):
    """Adds the command to the subparsers `commands`."""
    parser = commands.add_parser(
        "report",
        help="write one page about a trained model",
        description="Writes one self-contained page about a run: cohort, curves, measures, subgroups, patients.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", required=True, metavar="RUN", help="the folder of a split, or the output prefix of a run of several"
    )
    parser.add_argument("--data", metavar="SOURCE", help="what it was trained on: prefix of .seqs, or Parquet")
    parser.add_argument("--output", required=True, metavar="FILE", help="the page to write, .html")
    parser.add_argument(
        "--plots", metavar="DIR", help="folder for the plots as PNG and their points as CSV (default: <output>_files)"
    )
    parser.add_argument(
        "--subgroup",
        nargs="+",
        metavar="NAME",
        help="columns of patients.csv, with cut points where they are numbers (default: sex age:18,40,65,80)",
    )
    parser.add_argument(
        "--alert_rate",
        type=float,
        nargs="+",
        default=[0.05, 0.1, 0.2],
        metavar="R",
        help="alert at most this share of the patients (default: 0.05 0.1 0.2)",
    )
    parser.add_argument("--no_patients", action="store_true", help="leave out the five patients and their records")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples; 0 for no intervals (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the resamples (default: 0)")
    parser.add_argument("--overwrite", action="store_true", help="replace the page and the plots if they exist")
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command."""
    plots = arguments.plots or f"{os.path.splitext(arguments.output)[0]}_files"
    _check_arguments(arguments, plots)
    from mime_tf.assess.subgroups import Division
    from mime_tf.report import content, figures
    from mime_tf.report.inputs import Settings
    from mime_tf.report.page import report_page

    plotting.require_matplotlib()
    divisions = None if arguments.subgroup is None else [Division.parse(text) for text in arguments.subgroup]
    console = Console(period=5.0)
    settings = Settings(arguments.alert_rate, divisions, not arguments.no_patients, arguments.bootstrap, arguments.seed)
    report = content.gather(arguments.model, arguments.data, settings, console.progress)
    for note in report.notes:
        console.note(note)
    console.progress("drawing")
    pictures = figures.draw(report)
    _write(arguments.output, plots, report, report_page(report, pictures), pictures)
    names = ", ".join(split.name for split in report.splits)
    auc = report.detailed.assessment.values["auc"]
    console.line(f"{arguments.output}: {names}; ROC AUC of {report.detailed.name} {auc:.4f}")
    console.line(f"{plots}: {len(pictures)} plots and {CURVES}")


def _check_arguments(arguments, plots):
    """Raises InputError for what can be told before anything is read."""
    for name in ("bootstrap", "seed"):
        if getattr(arguments, name) < 0:
            raise InputError(f"{name}: found {getattr(arguments, name)}; must be 0 or more")
    for rate in arguments.alert_rate:
        if not 0 < rate <= 1:
            raise InputError(f"alert_rate: found {rate}; must be more than 0 and at most 1")
    for name in ("subgroup", "no_patients"):
        if getattr(arguments, name) and arguments.data is None:
            raise InputError(f"{name}: found without --data; it is about the patients of the cohort")
    output = arguments.output
    if not output.endswith((".html", ".htm")):
        raise InputError(f"output: found {output}; a page ends in .html")
    outputs.check_file(output, arguments.overwrite)
    if os.path.lexists(plots) and not os.path.isdir(plots):
        raise InputError(f"{plots}: is not a folder; the plots go there, or where --plots says")
    for name in (*(f"{plot}.png" for plot in PLOTS), CURVES):
        outputs.check_file(os.path.join(plots, name), arguments.overwrite)


def _write(output, folder, report, text, pictures):
    """Writes the plots and their points, then the page, each file whole or not at all."""
    from mime_tf.assess import curves

    os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
    os.makedirs(folder, exist_ok=True)
    for name in set(PLOTS) - set(pictures):  # one of an earlier report would not be of this one
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, f"{name}.png"))
    for name, picture in pictures.items():
        with files.replacing(os.path.join(folder, f"{name}.png")) as file:
            file.write(picture)
    rows = ([split.name, *row] for split in report.splits for row in curves.rows(split.curves))
    files.write_table(os.path.join(folder, CURVES), ("split", *curves.COLUMNS), rows)
    with files.replacing(output, "w") as file:
        file.write(text)
