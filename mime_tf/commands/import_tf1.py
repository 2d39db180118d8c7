"""The command `import_tf1`."""

import argparse

from mime_tf.config import ACTIVATIONS, TrainConfig

EXAMPLE = """example:
  python -m mime_tf import_tf1 --checkpoint out/r0s0/model-4200 --output imported/r0s0 \\
      --data data/hf --split_seed 0 --eval_drop_remainder

With --data the results of valid and test are printed: they should be those of the old log."""

_DEFAULT = TrainConfig()


def add_parser(commands):
    """Adds the command to the subparsers `commands`."""
    parser = commands.add_parser(
        "import_tf1",
        help="turn a TensorFlow 1.x checkpoint of the authors' program into a run folder",
        description="Turns a TensorFlow 1.x checkpoint of the authors' program into a run folder with a .keras model.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--checkpoint", required=True, metavar="PREFIX", help="the checkpoint's path without .index")
    parser.add_argument("--output", required=True, metavar="DIR", help="the run folder to make")
    model = parser.add_argument_group("what no checkpoint holds (default: as in the authors' main)")
    for name in ("emb_activation", "order_activation", "visit_activation"):
        model.add_argument(f"--{name}", choices=ACTIVATIONS, default="relu", help="default: relu")
    _add_number(model, "aux_lambda", "weight of the auxiliary losses")
    _add_number(model, "regularize", "weight of the sum of squares")
    model.add_argument("--max_dx_per_visit", type=int, help="slots a visit of the auxiliary losses")
    data = parser.add_argument_group("the cohort it was trained on (to keep the known codes, and to score it)")
    data.add_argument("--data", metavar="PREFIX", help="prefix of .seqs and .labels")
    data.add_argument("--split_seed", type=int, default=0, metavar="J", help="the j of r<i>s<j> (default: 0)")
    for name in ("batch_size", "min_threshold", "max_threshold"):
        _add_number(data, name, "as it was trained")
    for name in ("association_threshold", "train_ratio", "test_fraction", "valid_fraction"):
        _add_number(data, name, "as it was trained")
    data.add_argument(
        "--eval_drop_remainder", action="store_true", help="leave the last partial batch out, as the authors' program"
    )
    parser.set_defaults(run=run)


def _add_number(group, name, what):
    default = getattr(_DEFAULT, name)
    group.add_argument(f"--{name}", type=type(default), default=default, help=f"{what} (default: {default})")


def run(arguments):
    """Runs the command."""
    from mime_tf.training import lines
    from mime_tf.training.import_tf1 import import_tf1

    values = vars(arguments)
    fields = TrainConfig.__dataclass_fields__
    config = TrainConfig(**{name: value for name, value in values.items() if name in fields})
    results = import_tf1(arguments.checkpoint, arguments.output, config, arguments.data, arguments.split_seed)
    if results:
        print(lines.split_line(results))
    print(f"{arguments.output}: made")
