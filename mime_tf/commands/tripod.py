"""The command `tripod`."""

import os
from argparse import Namespace

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value
from mime_tf.terminal import files, outputs
from mime_tf.terminal.console import Console

EPILOG = """example:
  mime-tf tripod --model runs/a_ --validation validation --output checklist

Drafts the checklists that journals ask for with a prediction model: the items of TRIPOD+AI and the questions of
PROBAST+AI, each answered "from the run", "for you to say" or "not done". It needs nothing but the run: the figures are
those of its test sets. The items are named by number and topic; their text is in the guidelines."""

MARKDOWN, PAGE = FILES = ("tripod.md", "tripod.html")


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(program, "Drafts a TRIPOD+AI checklist and PROBAST+AI answers from a run.", EPILOG)
    options.add_model(parser, several=True)
    options.add_output(parser, "DIR", f"folder for {' and '.join(FILES)}")
    text = "validate.json of mime-tf validate, or its folder, for the items on other sites and periods"
    options.add(parser, "validation", Value(str), text, metavar="PATH")
    options.add_title(parser)
    options.add_bootstrap(parser)
    options.add_seed(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    written = [os.path.join(arguments.output, name) for name in FILES]

    def check() -> None:
        for path in written:
            outputs.check_file(path, arguments.overwrite)

    with outputs.claimed(check, written[0]):
        _tripod(arguments, written)


def _tripod(arguments: Namespace, written: list[str]) -> None:
    from mime_tf.commands import inputs
    from mime_tf.pages.text import file_name

    inputs.require_run(arguments.model)
    inputs.check_apart(written, run=arguments.model)
    from mime_tf.assess.bootstrap import Bootstrap
    from mime_tf.tripod.checklist import Checklists
    from mime_tf.tripod.facts import Facts

    console = Console(period=5.0)
    bootstrap = Bootstrap(arguments.bootstrap, arguments.seed)
    facts = Facts.of(arguments.model, arguments.title, bootstrap, console.progress, arguments.validation)
    checklists = Checklists.of(facts, file_name(arguments.model))
    with files.publishing():
        for path, text in zip(written, (checklists.markdown(), checklists.page()), strict=True):
            with files.replacing(path, "w") as file:
                file.write(text)
    for name, counts in checklists.counts.items():
        console.line(f"{name}: {', '.join(f'{number} {state}' for state, number in counts.items())}")
    console.line(f"{arguments.output}: {' and '.join(FILES)} written")
