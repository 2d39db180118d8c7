"""Coarser groups in place of codes, by a CSV of the user's."""

import csv
import dataclasses
import os
from collections.abc import Mapping

import ibis
import pyarrow as pa

from mime_tf.data.store import CODE_KINDS
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.events import Events
from mime_tf.errors import InputError, show
from mime_tf.terminal import reading

COLUMNS = ("code", "group")
SYSTEM = "group"  # the code system of groups

# From (kind, system or "", code) to (group, display).
CodeGroups = dict[tuple[str, str, str], tuple[str, str]]


def read(path: str | os.PathLike) -> CodeGroups:
    """Reads a file of code groups.

    Its columns are `code` and `group`, and optionally `kind` (dx, rx or pr; all codes are dx without it), `system`
    (any, where it is missing or empty) and `display`, the name of the group.

    Raises:
        InputError: the file is not such a CSV, or gives one code two groups.
    """
    try:
        lines = [(line, fields) for line, fields in reading.csv_rows(path) if fields]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not readable as CSV in UTF-8: {error}") from error
    header = lines[0][1] if lines else []
    for name in COLUMNS:
        if name not in header:
            raise InputError(f"{path}: no column {name}; found {', '.join(header)}; needed {', '.join(COLUMNS)}")
    groups: CodeGroups = {}
    for line, fields in lines[1:]:
        row = dict.fromkeys(header, "") | dict(zip(header, fields, strict=False))  # the last fields may be missing
        kind, code, group = row.get("kind", "dx"), row["code"], row["group"]
        if len(fields) > len(header) or kind not in CODE_KINDS or not code or not group:
            raise InputError(f"{path}: line {line}: found {show(fields)}; must be a code and its group")
        key = (kind, row.get("system", ""), code)
        if groups.setdefault(key, (group, row.get("display", "")))[0] != group:
            raise InputError(f"{path}: line {line}: {code} a second time, in another group; a code has one group")
    return groups


def apply(
    engine: Engine, events: Events, groups: CodeGroups, systems: Mapping[str, str] | None = None
) -> tuple[Events, dict[int, int]]:
    """Replaces codes by their groups.

    Args:
        engine: the events' engine.
        events: the numbered export.
        groups: the groups; codes that they do not name stay.
        systems: code system of the groups of each kind; None for `SYSTEM`.

    Returns:
        The events, and the number of each concept's group, by the concept's number; its own if it has no group.
    """
    concepts = engine.arrow(events.concepts.order_by("concept")).to_pylist()
    grouped = {}
    for concept in concepts:
        kind, system, code = concept["kind"], concept["system"], concept["code"]
        group = groups.get((kind, system, code)) or groups.get((kind, "", code))
        if group:
            grouped[concept["concept"]] = (kind, *group)
    displays = {(kind, code): display for kind, code, display in sorted(grouped.values())}
    # Groups follow the concepts, by kind and code as these are.
    numbers = {key: len(concepts) + number for number, key in enumerate(displays)}
    group_concepts = [
        dict(
            kind=kind, system=(systems or {}).get(kind, SYSTEM), code=code, display=display, concept=numbers[kind, code]
        )
        for (kind, code), display in displays.items()
    ]
    group_of = {concept["concept"]: concept["concept"] for concept in concepts}
    group_of |= {number: numbers[kind, code] for number, (kind, code, _) in grouped.items()}
    return _renumbered(
        engine, events, group_of, group_concepts, "grouped" if systems is None else "rolled_up"
    ), group_of


def _renumbered(engine, events, group_of, group_concepts, called):
    """The events with the numbers of groups in place of codes, and the groups among the concepts."""
    table = pa.table({"old": list(group_of), "new": list(group_of.values())})
    groups = engine.keep(ibis.memtable(table), f"codes_{called}")
    diagnoses = events.diagnoses.join(groups, events.diagnoses.dx == groups.old).select("v", "p", "time", dx="new")
    reasons = events.reasons.join(groups, events.reasons.dx == groups.old).select("o", dx="new").distinct()
    orders = events.orders.join(groups, events.orders.code == groups.old).drop("old", "code").rename(code="new")
    concepts = events.concepts
    if group_concepts:
        added = ibis.memtable(pa.Table.from_pylist(group_concepts)).select(*concepts.columns)
        concepts = ibis.union(concepts, added)
    return dataclasses.replace(
        events,
        diagnoses=engine.keep(diagnoses.group_by("v", "p", "dx").agg(time=diagnoses.time.min()), f"diagnoses_{called}"),
        reasons=engine.keep(reasons, f"reasons_{called}"),
        orders=engine.keep(orders, f"orders_{called}"),
        concepts=engine.keep(concepts, f"concepts_{called}"),
    )
