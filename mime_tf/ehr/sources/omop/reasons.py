"""Which order belongs to which diagnosis in OMOP: rows of FACT_RELATIONSHIP, or a file of the user's."""

import os
from collections.abc import Callable, Sequence

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.schema import ORDER_KINDS
from mime_tf.ehr.sources.files import columns as reading
from mime_tf.ehr.sources.files.columns import Column, identifier
from mime_tf.ehr.sources.files.folder import ENDINGS
from mime_tf.ehr.sources.omop.tables import CONDITION, ORDERS
from mime_tf.errors import InputError, show

LINKS = {
    "kind": Column(("kind",)),
    "id": identifier(("order_id",)),
    "diagnosis": identifier(("condition_occurrence_id",)),
}


def of_file(engine: Engine, path: str | os.PathLike, progress: Callable[[str], None] | None) -> ibis.Table:
    """Returns the links in a file of the user's, as order and diagnosis.

    Args:
        engine: computes the table.
        path: CSV or Parquet with the columns kind, order_id and condition_occurrence_id.
        progress: receives a line of text now and then.

    Raises:
        InputError: the file is not such a table, or a kind is wrong.
    """
    path = os.fspath(path)
    if not path.lower().endswith(ENDINGS) or not os.path.isfile(path):
        raise InputError(f"links: found {path}; must be a file {', '.join(ENDINGS)}")
    if progress:
        progress(f"reading {path}")
    table = reading.read(engine, "links_file", [path], LINKS).table
    wrong = table.filter(table.kind.isnull() | ~table.kind.isin(ORDER_KINDS)).select("kind")
    rows = engine.arrow(wrong.limit(1)).to_pylist()
    if rows:
        kind = "nothing" if rows[0]["kind"] is None else show(rows[0]["kind"])
        raise InputError(f"{path}: kind: found {kind}; must be rx or pr")
    return _links(table)


def of_facts(
    engine: Engine,
    table: ibis.Table | None,
    relationships: Sequence[int] | None,
    path: str,
    progress: Callable[[str], None] | None,
) -> tuple[ibis.Table, dict[str, int]]:
    """Returns the links in FACT_RELATIONSHIP, as order and diagnosis, and the number of rows not asked for.

    Args:
        engine: computes the table.
        table: the columns of FACT_RELATIONSHIP, or None if the export lacks it.
        relationships: relationship concepts that are reasons, or None for all that join an order with a condition.
        path: folder of the export, for messages.
        progress: receives a line of text now and then.

    Raises:
        InputError: one of `relationships` joins no order with a condition.
    """
    if table is None:
        return ibis.memtable([], schema={"order": "string", "diagnosis": "string"}), {}
    facts = engine.keep(_orders_with_conditions(table), "omop_facts")
    counts = engine.arrow(facts.group_by("relationship").agg(times=facts.count())).to_pylist()
    counts.sort(key=lambda row: (-row["times"], str(row["relationship"])))
    times = {row["relationship"]: row["times"] for row in counts}
    listed = ", ".join(f"{name} ({number} rows)" for name, number in times.items()) or "none"
    if progress:
        progress(f"relationships of orders with conditions in fact_relationship: {listed}")
    wanted = [str(name) for name in relationships or times]
    unknown = next((name for name in wanted if name not in times), None)
    if unknown is not None:
        raise InputError(
            f"{path}: fact_relationship: no order is joined with a condition by relationship {unknown}; found {listed}"
        )
    not_asked_for = {
        f"rows of fact_relationship of relationship {name}, not asked for": number
        for name, number in times.items()
        if name not in wanted
    }
    return _links(facts.filter(facts.relationship.isin(wanted))), not_asked_for


def _orders_with_conditions(table):
    """The rows that join an order with a condition, in either direction: relationship, kind, id and diagnosis."""
    forward = {"domain": "domain_1", "id": "fact_1", "other": "domain_2", "diagnosis": "fact_2"}
    backward = {"domain": "domain_2", "id": "fact_2", "other": "domain_1", "diagnosis": "fact_1"}
    both = ibis.union(*(table.select("relationship", **columns) for columns in (forward, backward)))
    kinds = {domain: kind for kind, domain in ORDERS.values()}
    both = both.filter(both.other == CONDITION, both.domain.isin(list(kinds)))
    return both.mutate(kind=both.domain.substitute(kinds))


def _links(table):
    """Links as order and diagnosis, both identifiers."""
    return table.select("diagnosis", order=table.kind + " " + table.id)
