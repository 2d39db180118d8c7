"""A simulated cohort on disk: the cohort, the names of its codes and their families, and the truth."""

import dataclasses
import os
from collections.abc import Iterator

import numpy as np

from mime_tf.data import hierarchy, pickled, visit_days
from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.store import Store
from mime_tf.data.vocabulary import COLUMNS, RESERVED_CONCEPT, Vocabulary
from mime_tf.errors import InputError, show
from mime_tf.simulate import renaming
from mime_tf.simulate.parameters import WITH_DAYS, Parameters
from mime_tf.simulate.related import hierarchy as families
from mime_tf.simulate.related.world import RelatedWorld
from mime_tf.simulate.simulation import Simulation
from mime_tf.terminal import files, outputs

LATER = "_later"  # ends the prefix of the later patients
_OWN_FOLDER = "give a folder of its own"


@dataclasses.dataclass(frozen=True)
class Paths:
    """The files of a simulated cohort.

    Attributes:
        cohort: one Parquet file, or `.seqs` and `.labels`.
        later: the same of the later patients, whose codes have other names; written with `renamed` only.
        truth_csv: the truth about each patient.
        truth_json: the truth about the cohort.
        vocabulary: the names of the codes.
        hierarchy: the families of the codes; written in the mode `related` only.
        visits: the days of the visits; written in the modes `WITH_DAYS` only.
    """

    cohort: list[str]
    later: list[str]
    truth_csv: str
    truth_json: str
    vocabulary: str
    hierarchy: str
    visits: str

    @classmethod
    def of(cls, output: str | os.PathLike) -> "Paths":
        """Returns the files for an output, as `write` takes it; raises InputError if it is a folder."""
        output = os.fspath(output)
        prefix = output.removesuffix(".parquet")
        if not os.path.basename(prefix):
            raise InputError(f"output: found {show(output)}; must be a folder and the start of a file's name")
        endings = (".parquet",) if output != prefix else (".seqs", ".labels")
        cohort, later = ([f"{prefix}{more}{ending}" for ending in endings] for more in ("", LATER))
        folder = os.path.dirname(prefix)
        tables = (os.path.join(folder, name) for name in ("vocabulary.csv", hierarchy.FILE, visit_days.FILE))
        return cls(cohort, later, f"{prefix}_truth.csv", f"{prefix}_truth.json", *tables)

    def all(self) -> list[str]:
        """Returns the files that every mode writes."""
        return [*self.cohort, self.truth_csv, self.truth_json, self.vocabulary]


def vocabulary(parameters: Parameters) -> Vocabulary:
    """Returns the names of a cohort's codes; orders without a link have a diagnosis of their own, the last."""
    names = parameters.world().names()
    rows = [
        dict(zip(COLUMNS, (kind, str(code), families.SYSTEM, f"{kind.upper()}{code}", names[kind, code]), strict=True))
        for kind, size in parameters.sizes.items()
        for code in range(size)
    ]
    if parameters.unlinked:
        size = parameters.sizes["dx"]
        rows.insert(size, {"kind": "dx", "index": str(size)} | RESERVED_CONCEPT)
    for kind, codes in renaming.renamed_codes(parameters).items():
        for index, code in enumerate(codes.tolist(), renaming.new_index(parameters, kind)):
            name = renaming.new_name(f"{kind.upper()}{code}")
            values = (kind, str(index), families.SYSTEM, name, names[kind, code])
            rows.append(dict(zip(COLUMNS, values, strict=True)))
    return Vocabulary(rows, {(row["kind"], int(row["index"])): row for row in rows})


def _hierarchy(parameters: Parameters) -> Hierarchy | None:
    """Returns the families of the codes, or None in a mode without."""
    world = parameters.world()
    if not isinstance(world, RelatedWorld):
        return None
    made = families.make(world, parameters.generator(5) if parameters.finer_level else None)
    return Hierarchy(renaming.relations(made.rows, parameters))


def check_output(output: str | os.PathLike, parameters: Parameters, overwrite: bool = False) -> None:
    """Raises InputError if `write` can't write, or would replace a file other than a table of the same codes."""
    paths = Paths.of(output)
    later = paths.later if parameters.renamed is not None else []
    for path in (*paths.cohort, *later, paths.truth_json, paths.truth_csv):
        outputs.check_file(path, overwrite)
    ancestors = _hierarchy(parameters)
    if parameters.mode in WITH_DAYS:
        outputs.check_file(paths.visits, overwrite)
    elif os.path.exists(paths.visits):
        raise InputError(f"{paths.visits}: is of other visits, and mode {parameters.mode} writes none; {_OWN_FOLDER}")
    same = not os.path.exists(paths.vocabulary) or Vocabulary.read(paths.vocabulary).rows == vocabulary(parameters).rows
    if not same and not overwrite:
        raise InputError(f"{paths.vocabulary}: names other codes; {_OWN_FOLDER}, or --overwrite to replace it")
    if ancestors is not None:
        outputs.check_file(paths.hierarchy, overwrite or _holds(paths.hierarchy, ancestors))
    elif not same and os.path.exists(paths.hierarchy):
        raise InputError(f"{paths.hierarchy}: is of other codes, and mode {parameters.mode} writes none; {_OWN_FOLDER}")


def _holds(path: str, ancestors: Hierarchy) -> bool:
    """Returns whether a file is this hierarchy."""
    try:
        return Hierarchy.read(path) == ancestors
    except InputError:
        return False


def write(simulation: Simulation, output: str | os.PathLike, overwrite: bool = False) -> list[str]:
    """Writes a cohort, the tables beside it and the truth, each file atomically.

    The tables are `vocabulary.csv`, in the mode `related` `hierarchy.csv`, and in the modes `WITH_DAYS` `visits.csv`.

    Args:
        simulation: the cohort.
        output: a Parquet file, if it ends in `.parquet`; else the prefix of `.seqs` and `.labels`. The files of the
            truth are named `_truth.json` and `_truth.csv` after the prefix, or the Parquet file without its ending, and
            have all patients; so are the later patients, of `renamed`, with `_later`.
        overwrite: replace existing files.

    Returns:
        The paths of the files.

    Raises:
        InputError: a file exists already; nothing is written.
    """
    output = os.fspath(output)
    check_output(output, simulation.parameters, overwrite)
    paths = Paths.of(output)
    vocabulary(simulation.parameters).write(paths.vocabulary)
    for path, store, labels in _cohorts(simulation, paths):
        if output.endswith(".parquet"):
            from mime_tf.data import parquet  # imported late, because pyarrow is slow to import

            parquet.write(path, store, labels)
        else:
            pickled.write(path.removesuffix(".seqs"), store, labels)
    columns = _truth_columns(simulation)
    with files.replacing(paths.truth_csv, "w") as file:
        file.write(f"row,label,{','.join(columns)}\n")
        numbers = (simulation.labels, *columns.values())
        rows = zip(range(len(simulation.labels)), *(column.tolist() for column in numbers), strict=True)
        line = f"%d,%d{',%.9g' * len(columns)}\n"
        file.writelines(line % row for row in rows)
    files.write_json(paths.truth_json, simulation.truth())
    if simulation.store.days is not None:
        visit_days.write(paths.visits, simulation.store, simulation.store.days)
        return [*paths.all(), paths.visits]
    ancestors = _hierarchy(simulation.parameters)
    if ancestors is None:
        return paths.all()
    ancestors.write(paths.hierarchy)
    return [*paths.all(), paths.hierarchy, *(paths.later if simulation.parameters.renamed is not None else ())]


def _cohorts(simulation: Simulation, paths: Paths) -> Iterator[tuple[str, Store, np.ndarray]]:
    """Yields the first file of each cohort, with its patients and labels."""
    store, labels, parameters = simulation.store, simulation.labels, simulation.parameters
    if parameters.renamed is None:
        yield paths.cohort[0], store, labels
        return
    rows = np.arange(len(store))
    first = renaming.first_later(len(store))
    yield paths.cohort[0], store.select(rows[:first]), labels[:first]
    yield paths.later[0], renaming.rename(store.select(rows[first:]), parameters), labels[first:]


def _truth_columns(simulation: Simulation) -> dict[str, np.ndarray]:
    """Returns the truth about each patient, a mode's own score first; values that are not known have no column."""
    scores = {f"{name}_score": score for name, score in reversed(simulation.origin.scores.items())}
    expected = {"risk_with_links": simulation.risk_with_links, "risk_without_links": simulation.risk_without_links}
    return {"risk": simulation.risk} | scores | {name: risk for name, risk in expected.items() if risk is not None}
