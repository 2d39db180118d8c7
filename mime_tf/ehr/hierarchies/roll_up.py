"""Codes replaced by their ancestors of one level, before orders are linked to diagnoses."""

import dataclasses
from collections.abc import Mapping

import ibis
import pyarrow as pa

from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.data.store import CODE_KINDS
from mime_tf.ehr import code_groups
from mime_tf.ehr.code_groups import CodeGroups
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.events import Events
from mime_tf.errors import InputError, show


@dataclasses.dataclass(frozen=True)
class RolledUp:
    """Events in which codes were replaced.

    Attributes:
        events: the events.
        concept_of: number of each concept's ancestor, by the concept's number; its own if it has none.
        counts: the content of linkage.json, by kind: `"level"`, `"codes"`, `"replaced"`, `"by ancestors"`, `"without an
            ancestor"`, and `"with several ancestors"`, of which the nearest, then the first by its code, is taken.
    """

    events: Events
    concept_of: dict[int, int]
    counts: dict[str, dict[str, int | str]]


def parse(text: str) -> dict[str, str]:
    """Returns the level of each kind.

    >>> parse("dx=icd10-category,rx=atc-4")
    {'dx': 'icd10-category', 'rx': 'atc-4'}
    """
    levels: dict[str, str] = {}
    for item in text.split(","):
        kind, equals, level = (part.strip() for part in item.partition("="))
        if kind not in CODE_KINDS or not equals or not level or kind in levels:
            raise InputError(f"roll_up: found {show(item)}; must be such as dx=icd10-category,rx=atc-4, a kind once")
        levels[kind] = level
    return levels


def apply(
    engine: Engine, events: Events, hierarchy: Hierarchy, levels: Mapping[str, str], missing: str = "stay"
) -> RolledUp:
    """Replaces codes by their ancestors; links stay.

    Args:
        engine: the events' engine.
        events: the numbered export.
        hierarchy: the ancestors of its codes.
        levels: what ancestors are taken, by kind.
        missing: `"stay"`, or `"drop"` for codes without such an ancestor.

    Raises:
        InputError: no code of a kind has an ancestor of its level.
    """
    concepts = engine.arrow(events.concepts.order_by("concept")).to_pylist()
    groups: CodeGroups = {}
    counts: dict[str, dict[str, int | str]] = {}
    dropped: list[int] = []
    systems: dict[str, str] = {}
    for kind, level in levels.items():
        codes = [row for row in concepts if row["kind"] == kind]
        several = 0
        for row in codes:
            relations = _at_level(hierarchy, row, level)
            several += len(relations) > 1
            if relations:
                groups[kind, row["system"], row["code"]] = relations[0].ancestor, relations[0].name
                systems[kind] = relations[0].ancestor_system
            else:
                dropped.append(row["concept"])
        replaced = [group for (of, _, _), (group, _) in groups.items() if of == kind]
        if codes and not replaced:
            raise InputError(f"roll_up: {kind}: found {show(level)}; must be one of: {_levels(hierarchy, kind)}")
        counts[kind] = {
            "level": level,
            "codes": len(codes),
            "replaced": len(replaced),
            "by ancestors": len(set(replaced)),
            "without an ancestor": len(codes) - len(replaced),
            "with several ancestors": several,
        }
    if missing == "drop" and dropped:
        events = _without(engine, events, dropped)
    return RolledUp(*code_groups.apply(engine, events, groups, systems), counts)


def _at_level(hierarchy: Hierarchy, row: dict, level: str) -> list[Relation]:
    """The ancestors of a code that are of a level, the nearest first."""
    relations = hierarchy.of_code.get((row["kind"], row["system"], row["code"]), [])
    return sorted((row for row in relations if row.level_name == level), key=lambda row: (row.level, row.ancestor))


def _levels(hierarchy, kind):
    return ", ".join(sorted({row.level_name for row in hierarchy.rows if row.kind == kind})) or "none here"


def _without(engine, events, dropped):
    """The events without some concepts; an order whose reason is dropped has no reason."""
    table = engine.keep(ibis.memtable(pa.table({"concept": pa.array(dropped, pa.int64())})), "dropped_concepts")
    return dataclasses.replace(
        events,
        diagnoses=events.diagnoses.anti_join(table, events.diagnoses.dx == table.concept),
        reasons=events.reasons.anti_join(table, events.reasons.dx == table.concept),
        orders=events.orders.anti_join(table, events.orders.code == table.concept),
    )
