"""The command `export`."""

import argparse
import os

from mime_tf.errors import InputError
from mime_tf.export import folder
from mime_tf.terminal.console import Console

EXAMPLE = """example:
  python -m mime_tf export --model r0s0 --output served/mime/1

writes a SavedModel that needs TensorFlow and not this package, with two signatures: serving_default takes padded
codes, json takes a JSON text per patient, in the codes of vocabulary.csv. MODEL_CARD.md beside it says how they are
called, what the run tells of the model, and what a person has to add. TensorFlow Serving takes the folder above,
served/mime, with 1 for the version. docs/export.md has it all."""


def add_parser(commands):
    """Adds the command to the subparsers `commands`."""
    parser = commands.add_parser(
        "export",
        help="write a trained model for servers, with a model card",
        description="Writes the model of a run as a SavedModel, with a model card.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True, metavar="RUN", help="the folder of a split that train.py wrote")
    parser.add_argument("--output", required=True, metavar="DIR", help="the folder to make")
    parser.add_argument(
        "--bootstrap", type=int, default=1000, help="resamples for the card's intervals; 0 for none (default: 1000)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export in the folder")
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command."""
    if arguments.bootstrap < 0:
        raise InputError(f"bootstrap: found {arguments.bootstrap}; must be 0 or more")
    folder.check(arguments.output, arguments.overwrite)
    from mime_tf.export import service
    from mime_tf.export.saved_model import export
    from mime_tf.runs.opening import fitted_split

    console = Console(period=5.0)
    model = fitted_split(arguments.model)
    for note in (*model.notes, *service.notes(model)):
        console.note(note)
    export(model, arguments.output, arguments.overwrite, arguments.bootstrap, console.progress)
    console.line(f"{arguments.output}: a SavedModel with the signatures serving_default and json")
    card = os.path.join(arguments.output, folder.CARD)
    console.line(f"{card}: the model card; a person has to add what is marked [to be filled in]")
