"""What the rows of a cohort are shown: the Dx-objects and orders of their visits, as arrays."""

import dataclasses

import ibis
import numpy as np
import pyarrow as pa

from mime_tf.ehr.linkage.ways import RESERVED_DX


@dataclasses.dataclass(frozen=True)
class Features:
    """Dx-objects and their orders, int64 arrays in no order.

    Attributes:
        dx: dict of `row`, `v` (visit), `start` (of the visit), `dx` (concept) and `time`, each (Dx-objects,).
        orders: dict of `row`, `v`, `dx`, `code` (concept) and `time`, each (orders in Dx-objects,).
    """

    dx: dict
    orders: dict

    def keep(self, dx, orders):
        """Returns those that the boolean arrays `dx` and `orders` choose."""
        chosen = {name: values[dx] for name, values in self.dx.items()}
        return Features(chosen, {name: values[orders] for name, values in self.orders.items()})

    def of_rows(self, kept, number):
        """Returns those of some rows, with their rows numbered anew.

        Args:
            kept: bool, (rows,).
            number: int64, (rows,), the new numbers.
        """
        left = self.keep(kept[self.dx["row"]], kept[self.orders["row"]])
        return Features(left.dx | {"row": number[left.dx["row"]]}, left.orders | {"row": number[left.orders["row"]]})


def gather(engine, events, linked, rows):
    """Gathers what each row may be shown.

    Of its patient's visits that start in [since, until) that is whatever was recorded before `until`.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        events: `mime_tf.ehr.events.Events`.
        linked: `mime_tf.ehr.linkage.link.Linked`.
        rows: `mime_tf.ehr.design.timeline.Rows`.

    Returns:
        Features.
    """
    columns = {"row": np.arange(len(rows.patient)), "p": rows.patient, "since": rows.since, "until": rows.until}
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
    found = engine.arrow(table)
    return {name: found[name].to_numpy().astype(np.int64, copy=False) for name in found.column_names}


def reserved_as(features, number):
    """Returns the features with the reserved diagnosis under a concept's number."""
    tables = [
        table | {"dx": np.where(table["dx"] == RESERVED_DX, number, table["dx"])}
        for table in (features.dx, features.orders)
    ]
    return Features(*tables)


def visit_counts(features, rows):
    """Returns how many visits each row has that hold a Dx-object: int64, (rows,).

    Args:
        features: Features.
        rows: how many rows there are.
    """
    row, _ = distinct_pairs(features.dx["row"], features.dx["v"])
    return np.bincount(row, minlength=rows)


def distinct_pairs(first, second):
    """Returns the distinct pairs of two arrays of numbers from 0, sorted: two int64 arrays."""
    size = int(second.max(initial=0)) + 1
    pairs = np.unique(first * size + second)
    return pairs // size, pairs % size
