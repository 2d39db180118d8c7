"""Counts of the items that a conversion leaves out, by reason; linkage.json and the printed table show them."""

from typing import TYPE_CHECKING

from mime_tf.ehr.engine import Engine

if TYPE_CHECKING:  # slow to import; processes that read FHIR do without it
    import ibis

# Prefix of the reasons that `--strict` turns into an error.
NOWHERE = "reference to nowhere: "


def count(engine: Engine, tables: dict[str, "ibis.Table"]) -> dict[str, int]:
    """Returns the number of rows of each table that has any.

    Args:
        engine: the tables' engine.
        tables: the items left out, by reason.
    """
    counts = {reason: engine.value(table.count()) for reason, table in tables.items()}
    return {reason: number for reason, number in counts.items() if number}
