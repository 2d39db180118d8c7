"""A simulated cohort on disk: the pickled, the names of its codes, and the truth."""

import os

from mime_tf.data import pickled
from mime_tf.data.vocabulary import COLUMNS, Vocabulary
from mime_tf.errors import InputError, show
from mime_tf.simulate.patients import PAIR_KINDS, PAIR_NAMES
from mime_tf.terminal import files, outputs


def vocabulary(world):
    """Returns the names of the codes of a World as a Vocabulary."""
    names = {("dx", code): f"acute diagnosis {code}" for code in world.acute.tolist()}
    names |= {("dx", code): f"chronic diagnosis {code}" for code in world.chronic.tolist()}
    for kind, name in (("rx", "medication"), ("pr", "procedure")):
        names |= {(kind, code): f"{name} {code}" for code in range(world.sizes[kind])}
    for index, pair in enumerate(PAIR_NAMES):
        names |= {("dx", code): f"chronic diagnosis {code} (pair {pair})" for code in world.pair_dx[index].tolist()}
        for code in world.pair_orders[index].tolist():
            names[PAIR_KINDS[index], code] += f" (pair {pair})"
    rows = [
        dict(zip(COLUMNS, (kind, str(code), "simulated", f"{kind.upper()}{code}", names[kind, code]), strict=True))
        for kind, size in world.sizes.items()
        for code in range(size)
    ]
    return Vocabulary(rows, {(row["kind"], int(row["index"])): row for row in rows})


def output_files(output):
    """Returns the files of a cohort: dict from `"cohort"` to a list, `"json"`, `"csv"` and `"vocabulary"` to a path."""
    output = os.fspath(output)
    prefix = output.removesuffix(".parquet")
    if not os.path.basename(prefix):
        raise InputError(f"output: found {show(output)}; must be a folder and the start of a file's name")
    return {
        "cohort": [output] if output != prefix else [f"{prefix}.seqs", f"{prefix}.labels"],
        "json": f"{prefix}_truth.json",
        "csv": f"{prefix}_truth.csv",
        "vocabulary": os.path.join(os.path.dirname(prefix), "vocabulary.csv"),
    }


def check_output(output, world, overwrite=False):
    """Raises InputError if `write` would replace a file, other than a vocabulary of the same codes, or can't write."""
    found = output_files(output)
    if len(found["cohort"]) == 1:
        _parquet()
    for path in (*found["cohort"], found["json"], found["csv"]):
        outputs.check_file(path, overwrite)
    path = found["vocabulary"]
    if os.path.exists(path) and not overwrite and Vocabulary.read(path).rows != vocabulary(world).rows:
        raise InputError(f"{path}: names other codes; give a folder of its own, or --overwrite to replace it")


def write(simulation, output, overwrite=False):
    """Writes a cohort, `vocabulary.csv` and the truth; each file is either whole or not there.

    Args:
        simulation: Simulation.
        output: a Parquet file, if it ends in `.parquet`; else the prefix of `.seqs` and `.labels`. The names of the
            truth are `_truth.json` and `_truth.csv` after the prefix, or after the file's name without `.parquet`.
        overwrite: replace files that are there.

    Returns:
        The paths of the files, a list.

    Raises:
        InputError: a file is there already, or pyarrow is missing and needed; nothing is written.
    """
    output = os.fspath(output)
    check_output(output, simulation.world, overwrite)
    found = output_files(output)
    if output.endswith(".parquet"):
        _parquet().write(output, simulation.store, simulation.labels)
    else:
        pickled.write(output, simulation.store, simulation.labels)
    names = ("label", "risk", "pair_score", "code_score", "risk_with_links", "risk_without_links")
    columns = (simulation.labels, *(getattr(simulation, name) for name in names[1:]))
    with files.replacing(found["csv"], "w") as file:
        file.write(f"row,{','.join(names)}\n")
        rows = zip(range(len(simulation.labels)), *(column.tolist() for column in columns), strict=True)
        file.writelines("%d,%d,%.9g,%.9g,%.9g,%.9g,%.9g\n" % row for row in rows)
    files.write_json(found["json"], simulation.truth())
    vocabulary(simulation.world).write(found["vocabulary"])
    return [*found["cohort"], found["csv"], found["json"], found["vocabulary"]]


def _parquet():
    """Imports the module that writes Parquet; only those who do need pyarrow."""
    try:
        from mime_tf.data import parquet
    except ImportError as error:
        raise InputError(f"output: .parquet needs pyarrow, and {error}; pip install pyarrow") from error
    return parquet
