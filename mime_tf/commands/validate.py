"""The command `validate`."""

import dataclasses
import os
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from mime_tf.commands import options
from mime_tf.commands.options import Parser
from mime_tf.terminal import environment, files, outputs, plotting
from mime_tf.terminal.console import Console

if TYPE_CHECKING:
    from mime_tf.validation.content import Validation

EPILOG = """example:
  mime-tf validate --model runs/a_ --data 2019=data/y2019/hf 2020=data/y2020/hf data/north --output validation

A site or a period is a cohort with labels, named by the last part of its path or as NAME=COHORT. All of its patients
are scored; of the data that the model was trained on, which may be among them, test alone. Every cohort is read and
checked before the first patient is scored.

Measures have 95% bootstrap intervals over a site's patients. Measures after recalibration are cross-fitted: no patient
is measured by a function that the patient was fitted to. The case mix tells how unlike training each site is. The
folder gets validate.html, validate.json and forest.png."""

PAGE, RECORD, PICTURE = FILES = ("validate.html", "validate.json", "forest.png")


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    text = "Measures one model at several sites or in several periods, and tells how unlike training each is."
    parser = Parser(program, text, EPILOG)
    options.add_model(parser, several=True)
    text = "sites or periods: cohorts with labels, as for evaluate, each with a name or named by its path"
    parser.add_argument("--data", nargs="+", action="extend", required=True, metavar="[NAME=]COHORT", help=text)
    options.add_output(parser, "DIR", f"folder for {', '.join(FILES)}")
    options.add_method(parser, "recalibration of each site, shown before and after")
    options.add_title(parser)
    options.add_bootstrap(parser)
    options.add_seed(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    output = arguments.output
    with outputs.claimed(lambda: _check_output(output, arguments.overwrite), os.path.join(output, RECORD)):
        _validate(arguments)


def _check_output(output: str, overwrite: bool) -> None:
    """Raises InputError unless the results may be written."""
    for name in FILES:
        outputs.check_file(os.path.join(output, name), overwrite)


def _validate(arguments: Namespace) -> None:
    from mime_tf.commands import inputs
    from mime_tf.runs.mean_model import MeanModel
    from mime_tf.runs.opening import require_one_outcome

    console = Console(period=5.0)
    model = MeanModel.open(arguments.model)
    require_one_outcome(model.splits[0])
    plotting.require_matplotlib()
    from mime_tf.validation import sites

    asked = sites.parse(arguments.data)
    for site in asked:
        inputs.require_cohort(site.path)
        inputs.check_apart([os.path.join(arguments.output, name) for name in FILES], site.path, arguments.model)
    opened = sites.open_sites(model, asked, console.progress)
    environment.import_tensorflow()
    from mime_tf.assess.bootstrap import Bootstrap
    from mime_tf.validation import content, lines, page, picture

    bootstrap = Bootstrap(arguments.bootstrap, arguments.seed)
    validation = content.validate(model, opened, arguments.method, bootstrap, console.progress)
    for note in validation.notes:
        console.note(note)
    console.progress("drawing")
    forest = picture.forest(validation)
    with files.publishing():
        with files.replacing(os.path.join(arguments.output, PICTURE)) as file:
            file.write(forest)
        with files.replacing(os.path.join(arguments.output, PAGE), "w") as file:
            file.write(page.validation_page(validation, forest, arguments.title))
        files.write_json(os.path.join(arguments.output, RECORD), _record(arguments, validation))
    for line in lines.printed(validation):
        console.line(line)
    console.line(f"{arguments.output}: {', '.join(FILES)} written")


def _record(arguments: Namespace, validation: "Validation") -> dict[str, Any]:
    """Returns the content of validate.json."""
    from mime_tf.assess.cross_fitting import FOLDS
    from mime_tf.runs.versions import versions

    asked = {name: getattr(arguments, name) for name in ("model", "data", "method", "bootstrap", "seed")}
    training, population = validation.training, validation.model.subject.population
    return {
        **asked,
        "trained_on": None if population is None else population.content,
        "described": validation.model.described,
        "splits": [split.name for split in validation.model.splits],
        "recalibration_folds": FOLDS,
        "training": None if training is None else dataclasses.asdict(training),
        "sites": [site.record() for site in validation.sites],
        "notes": validation.notes,
        "versions": versions(),
    }
