"""The ancestors of concepts: CONCEPT_ANCESTOR, as far as the concepts of the export lead to."""

from collections.abc import Sequence

import ibis

from mime_tf.ehr.engine import Engine


def parents(
    engine: Engine, table: ibis.Table | None, concepts: ibis.Table | None, used: Sequence[ibis.Column]
) -> ibis.Table | None:
    """Returns the ancestors of the concepts in use, and theirs, as `mime_tf.ehr.schema.PARENTS`.

    The table is known to miss steps, so ancestors of ancestors are looked for as well. The rows of the vocabularies are
    tens of millions, of which an export needs few.

    Args:
        engine: computes the tables.
        table: the columns of CONCEPT_ANCESTOR, or None if the export lacks it.
        concepts: the number, system, concept_code, display and concept_class of each concept, or None without a table
            of concepts, in which case numbers stand for codes.
        used: columns of concepts in use.
    """
    if table is None:
        return None
    table = table.filter(table.descendant != table.ancestor)
    fresh = ibis.union(*(column.name("concept").as_table() for column in used), distinct=True).filter(
        ibis._.concept.notnull()
    )
    fresh = engine.keep(fresh, "ancestry_0")
    seen, found = fresh, list[ibis.Table]()
    while True:
        number = len(found) + 1
        rows = engine.keep(table.semi_join(fresh, table.descendant == fresh.concept), f"ancestry_rows_{number}")
        found.append(rows)
        fresh = rows.select(concept="ancestor").distinct().anti_join(seen, "concept")
        fresh = engine.keep(fresh, f"ancestry_{number}")
        if not engine.value(fresh.count()):
            break
        seen = ibis.union(seen, fresh)
    return _named(ibis.union(*found) if len(found) > 1 else found[0], concepts)


def _named(rows, concepts):
    """Relations of concepts as relations of codes."""
    from mime_tf.ehr.sources.omop.read import OMOP

    steps = rows.steps.try_cast("int64")
    if concepts is None:
        missing = ibis.null("string")
        return rows.select(
            code_system=ibis.literal(OMOP),
            code="descendant",
            ancestor_system=ibis.literal(OMOP),
            ancestor="ancestor",
            name=missing,
            ancestor_class=missing,
            steps=steps,
        )
    rows = rows.mutate(steps=steps)
    child = concepts.select(descendant="number", code_system="system", child_code="concept_code")
    parent = concepts.select(
        ancestor="number",
        ancestor_system="system",
        parent_code="concept_code",
        name="display",
        ancestor_class="concept_class",
    )
    named = rows.left_join(child, "descendant").drop("descendant_right")
    named = named.left_join(parent, "ancestor").drop("ancestor_right")
    return named.select(
        code_system=named.code_system.fill_null(OMOP),
        code=named.child_code.fill_null(named.descendant),
        ancestor_system=named.ancestor_system.fill_null(OMOP),
        ancestor=named.parent_code.fill_null(named.ancestor),
        name="name",
        ancestor_class="ancestor_class",
        steps="steps",
    )
