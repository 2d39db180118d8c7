"""Links of orders to rows of a table of diagnoses, followed to the codes of these rows: the reasons of orders."""

import ibis

from mime_tf.ehr import left_out
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.left_out import NOWHERE


def follow(
    engine: Engine, links: ibis.Table, diagnoses: ibis.Table, visits: ibis.Table, name: str
) -> tuple[ibis.Table, dict[str, int]]:
    """Follows links to the diagnoses that they refer to.

    Args:
        engine: the tables' engine.
        links: with the columns order and diagnosis (identifier of a row).
        diagnoses: with the columns diagnosis, visit, patient, system and code; several rows of one identifier are
            several codes.
        visits: with the columns visit and patient; they tell whose the diagnoses without a patient are.
        name: name of the links in the counts of those left out.

    Returns:
        A table of the reasons, and the number of links left out, by reason.
    """
    whole = links.filter(links.order.notnull(), links.diagnosis.notnull()).distinct()
    joined = whole.join(diagnoses.select("diagnosis", "visit", "patient", "system", "code"), "diagnosis")
    counts = left_out.count(
        engine,
        {
            f"{name} without an order or a diagnosis": links.filter(links.order.isnull() | links.diagnosis.isnull()),
            f"{NOWHERE}diagnosis of {name}": whole.anti_join(diagnoses, "diagnosis"),
            f"{name} to a diagnosis without a code": joined.filter(joined.code.isnull()),
        },
    )
    coded = joined.filter(joined.code.notnull())
    owners = visits.select("visit", owner="patient").distinct()
    owned = coded.left_join(owners, "visit")
    return owned.select("order", "system", "code", patient=ibis.coalesce(owned.patient, owned.owner)), counts
