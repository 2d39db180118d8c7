"""The command `import_tf1`."""

import glob
from argparse import Namespace

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value
from mime_tf.config import FIELDS, TrainConfig
from mime_tf.constraints import at_least
from mime_tf.errors import InputError
from mime_tf.terminal import environment
from mime_tf.terminal.console import Console

EPILOG = """example:
  mime-tf import_tf1 --checkpoint out/r0s0/model-4200 --output imported/r0s0 \\
      --data data/hf --split_seed 0 --eval_drop_remainder

With --data the results of valid and test are printed: they should be those of the old log."""

MODEL = ("emb_activation", "order_activation", "visit_activation", "aux_lambda", "regularize", "max_dx_per_visit")
COHORT = (
    *("batch_size", "min_threshold", "max_threshold", "association_threshold", "train_ratio"),
    *("test_fraction", "valid_fraction", "eval_drop_remainder"),
)


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    text = "Turns a TensorFlow 1.x checkpoint of the authors' program into a fitted split with a .keras model."
    parser = Parser(program, text, EPILOG)
    checkpoint = "path of the checkpoint without .index"
    options.add(parser, "checkpoint", Value(str), checkpoint, metavar="PREFIX", required=True)
    options.add(parser, "output", Value(str), "folder to make", metavar="DIR", required=True)
    model = parser.add_argument_group("settings that no checkpoint holds (default: as in the authors' main)")
    for name in MODEL:
        options.add_hyperparameter(model, name)
    cohort = parser.add_argument_group("the cohort it was trained on (to keep the known codes, and to score it)")
    options.add_data(cohort, required=False)
    options.add(
        cohort, "split_seed", Value(int, at_least(0, at_most=2**32 - 1)), "seed of the split: the j of r<i>s<j>", 0
    )
    for name in COHORT:
        options.add_hyperparameter(cohort, name)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    config = TrainConfig(**{name: value for name, value in vars(arguments).items() if name in FIELDS})
    if not glob.glob(f"{glob.escape(arguments.checkpoint)}*"):
        raise InputError(f"{arguments.checkpoint}: no such checkpoint; it is named by its path without .index")
    from mime_tf.data.cohort import Cohort

    cohort = None if arguments.data is None else Cohort.open(arguments.data)
    environment.import_tensorflow()
    from mime_tf.training import lines
    from mime_tf.training.import_tf1 import import_tf1

    results = import_tf1(arguments.checkpoint, arguments.output, config, cohort, arguments.split_seed)
    console = Console()
    if results:
        console.line(lines.split_line(results))
    console.line(f"{arguments.output}: made")
