"""The command `train`, which `python train.py` runs as well: flags in the authors' grammar, made from `TrainConfig`."""

import dataclasses
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from absl import flags

from mime_tf.commands.options import plain, show_default
from mime_tf.config import EVALUATION, FIELDS, GROUPS, RECIPE, TRAINING, TrainConfig
from mime_tf.errors import InputError
from mime_tf.terminal import reading, status

DESCRIPTION = """\
Trains MiME: divides the patients of a cohort into train, valid and test, once for each of --split_seeds or --folds, and
fits a model to each split. The model with the lowest loss on valid is kept.

DATA is a cohort: the prefix of .seqs and .labels, a .parquet file or a folder of them. OUTPUT and LOG are prefixes: a
split with its model is the folder OUTPUTr<random seed>s<split seed>/, and the results are appended to LOG.log.
"""

EXAMPLES = """\
    {program} ./sample ./ ./out
    {program} cohort/cohort runs/a_ runs/a --aux_lambda=0.1 --num_iter=5000
    {program} cohort/cohort runs/best_ runs/best --recipe
    {program} cohort/cohort runs/next_ runs/next --task=next_visit
    {program} hf.parquet runs/cv_ runs/cv --folds=5 --group_column=patient_id
    tensorboard --logdir runs

The same command resumes a run that was interrupted. --flagfile=FILE reads flags from a file, one per line; every split
leaves such a file, flags.txt. --no turns off a flag that is true or false, as in --notensorboard."""

# Flags that are no hyperparameters: the default, the group and the help of each.
_RECIPE = ", ".join(
    f"`--{name}={','.join(value) if isinstance(value, tuple) else value}`" for name, value in RECIPE.items()
)
RUN_FLAGS = {
    "recipe": (
        False,
        TRAINING,
        f"Train for the best prediction from a cohort of one's own, in place of the authors' model: {_RECIPE}, each "
        "unless it is given as well.",
    ),
    "resume": (True, EVALUATION, "Resume an unfinished run in the output folder; `--noresume` makes one an error."),
    "overwrite": (False, EVALUATION, "Discard the run in the output folder, finished or not, and start afresh."),
}

IF_STOPPED = "stopped; the same command goes on from the last evaluation, if there was one"


@dataclasses.dataclass(frozen=True)
class Flag:
    """A flag as the help and docs/flags.md describe it.

    Attributes:
        name: without its dashes.
        group: one of `mime_tf.config.GROUPS`.
        default: its default, as `TrainConfig` has it.
        choices: the values that it takes, or none if they can't be listed.
        values: the values that it takes, in words; empty if any value of the default's type is right.
        help: Markdown.
    """

    name: str
    group: str
    default: Any
    choices: tuple[str, ...]
    values: str
    help: str


def described() -> Iterator[Flag]:
    """Yields all flags, group by group."""
    for name, field in FIELDS.items():
        group, constraint, text = (field.metadata[key] for key in ("group", "constraint", "help"))
        choices = () if constraint is None else constraint.choices
        values = "" if constraint is None else ", ".join(choices) or constraint.text
        yield Flag(name, group, field.default, choices, values, text)
    for name, (default, group, text) in RUN_FLAGS.items():
        yield Flag(name, group, default, (), "", text)


def define_flags(values: flags.FlagValues, module: str) -> None:
    """Defines all flags.

    Args:
        values: where; `absl.flags.FLAGS`, or others.
        module: name of the Python module that they are said to belong to.
    """
    where: dict[str, Any] = {"flag_values": values, "module_name": module}
    for flag in described():
        text = plain(flag.help)
        if isinstance(flag.default, bool):
            flags.DEFINE_bool(flag.name, flag.default, text, **where)
        elif isinstance(flag.default, tuple):
            flags.DEFINE_list(flag.name, list(map(str, flag.default)), text, **where)
        elif flag.choices:
            flags.DEFINE_enum(flag.name, flag.default, flag.choices, text, **where)
        elif isinstance(flag.default, str):
            flags.DEFINE_string(flag.name, flag.default, text, **where)
        elif isinstance(flag.default, float):
            flags.DEFINE_float(flag.name, flag.default, text, **where)
        else:
            flags.DEFINE_integer(flag.name, flag.default, text, **where)


def config(values: flags.FlagValues) -> TrainConfig:
    """Returns parsed flags as a `TrainConfig`.

    Raises:
        InputError: a value is out of range, or values do not go together.
    """
    recipe = RECIPE if values["recipe"].value else {}
    without = {"test_fraction": bool(values["folds"].value)}
    recipe = {name: value for name, value in recipe.items() if not without.get(name)}
    given: dict[str, Any] = {
        name: recipe[name] if name in recipe and not values[name].present else values[name].value for name in FIELDS
    }
    for name in ("pooling", "blend", "split_dates"):
        given[name] = tuple(given[name])
    try:
        given["split_seeds"] = tuple(int(seed) for seed in given["split_seeds"])
    except ValueError:
        text = ",".join(given["split_seeds"])
        raise InputError(f"split_seeds: found {text}; must be integers with commas between") from None
    return TrainConfig(**given)


@dataclasses.dataclass(frozen=True)
class Arguments:
    """A parsed command line: the arguments of `mime_tf.train`."""

    config: TrainConfig
    data: str
    output: str
    log: str
    resume: bool
    overwrite: bool


class Parser:
    """The parser of `train`'s command line, with argparse's method.

    Args:
        program: the command as it is typed, such as `"mime-tf train"`.
        values: flags that `define_flags` defined; by default new ones.
    """

    def __init__(self, program: str, values: flags.FlagValues | None = None):
        self.program = program
        self.values = flags.FlagValues() if values is None else values
        if values is None:
            define_flags(self.values, __name__)

    def parse_args(self, argv: Sequence[str]) -> Arguments:
        """Returns the arguments; for `--help` it prints the help and exits.

        Raises:
            InputError: a flag is unknown or wrong, or the number of other arguments is.
        """
        if {"--help", "-help", "-h"} & set(argv):
            print(self.help())
            sys.exit(status.DONE)
        for argument in argv:
            if argument.lstrip("-").startswith("flagfile="):
                reading.require_regular(argument.partition("=")[2])
        try:
            _, *prefixes = self.values([self.program, *argv])
        except flags.Error as error:
            raise InputError(" ".join(str(error).split()).removeprefix("ERROR:: ")) from error
        if len(prefixes) != 3:
            raise InputError(f"takes DATA, OUTPUT and LOG prefixes; found {len(prefixes)}; see --help")
        data, output, log = prefixes
        resume, overwrite = (bool(self.values[name].value) for name in ("resume", "overwrite"))
        return Arguments(config(self.values), data, output, log, resume, overwrite)

    def help(self) -> str:
        """Returns the help: the flags by group, each with its default and the values that it takes."""
        examples = EXAMPLES.format(program=self.program)
        parts = [f"usage: {self.program} DATA OUTPUT LOG [flags]", "", DESCRIPTION, examples, "", status.EXPLANATION]
        for group in GROUPS:
            parts += ["", f"{group}:", *(_entry(flag) for flag in described() if flag.group == group)]
        return "\n".join(parts)


def _entry(flag: Flag) -> str:
    """Returns the lines of the help about a flag."""
    name = f"[no]{flag.name}" if isinstance(flag.default, bool) else flag.name
    values = f"{flag.values}; " if flag.values else ""
    text = f"--{name}: {plain(flag.help)} ({values}default: {show_default(flag.default)})"
    return textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    return Parser(program)


def run(arguments: Arguments) -> None:
    """Runs the command."""
    from mime_tf.data import tasks

    cohort = tasks.open_cohort(
        arguments.data, arguments.config.task
    )  # before the slow imports, so that a wrong path is answered at once
    from mime_tf import training

    training.train(
        arguments.config,
        cohort,
        arguments.output,
        arguments.log,
        resume=arguments.resume,
        overwrite=arguments.overwrite,
    )
