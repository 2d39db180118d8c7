"""The command `ablate`."""

import glob
import os
from argparse import Namespace
from typing import TYPE_CHECKING

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value, Values
from mime_tf.config import TrainConfig
from mime_tf.constraints import at_least, more_than
from mime_tf.terminal import files, outputs, plotting
from mime_tf.terminal.console import Console

if TYPE_CHECKING:
    from mime_tf.ablation import Ablation

EPILOG = """examples:
  mime-tf ablate --data data/hf --output hf_ablation
  mime-tf ablate --data data/hf --output hf_ablation --train_ratios 0.1,0.25,0.5

On the same splits, with the same budget and the same choice of the best model by loss on valid, it trains and tests
MiME as linked; with the orders of each visit dealt to wrong diagnoses; on flat bags of the codes of each visit; and as
linked with the auxiliary tasks. --recipe adds the blend of networks and a regression that train's flag of that name
makes; it takes some minutes per split. Beside it are logistic regression on codes, and on codes and linked pairs,
gradient boosting on both (LightGBM if it is installed), and age and sex if a patients.csv has them, all chosen on
valid. It prints average precision and ROC AUC on test with 95% intervals, how far MiME as linked is ahead of each, and
two sentences: do the links help, and does MiME help?
--train_ratios adds a learning curve. The same command resumes an ablation that was stopped; with more --train_ratios it
trains the new ones only. docs/ablate.md explains it all."""

IF_STOPPED = "stopped; the same command goes on from the last evaluation, if there was one"
JSON, CSV, COMPARISON, CURVE = "ablation.json", "ablation.csv", "comparison.png", "learning_curve.png"
_OURS = {*(JSON, CSV, COMPARISON, CURVE), "runs", "cohorts"}
# The hyperparameters that can be set, with the defaults of this command; None for the default of training.
OPTIONS = {
    "num_iter": 2000,
    "eval_period": None,
    "batch_size": None,
    "learning_rate": None,
    "rnn_size": 64,
    "aux_lambda": 0.1,
    "regularize": None,
    "min_threshold": None,
    "max_threshold": None,
    "association_threshold": None,
    "test_fraction": 0.2,
    "valid_fraction": 0.1,
    "jit_compile": None,
}


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    text = "Trains MiME with the links and without them, fits simpler models beside it, and compares them."
    parser = Parser(program, text, EPILOG)
    options.add_data(parser)
    options.add_output(parser, "DIR", "folder for the results and the runs", "discard the runs and results in it")
    ratios = Values(float, more_than(0, at_most=1))
    text = "learning curve: train on these shares of the training patients too, as in 0.1,0.25,0.5"
    options.add(parser, "train_ratios", ratios, text, [], metavar="R,...")
    text = "add an arm: the recipe of `mime-tf train --recipe`, on the same splits"
    parser.add_argument("--recipe", action="store_true", help=text)
    options.add_hyperparameter(parser, "split_seeds", (0, 1, 2))
    options.add_hyperparameter(parser, "group_column")
    options.add_bootstrap(parser, least=1)
    options.add_seed(parser, "seed of the shuffle and of the resamples")
    training = parser.add_argument_group("training, of the arms of MiME")
    options.add(training, "width", Value(int, at_least(1)), "width of all embeddings", 64)
    for name, default in OPTIONS.items():
        options.add_hyperparameter(training, name, default)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    config = _config(arguments)
    report = os.path.join(arguments.output, JSON)
    # An ablation in the folder is resumed.
    with outputs.claimed(lambda: outputs.check_folder(arguments.output, True, _OURS.__contains__), report):
        _ablate(arguments, config)


def _ablate(arguments: Namespace, config: TrainConfig) -> None:
    from mime_tf.commands import inputs

    cohorts = glob.glob(os.path.join(glob.escape(arguments.output), "cohorts", "*", "*"))
    inputs.check_apart([os.path.join(arguments.output, JSON), *cohorts], arguments.data)
    inputs.require_cohort(arguments.data)
    plotting.require_matplotlib()
    from mime_tf.ablation import ablate, plots, tables
    from mime_tf.assess.bootstrap import Bootstrap

    console = Console(period=15.0)
    ablation = ablate(
        config,
        arguments.data,
        arguments.output,
        arguments.train_ratios,
        recipe=arguments.recipe,
        bootstrap=Bootstrap(arguments.bootstrap, arguments.seed),
        seed=arguments.seed,
        overwrite=arguments.overwrite,
        console=console,
    )
    settings = {name: value for name, value in vars(arguments).items() if name not in ("output", "overwrite")}
    pictures = {COMPARISON: plots.comparison(ablation)}
    if arguments.train_ratios:
        pictures[CURVE] = plots.learning_curve(ablation)
    written = _write(arguments.output, ablation, settings, pictures)
    for line in tables.lines(ablation):
        console.line(line)
    console.line(f"{arguments.output}: {', '.join(written)} written")


def _config(arguments: Namespace) -> TrainConfig:
    """Returns the configuration of every run."""
    widths = ("dx_emb_size", "rx_emb_size", "pr_emb_size", "dxobj_emb_size", "visit_emb_size")
    return TrainConfig(
        **dict.fromkeys(widths, arguments.width),
        **{name: getattr(arguments, name) for name in (*OPTIONS, "group_column")},
        split_seeds=tuple(arguments.split_seeds),
        tensorboard=False,
    )


def _write(folder: str, ablation: "Ablation", settings: dict, pictures: dict[str, bytes]) -> list[str]:
    """Writes the results, all files or none, `ablation.json` last; returns their names."""
    from mime_tf.ablation import tables
    from mime_tf.runs.versions import versions

    report = {"settings": settings, **tables.report(ablation), "versions": versions()}
    with files.publishing() as publication:
        files.write_table(os.path.join(folder, CSV), tables.COLUMNS, tables.rows(ablation))
        for name, picture in pictures.items():
            with files.replacing(os.path.join(folder, name)) as file:
                file.write(picture)
        if CURVE not in pictures:  # an earlier one would not show these results
            publication.remove(os.path.join(folder, CURVE))
        files.write_json(os.path.join(folder, JSON), report)
    return [CSV, *pictures, JSON]
