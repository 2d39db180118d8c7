"""The Dx-objects and orders that each row of a cohort may use, as arrays."""

import dataclasses

import ibis
import numpy as np
import pyarrow as pa

from mime_tf.data.store import distinct
from mime_tf.data.vocabulary import RESERVED_CONCEPT
from mime_tf.ehr.design.selection import Selection
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.events import Events
from mime_tf.ehr.linkage.link import Linked
from mime_tf.ehr.linkage.terms import RESERVED_DX


@dataclasses.dataclass(frozen=True)
class Features:
    """Dx-objects and their orders, as int64 arrays in no particular order.

    Attributes:
        dx: `row`, `v` (visit), `start` (of the visit), `dx` (concept) and `time`, each (Dx-objects,).
        orders: `row`, `v`, `dx`, `code` (concept) and `time`, each (orders in Dx-objects,).
    """

    dx: dict[str, np.ndarray]
    orders: dict[str, np.ndarray]

    def keep(self, dx: np.ndarray, orders: np.ndarray) -> "Features":
        """Returns the Dx-objects and orders that two boolean arrays choose."""
        kept = {name: values[dx] for name, values in self.dx.items()}
        return Features(kept, {name: values[orders] for name, values in self.orders.items()})

    def keep_rows(self, kept: np.ndarray) -> "Features":
        """Returns the Dx-objects and orders of some rows, which are numbered anew.

        Args:
            kept: bool, (rows,).
        """
        numbers = np.cumsum(kept) - 1
        chosen = self.keep(kept[self.dx["row"]], kept[self.orders["row"]])
        dx = chosen.dx | {"row": numbers[chosen.dx["row"]]}
        return Features(dx, chosen.orders | {"row": numbers[chosen.orders["row"]]})


def gather(engine: Engine, events: Events, linked: Linked, selection: Selection) -> Features:
    """Gathers the features of each row.

    A row uses the visits of its patient that start in [since, until), and their events recorded before `until`.
    """
    columns = {"row": np.arange(len(selection)), "p": selection.patient}
    columns |= {"since": selection.since, "until": selection.until}
    windows = engine.keep(ibis.memtable(pa.table(columns)), "windows")
    visits = events.visits.join(windows, "p")
    visits = visits.filter(visits.start >= visits.since, visits.start < visits.until)
    used = engine.keep(visits.select("row", "v", "start", "until"), "used")
    dxobjects = used.join(linked.dxobjects, "v")
    dxobjects = dxobjects.filter(dxobjects.time < dxobjects.until).select("row", "v", "start", "dx", "time")
    orders = used.join(linked.links, "v")
    orders = orders.filter(orders.time < orders.until).select("row", "v", "dx", "code", "time")
    return Features(_arrays(engine, dxobjects), _arrays(engine, orders))


def _arrays(engine, table):
    """The columns of a table as int64 arrays."""
    columns = engine.arrow(table)
    return {name: columns[name].to_numpy().astype(np.int64, copy=False) for name in columns.column_names}


def with_reserved_concept(features: Features, concepts: dict[str, list]) -> tuple[Features, dict[str, list]]:
    """Gives the reserved diagnosis a number as other diagnoses have, after all concepts.

    Args:
        features: features that may hold the number RESERVED_DX.
        concepts: the columns of `Events.concepts`.

    Returns:
        Both, with the reserved diagnosis as the last concept.
    """
    number = len(concepts["code"])
    tables = [
        table | {"dx": np.where(table["dx"] == RESERVED_DX, number, table["dx"])}
        for table in (features.dx, features.orders)
    ]
    added = RESERVED_CONCEPT | {"kind": "dx", "concept": number}
    return Features(*tables), {name: [*values, added[name]] for name, values in concepts.items()}


def visit_counts(features: Features, rows: int) -> np.ndarray:
    """Returns each row's number of visits with a Dx-object: int64, (rows,).

    Args:
        features: the features of all rows.
        rows: number of rows.
    """
    row, _ = distinct_pairs(features.dx["row"], features.dx["v"])
    return np.bincount(row, minlength=rows)


def distinct_pairs(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the distinct pairs of two arrays of numbers from 0, sorted: two int64 arrays."""
    size = int(second.max(initial=0)) + 1
    pairs = distinct(first * size + second)
    return pairs // size, pairs % size
