"""The command `ablate`."""

import argparse
import contextlib
import os

from mime_tf.config import JIT_COMPILE, TrainConfig
from mime_tf.errors import InputError
from mime_tf.terminal import files, outputs, plotting
from mime_tf.terminal.console import Console

EXAMPLE = """example:
  python -m mime_tf ablate --data data/hf --output hf_ablation
  python -m mime_tf ablate --data data/hf --output hf_ablation --train_ratios 0.1,0.25,0.5

On the same splits, with the same budget and the same choice of the best model by loss on valid, it trains and tests
MiME as linked; with the orders of each visit dealt to wrong diagnoses; on flat bags of the codes of each visit; as
linked with the auxiliary tasks; and a logistic regression on code counts. It prints average precision and ROC AUC on
test with 95% intervals, how far MiME as linked is ahead of each, and one sentence that says whether the links helped.
--train_ratios adds a learning curve. The same command goes on where it was stopped, and with more --train_ratios it
trains what is new only. docs/ablate.md explains it all."""

JSON, CSV, COMPARISON, CURVE = "ablation.json", "ablation.csv", "comparison.png", "learning_curve.png"
_OURS = {*(JSON, CSV, COMPARISON, CURVE), "runs", "cohorts"}
# The fields of TrainConfig that can be set, with the defaults of this command.
OPTIONS = {
    "num_iter": (2000, "updates of a run, from 0 to this one"),
    "eval_period": (100, "updates between evaluations on valid"),
    "batch_size": (20, "patients in a batch"),
    "learning_rate": (0.001, "of Adam"),
    "rnn_size": (64, "width of the recurrent layer"),
    "aux_lambda": (0.1, "weight of the auxiliary tasks where they are on; 0 leaves that arm out"),
    "regularize": (0.0001, "weight of the sum of squares"),
    "min_threshold": (1, "least number of visits"),
    "max_threshold": (200, "number of visits from which on a patient is left out"),
    "association_threshold": (0.0, "share of visits that must have two Dx-objects with orders"),
    "test_fraction": (0.2, "share of the patients in test"),
    "valid_fraction": (0.1, "share in valid; training has the rest"),
}


def add_parser(commands):
    """Adds the command to the subparsers `commands`."""
    parser = commands.add_parser(
        "ablate",
        help="tell whether the links help, on your own data",
        description="Trains MiME with the links, without them and beside simpler models, and compares them.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", required=True, metavar="SOURCE", help="prefix of .seqs and .labels, or Parquet")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the results and the runs")
    parser.add_argument("--overwrite", action="store_true", help="discard the runs and results that are there")
    parser.add_argument(
        "--train_ratios",
        type=_list_of(float),
        default=[],
        metavar="R,...",
        help="learning curve: train on these shares of the training patients too, such as 0.1,0.25,0.5",
    )
    parser.add_argument(
        "--split_seeds",
        type=_list_of(int),
        default=[0, 1, 2],
        metavar="J,...",
        help="one split each (default: 0,1,2)",
    )
    parser.add_argument("--group_column", default="", metavar="NAME", help="rows alike in it stay on one side")
    parser.add_argument("--bootstrap", type=int, default=1000, help="resamples for the intervals (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the shuffle and of the resamples (default: 0)")
    training = parser.add_argument_group("training, of every arm")
    training.add_argument("--width", type=int, default=64, help="of all embeddings (default: 64)")
    for name, (default, what) in OPTIONS.items():
        training.add_argument(f"--{name}", type=type(default), default=default, help=f"{what} (default: {default})")
    training.add_argument("--jit_compile", choices=JIT_COMPILE, default="auto", help="use XLA (default: auto)")
    parser.set_defaults(run=run)


def _list_of(kind):
    """Returns what reads numbers with commas between them, as train.py takes its split_seeds."""

    def numbers(text):
        return [kind(part) for part in text.split(",")]

    numbers.__name__ = f"list of {kind.__name__}"
    return numbers


def run(arguments):
    """Runs the command."""
    config = _config(arguments)
    _check_arguments(arguments)
    from mime_tf.ablation import ablate, plots, tables

    plotting.require_matplotlib()
    console = Console(period=15.0)
    found = ablate(
        config,
        arguments.data,
        arguments.output,
        arguments.train_ratios,
        arguments.bootstrap,
        arguments.seed,
        arguments.overwrite,
        console,
    )
    settings = {name: value for name, value in vars(arguments).items() if name not in ("run", "output", "overwrite")}
    pictures = {COMPARISON: plots.comparison(found)}
    if arguments.train_ratios:
        pictures[CURVE] = plots.learning_curve(found)
    written = _write(arguments.output, found, settings, pictures)
    for line in tables.lines(found):
        console.line(line)
    console.line(f"{arguments.output}: {', '.join(written)} written")


def _config(arguments):
    """Returns the `TrainConfig` that was asked for, checked."""
    widths = ("dx_emb_size", "rx_emb_size", "pr_emb_size", "dxobj_emb_size", "visit_emb_size")
    if arguments.width < 1:
        raise InputError(f"width: found {arguments.width}; must be at least 1")
    return TrainConfig(
        **dict.fromkeys(widths, arguments.width),
        **{name: getattr(arguments, name) for name in (*OPTIONS, "group_column", "jit_compile")},
        split_seeds=tuple(arguments.split_seeds),
        tensorboard=False,
    )


def _check_arguments(arguments):
    """Raises InputError for what can be told before anything is read."""
    for name, least in (("bootstrap", 1), ("seed", 0)):
        if getattr(arguments, name) < least:
            raise InputError(f"{name}: found {getattr(arguments, name)}; must be at least {least}")
    for ratio in arguments.train_ratios:
        if not 0 < ratio <= 1:
            raise InputError(f"train_ratios: found {ratio}; must be more than 0 and at most 1")
    outputs.check_folder(arguments.output, True, _OURS.__contains__)  # runs that are there are gone on with


def _write(folder, found, settings, pictures):
    """Writes the results, each file whole or not at all, `ablation.json` last; returns their names."""
    from mime_tf.ablation import tables
    from mime_tf.runs.versions import versions

    files.write_table(os.path.join(folder, CSV), tables.COLUMNS, tables.rows(found))
    for name, picture in pictures.items():
        with files.replacing(os.path.join(folder, name)) as file:
            file.write(picture)
    if CURVE not in pictures:  # an earlier one would not be of these results
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, CURVE))
    report = {"settings": settings, **tables.report(found), "versions": versions()}
    files.write_json(os.path.join(folder, JSON), report)
    return [CSV, *pictures, JSON]
