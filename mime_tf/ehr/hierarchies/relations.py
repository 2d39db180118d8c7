"""Tables of parents, of the user's or of an export, as numbered relations of codes."""

import dataclasses
import os
from collections.abc import Callable, Sequence

import ibis
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mime_tf.data.store import ranges
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.hierarchies.closure import Edges
from mime_tf.ehr.schema import PARENTS, system_name
from mime_tf.ehr.sources.files import columns as reading
from mime_tf.ehr.sources.files.columns import Column, code
from mime_tf.ehr.sources.files.folder import ENDINGS
from mime_tf.errors import InputError, show

COLUMNS = {
    "code_system": Column(("code_system",)),
    "code": code(("code",)),
    "ancestor_system": Column(("ancestor_system",)),
    "ancestor": code(("ancestor",)),
    "name": Column(("name",), needed=False),
}
_SCHEMA = pa.schema([(name, pa.string() if kind == "string" else pa.int64()) for name, kind in PARENTS.items()])
_BETWEEN = "\x1f"  # the separator of units, which no code has, between a system and a code


@dataclasses.dataclass(frozen=True)
class Table:
    """A table of parents.

    Attributes:
        source: its name in messages.
        rows: the columns of `mime_tf.ehr.schema.PARENTS`.
        left_out: number of rows that say nothing, by reason.
    """

    source: str
    rows: pa.Table
    left_out: dict[str, int]

    @classmethod
    def read(cls, engine: Engine, path: str, number: int = 0) -> "Table":
        """Reads a table of the user's, CSV or Parquet.

        Args:
            engine: reads the file.
            path: the file, with the columns code_system, code, ancestor_system, ancestor, and perhaps name.
            number: position among the tables, for the scratch folder.

        Raises:
            InputError: the file is not such a table.
        """
        if not path.lower().endswith(ENDINGS) or not os.path.isfile(path):
            raise InputError(f"hierarchy: found {show(path)}; must be a file {', '.join(ENDINGS)}")
        return cls.of(engine, path, reading.read(engine, f"hierarchy_{number}", [path], COLUMNS).table)

    @classmethod
    def of(cls, engine: Engine, source: str, table: ibis.Table) -> "Table":
        """Returns a table that an engine computes, with the columns of `PARENTS`, of which some may be missing."""
        rows = engine.arrow(table)
        for name in PARENTS.keys() - set(rows.column_names):
            rows = rows.append_column(name, pa.nulls(len(rows), _SCHEMA.field(name).type))
        return cls.checked(source, rows.select(list(PARENTS)).cast(_SCHEMA))

    @classmethod
    def checked(cls, source: str, rows: pa.Table) -> "Table":
        """Returns a table without the rows that say nothing, which are counted; `rows` has the columns of `PARENTS`."""
        key = ("code_system", "code", "ancestor_system", "ancestor")
        whole = rows.filter(_all([pc.is_valid(rows[name]) for name in key]))
        for name in ("code_system", "ancestor_system"):
            whole = whole.set_column(whole.column_names.index(name), name, _named_systems(whole[name]))
        same = _all([pc.equal(whole[f"ancestor{end}"], whole[f"code{end}"]) for end in ("_system", "")])
        left_out = {
            f"rows of {source} without a code or an ancestor": len(rows) - len(whole),
            f"rows of {source} that make a code its own parent": int(pc.sum(same).as_py() or 0),
        }
        return cls(source, whole.filter(pc.invert(same)), {why: times for why, times in left_out.items() if times})

    @property
    def systems(self) -> list[str]:
        """The code systems whose codes have a parent here."""
        return sorted(pc.unique(self.rows["code_system"]).to_pylist())


def _all(conditions):
    result = conditions[0]
    for condition in conditions[1:]:
        result = pc.and_(result, condition)
    return result


def _named_systems(column):
    """Code systems under the names of `mime_tf.ehr.schema.SYSTEMS`."""
    encoded = _array(column).dictionary_encode()
    named = pa.array([system_name(system) for system in encoded.dictionary.to_pylist()], pa.string())
    return named.take(encoded.indices)


class Relations:
    """Relations of several tables together, as edges between numbered nodes; a node is a code of a system.

    Args:
        tables: the tables.

    Attributes:
        edges: the relations, sorted by child.
        size: number of nodes.
    """

    def __init__(self, tables: Sequence[Table]):
        self.tables = list(tables)
        rows = pa.concat_tables([table.rows for table in tables]) if tables else _SCHEMA.empty_table()
        sides = [_texts(rows, *names) for names in (("code_system", "code"), ("ancestor_system", "ancestor"))]
        encoded = pa.concat_arrays(sides).dictionary_encode()
        number = encoded.indices.to_numpy().astype(np.int64)
        child, parent = number[: len(rows)], number[len(rows) :]
        order = np.argsort(child, kind="stable")
        steps = pc.fill_null(rows["steps"], 1).to_numpy().astype(np.int64)
        self._texts, self.size = encoded.dictionary, len(encoded.dictionary)
        self.edges = Edges(child[order], parent[order], np.maximum(steps[order], 1))
        self._rows, self._order = rows.select(["name", "ancestor_class"]), order

    def numbers(self, keys: Sequence[tuple[str, str]]) -> np.ndarray:
        """Returns the nodes of pairs of system and code, -1 where no table has one."""
        texts = pa.array([_BETWEEN.join(key) for key in keys], pa.string())
        return pc.fill_null(pc.index_in(texts, value_set=self._texts), -1).to_numpy().astype(np.int64)

    def keys(self, nodes: np.ndarray) -> list[tuple[str, str]]:
        """Returns the system and code of nodes."""
        texts = self._texts.take(pa.array(nodes, pa.int64())).to_pylist()
        return [(system, code) for system, _, code in (text.partition(_BETWEEN) for text in texts)]

    def out_of(self, nodes: np.ndarray) -> np.ndarray:
        """Returns the positions in `edges` of the relations whose child is one of some nodes."""
        first, last = (np.searchsorted(self.edges.child, nodes, side=side) for side in ("left", "right"))
        return ranges(first, last - first)

    def texts(self, edges: np.ndarray) -> tuple[list[str], list[str]]:
        """Returns the names of the ancestors of some edges, and their classes, "" where a table has none."""
        rows = self._rows.take(pa.array(self._order[edges], pa.int64()))
        names, classes = (pc.fill_null(rows[name], "").to_pylist() for name in ("name", "ancestor_class"))
        return names, classes


def _texts(rows, system, code):
    return _array(pc.binary_join_element_wise(rows[system], rows[code], _BETWEEN))


def _array(column):
    """A column as one array of text."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    return pa.concat_arrays([chunk.cast(pa.string()) for chunk in chunks]) if chunks else pa.array([], pa.string())


def gather(
    engine: Engine, paths: Sequence[str], parents: ibis.Table | None, progress: Callable[[str], None]
) -> list[Table]:
    """Reads the tables of the user's and the export's own.

    Args:
        engine: reads the files.
        paths: the user's files.
        parents: the export's own table, with the columns of `PARENTS`, or None.
        progress: receives a line of text now and then.
    """
    tables = []
    for number, path in enumerate(paths):
        progress(f"reading {path}")
        tables.append(Table.read(engine, path, number))
    if parents is not None:
        progress("reading the export's own table of ancestors")
        tables.append(Table.of(engine, "the export's own table of ancestors", parents))
    return tables
