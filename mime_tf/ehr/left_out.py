"""Counts of the items that a conversion leaves out, by reason; linkage.json and the printed table show them."""

from typing import TYPE_CHECKING

from mime_tf.ehr.engine import Engine

if TYPE_CHECKING:  # slow to import; processes that read FHIR do without it
    import ibis

# Parts of the reasons that `--strict` turns into an error.
NOWHERE = "reference to nowhere: "
OF_ANOTHER = "of another patient than"


def forbidden(left_out: dict[str, int]) -> list[str]:
    """Returns what `--strict` forbids among items left out, with their numbers, in words."""
    nowhere = [f"{times:,} with a {reason}" for reason, times in left_out.items() if reason.startswith(NOWHERE)]
    return nowhere + [f"{times:,} {reason}" for reason, times in left_out.items() if OF_ANOTHER in reason]


def count(engine: Engine, tables: dict[str, "ibis.Table"]) -> dict[str, int]:
    """Returns the number of rows of each table that has any.

    Args:
        engine: the tables' engine.
        tables: the items left out, by reason.
    """
    counts = engine.numbers({reason: table.count() for reason, table in tables.items()})
    return {reason: number for reason, number in counts.items() if number}
