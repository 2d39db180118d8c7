"""Links of orders to rows of a table of diagnoses, followed to the codes of these rows: the reasons of orders."""

import ibis

from mime_tf.ehr import left_out
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.left_out import NOWHERE


def follow(engine: Engine, links: ibis.Table, diagnoses: ibis.Table, name: str) -> tuple[ibis.Table, dict[str, int]]:
    """Follows links to the diagnoses that they refer to.

    Args:
        engine: the tables' engine.
        links: with the columns order and diagnosis (identifier of a row).
        diagnoses: with the columns diagnosis, system and code; several rows of one identifier are several codes.
        name: name of the links in the counts of those left out.

    Returns:
        A table of order, system and code, and the number of links left out, by reason.
    """
    whole = links.filter(links.order.notnull(), links.diagnosis.notnull()).distinct()
    joined = whole.join(diagnoses.select("diagnosis", "system", "code"), "diagnosis")
    counts = left_out.count(
        engine,
        {
            f"{name} without an order or a diagnosis": links.filter(links.order.isnull() | links.diagnosis.isnull()),
            f"{NOWHERE}diagnosis of {name}": whole.anti_join(diagnoses, "diagnosis"),
            f"{name} to a diagnosis without a code": joined.filter(joined.code.isnull()),
        },
    )
    return joined.filter(joined.code.notnull()).select("order", "system", "code"), counts
