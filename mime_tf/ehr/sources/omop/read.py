"""Tables of the OMOP Common Data Model, 5.3 and 5.4.

Medications are DRUG_EXPOSURE, procedures PROCEDURE_OCCURRENCE. The diagnosis that led to an order is in
FACT_RELATIONSHIP, if the hospital that made the export put it there, or in a file of links of the user's.
"""

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.identifiers import check_unique
from mime_tf.ehr.schema import Export
from mime_tf.ehr.seconds import DAY
from mime_tf.ehr.sources import links as linking
from mime_tf.ehr.sources.files import times
from mime_tf.ehr.sources.files.folder import Folder
from mime_tf.ehr.sources.omop import ancestors, deaths, reasons
from mime_tf.ehr.sources.omop.tables import NEEDED, ORDERS, TABLES
from mime_tf.errors import InputError

UNMAPPED = "0"  # the concept of events for which OMOP's vocabularies have no concept
SEXES = {"8507": "M", "8532": "F"}
# OMOP's vocabularies under the names of `mime_tf.ehr.schema.SYSTEMS`; others keep OMOP's name.
VOCABULARIES = {
    "SNOMED": "SNOMED-CT",
    "ICD10CM": "ICD-10-CM",
    "ICD10": "ICD-10",
    "ICD9CM": "ICD-9-CM",
    "ICD10PCS": "ICD-10-PCS",
    "CPT4": "CPT",
}
SOURCE, OMOP = "source", "OMOP"  # the systems of source values, and of concepts that are not in the table of concepts

_DAY_END = DAY - 1


def read(
    engine: Engine,
    path: str | os.PathLike,
    on_error: str = "stop",
    progress: Callable[[str], None] | None = None,
    relationships: Sequence[int] | None = None,
    links: str | os.PathLike | None = None,
) -> Export:
    """Reads an export.

    Args:
        engine: computes the tables.
        path: the folder with the tables, such as `person.csv`, each `.csv`, `.csv.gz` or `.parquet`, or a folder of
            such files. `person`, `visit_occurrence`, `condition_occurrence` and one of `drug_exposure` and
            `procedure_occurrence` are needed; `death`, `observation_period`, `concept`, `concept_ancestor` and
            `fact_relationship` are optional.
        on_error: with `"skip"`, bad tables that are not needed are passed over.
        progress: receives a line of text now and then.
        relationships: relationship_concept_ids of FACT_RELATIONSHIP whose rows are reasons; None for all that join a
            drug or a procedure with a condition, in either direction.
        links: file with the columns kind (rx or pr), order_id (drug_exposure_id or procedure_occurrence_id) and
            condition_occurrence_id, which replaces FACT_RELATIONSHIP; or None.

    Raises:
        InputError: as `mime_tf.ehr.sources.files.folder.Folder.table`; two conditions have one id; a person has two
            deaths; one of `relationships` joins no order with a condition; a date of birth is impossible; or both
            `relationships` and `links` are given.
    """
    if relationships and links:
        raise InputError("relationship, links: found both; a file of links replaces fact_relationship")
    folder = Folder(engine, path, on_error, progress)
    not_asked_for: dict[str, int] = {}
    linked = reasons.of_file(engine, links, progress) if links else None
    tables: dict[str, Any] = {}
    for name, columns in TABLES.items():
        if not (links and name == "fact_relationship"):
            tables[name] = (folder.table if name in NEEDED else folder.optional_table)(name, columns)
    ordered = [name for name in ORDERS if tables[name] is not None]
    if not ordered:
        raise InputError(f"{folder.path}: no table drug_exposure or procedure_occurrence; one is needed")
    concepts = _concepts(engine, tables["concept"], folder)
    used = [tables[name].concept for name in ("condition_occurrence", *ordered)]
    parents = ancestors.parents(engine, tables["concept_ancestor"], concepts, used)
    coded = {name: _coded(tables[name], concepts) for name in ("condition_occurrence", *ordered)}
    conditions = engine.keep(coded.pop("condition_occurrence"), "omop_conditions")
    check_unique(engine, conditions, "id", "condition_occurrence_id", _where(folder, "condition_occurrence", "id"))
    further_deaths: dict[str, int] = {}
    if tables["death"] is not None:
        dated = tables["death"].select("patient", death=_time_or_date(tables["death"], "death"))
        tables["death"], further_deaths = deaths.one_each(engine, dated, folder)
    orders = engine.keep(ibis.union(*(_orders(coded[name], ORDERS[name][0]) for name in ordered)), "omop_orders")
    if linked is None:
        facts = tables["fact_relationship"]
        linked, not_asked_for = reasons.of_facts(engine, facts, relationships, folder.path, progress)
    visits = _visits(tables["visit_occurrence"])
    reason_codes, left_out = linking.follow(engine, linked, conditions.rename(diagnosis="id"), visits, "links")
    return Export(
        patients=_patients(engine, tables, folder),
        visits=visits,
        diagnoses=conditions.select("visit", "system", "code", "time", "patient"),
        orders=orders.select("order", "visit", "kind", "system", "code", "time", "patient"),
        reasons=reason_codes,
        names=ibis.union(_named(conditions.mutate(kind=ibis.literal("dx"))), _named(orders)).distinct(),
        left_out=folder.left_out | further_deaths | not_asked_for | left_out,
        skipped=folder.skipped,
        passed_over=folder.not_read(),
        where=_places(folder, ordered),
        parents=parents,
    )


def _where(folder, table, key):
    return functools.partial(folder.where, table, key)


def _places(folder, ordered):
    """Where identifiers are in the files; an order's begins with its kind."""
    tables = {ORDERS[name][0]: name for name in ordered}

    def order(identifier):
        kind, _, number = identifier.partition(" ")
        return folder.where(tables[kind], "id", number)

    return {
        "patient": _where(folder, "person", "patient"),
        "visit": _where(folder, "visit_occurrence", "visit"),
        "order": order,
    }


def _time_or_date(table, name):
    """A time, or its date where the time is missing."""
    return table[name].fill_null(table[f"{name}_date"])


def _end(table, name):
    """A time, or the end of its day where the time is missing."""
    return table[name].fill_null(table[f"{name}_date"] + _DAY_END)


def _patients(engine, tables, folder):
    person = tables["person"]
    parts = [person.year, person.month.fill_null("1"), person.day.fill_null("1")]
    day = ibis.literal("-").join([part.lpad(2, "0") for part in parts])
    person = person.mutate(day=day)
    birth = person.birth.fill_null(times.from_text(person.day))
    sex = person.sex.substitute(SEXES, else_=ibis.null("string"))
    person = engine.keep(person.select("patient", "day", birth=birth, sex=sex), "omop_persons")
    bad = engine.arrow(
        person.filter(person.birth.isnull(), person.day.notnull()).order_by("patient").limit(1)
    ).to_pylist()
    if bad:
        raise InputError(
            f"{folder.path}: person {bad[0]['patient']}: found {bad[0]['day']} as the date of birth; must be a date"
        )
    if tables["death"] is None:
        person = person.mutate(death=ibis.null("int64"))
    else:
        person = person.left_join(tables["death"], "patient").drop("patient_right")
    periods = tables["observation_period"]
    if periods is None:
        person = person.mutate(end=ibis.null("int64"))
    else:
        last = periods.group_by("patient").agg(end=periods.end.max() + _DAY_END)
        person = person.left_join(last, "patient").drop("patient_right")
    return person.select("patient", "birth", "sex", "death", "end")


def _visits(table):
    return table.select(
        "visit",
        "patient",
        start=_time_or_date(table, "start"),
        stop=_end(table, "stop"),
    )


def _concepts(engine, table, folder):
    """The system, code and name of each concept, or None without the table `concept`."""
    if table is None:
        return None
    check_unique(engine, table, "concept", "concept_id", _where(folder, "concept", "concept"))
    table = table.filter(table.vocabulary.notnull(), table.code.notnull())
    system = table.vocabulary.substitute(VOCABULARIES, else_=table.vocabulary)
    return table.select(
        number=table.concept, system=system, concept_code="code", display="display", concept_class="concept_class"
    )


def _coded(table, concepts):
    """Gives events their codes: the concept's code, the number of an unknown concept, or else the source value."""
    table = table.mutate(number=table.concept.nullif(UNMAPPED), time=_time_or_date(table, "time"))
    if concepts is None:
        missing = ibis.null("string")
        table = table.mutate(system=missing, concept_code=missing, display=missing)
    else:
        table = table.left_join(concepts.drop("concept_class"), "number").drop("number_right")
    mapped = table.number.notnull()
    return table.select(
        "id",
        "visit",
        "patient",
        "time",
        system=ibis.ifelse(mapped, table.system.fill_null(OMOP), SOURCE),
        code=ibis.ifelse(mapped, table.concept_code.fill_null(table.number), table.source),
        display=table.display,
    )


def _orders(table, kind):
    return table.mutate(kind=ibis.literal(kind), order=ibis.literal(f"{kind} ") + table.id)


def _named(table):
    return table.filter(table.display.notnull()).select("kind", "system", "code", "display")
