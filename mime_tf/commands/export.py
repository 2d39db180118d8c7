"""The command `export`."""

import os
from argparse import Namespace

from mime_tf.commands import options
from mime_tf.commands.options import Parser
from mime_tf.terminal import environment
from mime_tf.terminal.console import Console

EPILOG = """example:
  mime-tf export --model r0s0 --output served/mime/1

The SavedModel needs TensorFlow and not this package, and has two signatures: serving_default takes padded codes, json
takes a JSON text per patient, in the codes of vocabulary.csv. MODEL_CARD.md beside it says how they are called, how the
model did in training, and which parts a person has to add. TensorFlow Serving takes the folder above, served/mime, with
1 for the version. docs/export.md has it all."""


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(program, "Writes the model of a fitted split as a SavedModel, with a model card.", EPILOG)
    options.add_model(parser)
    options.add_output(parser, "DIR", "folder to make")
    options.add_unknown_codes(parser, ", of the codes that vocabulary.csv in the model's folder names")
    options.add_title(parser)
    options.add_bootstrap(parser)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    from mime_tf.export import folder

    folder.check(arguments.output, arguments.overwrite)
    from mime_tf.runs.opening import fitted_split

    console = Console(period=5.0)
    model = fitted_split(arguments.model)
    environment.import_tensorflow()
    from mime_tf.export import service
    from mime_tf.export.saved_model import export

    for note in (*model.notes, *service.notes(model)):
        console.note(note)
    export(
        model,
        arguments.output,
        arguments.overwrite,
        arguments.bootstrap,
        console.progress,
        arguments.title,
        arguments.unknown_codes,
    )
    console.line(f"{arguments.output}: a SavedModel with the signatures serving_default and json")
    card = os.path.join(arguments.output, folder.CARD)
    console.line(f"{card}: the model card; a person has to add the parts marked [to be filled in]")
