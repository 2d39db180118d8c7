"""Links of orders to rows of a table of diagnoses, as reasons."""

from mime_tf.ehr.events import NOWHERE
from mime_tf.errors import InputError, show


def check_unique(engine, table, name, where):
    """Raises InputError if a column has a value twice.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        table: Ibis table.
        name: of the column; nulls do not count.
        where: what to call the column in the message.
    """
    there = table.filter(table[name].notnull())
    ids = there.group_by(id=there[name]).agg(times=there.count())
    found = engine.arrow(ids.filter(ids.times > 1).order_by("id").limit(1)).to_pylist()
    if found:
        raise InputError(f"{where}: {show(found[0]['id'])} is there {found[0]['times']} times; must be there once")


def reasons(engine, links, diagnoses, name):
    """Follows links to what they point to.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        links: Ibis table with the columns order and diagnosis (the identifier of a row).
        diagnoses: Ibis table with the columns diagnosis, system and code; several rows of one identifier are several
            codes.
        name: what the links are called in what was left out.

    Returns:
        Ibis table of order, system and code, and a dict of what was left out, as `mime_tf.ehr.schema.Export` has it.
    """
    whole = links.filter(links.order.notnull(), links.diagnosis.notnull()).distinct()
    found = whole.join(diagnoses.select("diagnosis", "system", "code"), "diagnosis")
    counts = {
        f"{name} without an order or a diagnosis": links.filter(links.order.isnull() | links.diagnosis.isnull()),
        f"{NOWHERE}diagnosis of {name}": whole.anti_join(diagnoses, "diagnosis"),
        f"{name} to a diagnosis without a code": found.filter(found.code.isnull()),
    }
    left_out = {what: engine.value(table.count()) for what, table in counts.items()}
    coded = found.filter(found.code.notnull()).select("order", "system", "code")
    return coded, {what: times for what, times in left_out.items() if times}
