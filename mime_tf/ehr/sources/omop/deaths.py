"""The death of each person: OMOP allows one row a person, and programs write others beside it."""

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.identifiers import repeated
from mime_tf.ehr.real_times import is_placeholder
from mime_tf.ehr.seconds import to_iso
from mime_tf.ehr.sources.files.folder import Folder
from mime_tf.errors import InputError, show


def one_each(engine: Engine, deaths: ibis.Table, folder: Folder) -> tuple[ibis.Table, dict[str, int]]:
    """Returns one row of each person, and the number of others, by reason.

    Rows of one time count once. A row without a time, or on a day that stands for none, gives way to any other.

    Args:
        engine: the table's engine.
        deaths: the columns patient and death.
        folder: the export, for messages.

    Raises:
        InputError: a person has two real times of death.
    """
    known = deaths.filter(deaths.patient.notnull())
    real = known.filter(~is_placeholder(known.death)).distinct()  # a null is no real time either
    _check(engine, known, real, folder)
    others = known.anti_join(real, "patient").group_by("patient").agg(death=ibis._.death.min())
    further = engine.value(known.count()) - engine.value(known.patient.nunique())
    reason = "further rows of death of one person, of the same time or of none that is real"
    return ibis.union(real, others), {reason: further} if further else {}


def _check(engine, known, real, folder):
    first = engine.arrow(repeated(real, "patient").order_by("id").limit(1)).to_pylist()
    if not first:
        return
    person = first[0]["id"]
    times = engine.arrow(real.filter(real.patient == person).order_by("death").limit(2))["death"].to_pylist()
    rows = engine.value((known.patient == person).sum())
    raise InputError(
        f"{folder.where('death', 'patient', person, most=rows)}: person_id {show(person)}: found the deaths "
        f"{' and '.join(map(to_iso, times))}; must be one"
    )
