"""Codes in coarser groups, by a CSV that a user brings."""

import csv
import dataclasses

import ibis

from mime_tf.errors import InputError, show

COLUMNS = ("code", "group")
OPTIONAL = ("kind", "system", "display")
SYSTEM = "group"
KINDS = ("dx", "rx", "pr")


def read(path):
    """Reads a grouping.

    Its columns are `code` and `group`, and, where they are there, `kind` (dx, rx or pr; without it all are dx),
    `system` (where it is missing or empty, any) and `display`, the name of the group.

    Returns:
        Dict from (kind, system or "", code) to (group, display).

    Raises:
        InputError: it is not such a file, or gives a code two groups.
    """
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            lines = [(rows.line_num, row) for row in rows]
            header = rows.fieldnames or []
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as CSV in UTF-8: {error}") from error
    for name in COLUMNS:
        if name not in header:
            raise InputError(f"{path}: no column {name}; found {', '.join(header)}; needed {', '.join(COLUMNS)}")
    groups = {}
    for line, row in lines:
        kind, code, group = row.get("kind", "dx"), row["code"], row["group"]
        if None in row or kind not in KINDS or not code or not group:
            raise InputError(f"{path}: line {line}: found {show(list(row.values()))}; must be a code and its group")
        key = (kind, row.get("system") or "", code)
        if groups.setdefault(key, (group, row.get("display") or ""))[0] != group:
            raise InputError(f"{path}: line {line}: {code} a second time, in another group; a code has one group")
    return groups


def apply(engine, events, groups):
    """Puts groups in the place of their codes.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        events: `mime_tf.ehr.events.Events`.
        groups: as `read` returns it. Codes that it does not name stay as they are.

    Returns:
        The Events, and a dict from each concept's number to the number of its group, or its own.
    """
    concepts = engine.arrow(events.concepts.order_by("concept")).to_pylist()
    found = {}
    for concept in concepts:
        kind, system, code = concept["kind"], concept["system"], concept["code"]
        group = groups.get((kind, system, code)) or groups.get((kind, "", code))
        if group:
            found[concept["concept"]] = (kind, *group)
    named = {(kind, code): display for kind, code, display in sorted(found.values())}
    numbers = {key: len(concepts) + number for number, key in enumerate(named)}  # by kind and group, as codes are
    made = [
        dict(kind=kind, system=SYSTEM, code=code, display=display, concept=numbers[kind, code])
        for (kind, code), display in named.items()
    ]
    own = {concept["concept"]: concept["concept"] for concept in concepts}
    moved = own | {number: numbers[kind, code] for number, (kind, code, _) in found.items()}
    return _moved(engine, events, moved, made), moved


def _moved(engine, events, moved, made):
    """The events with other numbers for their codes."""
    import pyarrow as pa

    table = pa.table({"old": list(moved), "new": list(moved.values())})
    to = engine.keep(ibis.memtable(table), "groups")
    diagnoses = events.diagnoses.join(to, events.diagnoses.dx == to.old).select("v", "p", "time", dx="new")
    reasons = events.reasons.join(to, events.reasons.dx == to.old).select("o", dx="new").distinct()
    orders = events.orders.join(to, events.orders.code == to.old).drop("old", "code").rename(code="new")
    concepts = events.concepts
    if made:
        concepts = ibis.union(concepts, ibis.memtable(pa.Table.from_pylist(made)).select(*concepts.columns))
    return dataclasses.replace(
        events,
        diagnoses=engine.keep(diagnoses.group_by("v", "p", "dx").agg(time=diagnoses.time.min()), "diagnoses_grouped"),
        reasons=engine.keep(reasons, "reasons_grouped"),
        orders=engine.keep(orders, "orders_grouped"),
        concepts=engine.keep(concepts, "concepts_grouped"),
    )
