"""A simulated cohort on disk: the cohort, the names of its codes, and the truth."""

import dataclasses
import os

from mime_tf.data import pickled
from mime_tf.data.vocabulary import COLUMNS, Vocabulary
from mime_tf.errors import InputError, show
from mime_tf.simulate.risk import pairs
from mime_tf.simulate.simulation import Simulation
from mime_tf.simulate.world import World
from mime_tf.terminal import files, outputs

TRUTH_COLUMNS = ("label", "risk", "pair_score", "code_score", "risk_with_links", "risk_without_links")


@dataclasses.dataclass(frozen=True)
class Paths:
    """The files of a simulated cohort.

    Attributes:
        cohort: one Parquet file, or `.seqs` and `.labels`.
        truth_csv: the truth about each patient.
        truth_json: the truth about the cohort.
        vocabulary: the names of the codes.
    """

    cohort: list[str]
    truth_csv: str
    truth_json: str
    vocabulary: str

    @classmethod
    def of(cls, output: str | os.PathLike) -> "Paths":
        """Returns the files for an output, as `write` takes it; raises InputError if it is a folder."""
        output = os.fspath(output)
        prefix = output.removesuffix(".parquet")
        if not os.path.basename(prefix):
            raise InputError(f"output: found {show(output)}; must be a folder and the start of a file's name")
        cohort = [output] if output != prefix else [f"{prefix}.seqs", f"{prefix}.labels"]
        vocabulary = os.path.join(os.path.dirname(prefix), "vocabulary.csv")
        return cls(cohort, f"{prefix}_truth.csv", f"{prefix}_truth.json", vocabulary)

    def all(self) -> list[str]:
        """Returns all files."""
        return [*self.cohort, self.truth_csv, self.truth_json, self.vocabulary]


def vocabulary(world: World) -> Vocabulary:
    """Returns the names of a world's codes."""
    names = {("dx", code): f"acute diagnosis {code}" for code in world.acute.tolist()}
    names |= {("dx", code): f"chronic diagnosis {code}" for code in world.chronic.tolist()}
    for kind, name in (("rx", "medication"), ("pr", "procedure")):
        names |= {(kind, code): f"{name} {code}" for code in range(world.sizes[kind])}
    for index, pair in enumerate(pairs.NAMES):
        names |= {("dx", code): f"chronic diagnosis {code} (pair {pair})" for code in world.pairs.dx[index].tolist()}
        for code in world.pairs.orders[index].tolist():
            names[pairs.KINDS[index], code] += f" (pair {pair})"
    rows = [
        dict(zip(COLUMNS, (kind, str(code), "simulated", f"{kind.upper()}{code}", names[kind, code]), strict=True))
        for kind, size in world.sizes.items()
        for code in range(size)
    ]
    return Vocabulary(rows, {(row["kind"], int(row["index"])): row for row in rows})


def check_output(output: str | os.PathLike, world: World, overwrite: bool = False) -> None:
    """Raises InputError if `write` would replace a file, other than a vocabulary of the same codes, or can't write."""
    paths = Paths.of(output)
    for path in (*paths.cohort, paths.truth_json, paths.truth_csv):
        outputs.check_file(path, overwrite)
    path = paths.vocabulary
    if os.path.exists(path) and not overwrite and Vocabulary.read(path).rows != vocabulary(world).rows:
        raise InputError(f"{path}: names other codes; give a folder of its own, or --overwrite to replace it")


def write(simulation: Simulation, output: str | os.PathLike, overwrite: bool = False) -> list[str]:
    """Writes a cohort, `vocabulary.csv` and the truth, each file atomically.

    Args:
        simulation: the cohort.
        output: a Parquet file, if it ends in `.parquet`; else the prefix of `.seqs` and `.labels`. The files of the
            truth are named `_truth.json` and `_truth.csv` after the prefix, or the Parquet file without its ending.
        overwrite: replace existing files.

    Returns:
        The paths of the files.

    Raises:
        InputError: a file exists already; nothing is written.
    """
    output = os.fspath(output)
    check_output(output, simulation.world, overwrite)
    paths = Paths.of(output)
    vocabulary(simulation.world).write(paths.vocabulary)
    if output.endswith(".parquet"):
        from mime_tf.data import parquet  # imported late, because pyarrow is slow to import

        parquet.write(output, simulation.store, simulation.labels)
    else:
        pickled.write(output, simulation.store, simulation.labels)
    columns = [simulation.labels, *(getattr(simulation, name) for name in TRUTH_COLUMNS[1:])]
    with files.replacing(paths.truth_csv, "w") as file:
        file.write(f"row,{','.join(TRUTH_COLUMNS)}\n")
        rows = zip(range(len(simulation.labels)), *(column.tolist() for column in columns), strict=True)
        file.writelines("%d,%d,%.9g,%.9g,%.9g,%.9g,%.9g\n" % row for row in rows)
    files.write_json(paths.truth_json, simulation.truth())
    return paths.all()
