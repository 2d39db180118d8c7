"""The command `report`."""

import os
from argparse import Namespace
from typing import Any

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value, Values
from mime_tf.constraints import more_than
from mime_tf.errors import InputError
from mime_tf.terminal import files, outputs, plotting
from mime_tf.terminal.console import Console

EPILOG = """examples:
  mime-tf report --model r0s0 --output report.html
  mime-tf report --model runs/a_ --data data/hf --subgroup sex --subgroup age:18,40,65 --output report.html

The first needs nothing but the folder of a fitted split. The second is about all splits of the run whose record is
runs/a_run.json; with the data that it was trained on it also has the cohort, simpler models, subgroups and five
explained patients. The page needs neither network nor scripts. docs/report.md describes it."""

CURVES = "curves.csv"
PLOTS = (
    *("learning", "roc", "precision_recall", "calibration", "scores", "decision", "subgroups"),
    *(f"patient_{index}" for index in range(1, 6)),
)


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    text = "Writes one self-contained page about a run: cohort, curves, measures, subgroups, patients."
    parser = Parser(program, text, EPILOG)
    options.add_model(parser, several=True)
    options.add_data(parser, "; the one that the model was trained on", required=False)
    options.add_output(parser, "FILE", "page to write; its name ends in .html")
    text = "folder for the plots as PNG and their points as CSV (default: <output>_files)"
    options.add(parser, "plots", Value(str), text, metavar="DIR")
    options.add_title(parser)
    options.add_subgroup(parser, " (default: sex and age:18,40,65,80)")
    rate = Values(float, more_than(0, at_most=1))
    text = "operating points that alert at most these shares of the patients"
    options.add(parser, "alert_rate", rate, text, [0.05, 0.1, 0.2], metavar="R,...")
    parser.add_argument("--no_patients", action="store_true", help="leave out the five patients and their records")
    options.add_no_yardsticks(parser)
    options.add_bootstrap(parser)
    options.add_seed(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    plots = arguments.plots or f"{os.path.splitext(arguments.output)[0]}_files"
    with outputs.claimed(lambda: _check_arguments(arguments, plots), arguments.output, os.path.join(plots, CURVES)):
        _report(arguments, plots)


def _report(arguments: Namespace, plots: str) -> None:
    from mime_tf.commands import inputs

    plotting.require_matplotlib()
    inputs.require_run(arguments.model)
    if arguments.data is not None:
        inputs.require_cohort(arguments.data)
    inputs.check_apart(_written(arguments.output, plots), arguments.data, arguments.model)
    from mime_tf.assess.bootstrap import Bootstrap
    from mime_tf.assess.subgroups import Division
    from mime_tf.report import content, figures
    from mime_tf.report.inputs import Settings
    from mime_tf.report.page import report_page

    divisions = None if arguments.subgroup is None else tuple(map(Division.parse, arguments.subgroup))
    console = Console(period=5.0)
    bootstrap = Bootstrap(arguments.bootstrap, arguments.seed)
    settings = Settings(
        alert_rates=arguments.alert_rate,
        divisions=divisions,
        patients=not arguments.no_patients,
        bootstrap=bootstrap,
        yardsticks=not arguments.no_yardsticks,
        title=arguments.title,
    )
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


def _check_arguments(arguments: Namespace, plots: str) -> None:
    """Raises InputError unless the options go together, and the results may be written."""
    for name in ("subgroup", "no_patients", "no_yardsticks"):
        if getattr(arguments, name) and arguments.data is None:
            raise InputError(f"{name}: found without --data; it is about the patients of the cohort")
    output = arguments.output
    if not output.endswith((".html", ".htm")):
        raise InputError(f"output: found {output}; a page ends in .html")
    outputs.check_file(output, arguments.overwrite)
    if os.path.lexists(plots) and not os.path.isdir(plots):
        raise InputError(f"{plots}: is not a folder; the plots go there, or where --plots says")
    for path in _written(output, plots)[1:]:
        outputs.check_file(path, arguments.overwrite)


def _written(output: str, plots: str) -> list[str]:
    """Returns the files that a report may have, the page first."""
    return [output, *(os.path.join(plots, name) for name in (*(f"{plot}.png" for plot in PLOTS), CURVES))]


def _write(output: str, folder: str, report: Any, text: str, pictures: dict[str, bytes]) -> None:
    """Writes the plots, their points and the page, all of them or none."""
    from mime_tf.assess import curves

    rows = ([split.name, *row] for split in report.splits for row in curves.rows(split.curves))
    with files.publishing() as publication:
        for name in sorted(set(PLOTS) - set(pictures)):  # an earlier report's would not belong to this one
            publication.remove(os.path.join(folder, f"{name}.png"))
        for name, picture in pictures.items():
            with files.replacing(os.path.join(folder, f"{name}.png")) as file:
                file.write(picture)
        files.write_table(os.path.join(folder, CURVES), ("split", *curves.COLUMNS), rows)
        with files.replacing(output, "w") as file:
            file.write(text)
