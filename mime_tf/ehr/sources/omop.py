"""Tables of the OMOP Common Data Model, 5.3 and 5.4.

Medications are DRUG_EXPOSURE, procedures PROCEDURE_OCCURRENCE. The diagnosis because of which one was ordered is in
FACT_RELATIONSHIP, where the hospital that made the export put it there, or in a file of links of the user's.
"""

import os

import ibis

from mime_tf.ehr.linkage import reasons as links_to_rows
from mime_tf.ehr.schema import Export
from mime_tf.ehr.sources import times
from mime_tf.ehr.sources.folder import Column, Folder, split_ending
from mime_tf.errors import InputError, show

UNMAPPED = "0"  # the concept of what the vocabularies of OMOP have no concept for
DRUG, PROCEDURE, CONDITION = "13", "10", "19"  # the concepts of these domains, in FACT_RELATIONSHIP
SEXES = {"8507": "M", "8532": "F"}
# The names that `mime_tf.ehr.schema.SYSTEMS` has for what OMOP calls its vocabularies; others are called as there.
VOCABULARIES = {
    "SNOMED": "SNOMED-CT",
    "ICD10CM": "ICD-10-CM",
    "ICD10": "ICD-10",
    "ICD9CM": "ICD-9-CM",
    "ICD10PCS": "ICD-10-PCS",
    "CPT4": "CPT",
}
SOURCE, OMOP = "source", "OMOP"  # the systems of source values, and of concepts that are not in the table of concepts

_DAY_END = 24 * 60 * 60 - 1


def _time(name, datetime, date):
    return {name: Column((datetime,), needed=False, time=True), f"{name}_date": Column((date,), time=True)}


def _event(identifier, domain, datetime, date):
    """The columns of a table of events."""
    ids = {"id": Column((identifier,)), "visit": Column(("visit_occurrence_id",))}
    concept = {
        "concept": Column((f"{domain}_concept_id",)),
        "source": Column((f"{domain}_source_value",), needed=False),
    }
    return ids | concept | _time("time", datetime, date)


TABLES = {
    "person": {
        "patient": Column(("person_id",)),
        "year": Column(("year_of_birth",)),
        "month": Column(("month_of_birth",), needed=False),
        "day": Column(("day_of_birth",), needed=False),
        "birth": Column(("birth_datetime",), needed=False, time=True),
        "sex": Column(("gender_concept_id",)),
    },
    "visit_occurrence": {"visit": Column(("visit_occurrence_id",)), "patient": Column(("person_id",))}
    | _time("start", "visit_start_datetime", "visit_start_date")
    | _time("stop", "visit_end_datetime", "visit_end_date"),
    "condition_occurrence": _event(
        "condition_occurrence_id", "condition", "condition_start_datetime", "condition_start_date"
    ),
    "drug_exposure": _event("drug_exposure_id", "drug", "drug_exposure_start_datetime", "drug_exposure_start_date"),
    "procedure_occurrence": _event("procedure_occurrence_id", "procedure", "procedure_datetime", "procedure_date"),
    "death": {"patient": Column(("person_id",))} | _time("death", "death_datetime", "death_date"),
    "observation_period": {
        "patient": Column(("person_id",)),
        "end": Column(("observation_period_end_date",), time=True),
    },
    "concept": {
        "concept": Column(("concept_id",)),
        "vocabulary": Column(("vocabulary_id",)),
        "code": Column(("concept_code",)),
        "display": Column(("concept_name",)),
    },
    "fact_relationship": {
        "domain_1": Column(("domain_concept_id_1",)),
        "fact_1": Column(("fact_id_1",)),
        "domain_2": Column(("domain_concept_id_2",)),
        "fact_2": Column(("fact_id_2",)),
        "relationship": Column(("relationship_concept_id",)),
    },
}
LINKS = {"kind": Column(("kind",)), "id": Column(("order_id",)), "diagnosis": Column(("condition_occurrence_id",))}
NEEDED = ("person", "visit_occurrence", "condition_occurrence")
ORDERS = {"drug_exposure": ("rx", DRUG), "procedure_occurrence": ("pr", PROCEDURE)}


def read(engine, path, on_error="stop", progress=None, relationships=None, links=None):
    """Reads an export.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        path: the folder with the tables, such as `person.csv`, each `.csv`, `.csv.gz` or `.parquet`, or a folder of
            such files. `person`, `visit_occurrence`, `condition_occurrence` and one of `drug_exposure` and
            `procedure_occurrence` must be there; `death`, `observation_period`, `concept` and `fact_relationship` are
            read where they are.
        on_error: with `"skip"`, what can't be read and is not needed is gone on without.
        progress: function that is given a text now and then, or None.
        relationships: relationship_concept_ids of FACT_RELATIONSHIP whose rows are reasons; None for all that join a
            drug or a procedure with a condition, in either direction.
        links: file with the columns kind (rx or pr), order_id (drug_exposure_id or procedure_occurrence_id) and
            condition_occurrence_id, which is read in place of FACT_RELATIONSHIP; or None.

    Returns:
        `mime_tf.ehr.schema.Export`.

    Raises:
        InputError: as `mime_tf.ehr.sources.folder.Folder.table`; two conditions have one id; nobody is linked by one of
            `relationships`; a date of birth is none; or both `relationships` and `links` are given.
    """
    if relationships and links:
        raise InputError("relationships: found them beside links; one is needed, as links stand for fact_relationship")
    folder = Folder(engine, path, on_error, progress)
    linked = _user_links(engine, links, progress) if links else None
    names = [name for name in TABLES if not (links and name == "fact_relationship")]
    tables = {name: folder.table(name, TABLES[name], needed=name in NEEDED) for name in names}
    ordered = [name for name in ORDERS if tables[name] is not None]
    if not ordered:
        raise InputError(f"{folder.path}: no table drug_exposure or procedure_occurrence; one is needed")
    concepts = _concepts(engine, tables["concept"], folder)
    coded = {name: _coded(tables[name], concepts) for name in ("condition_occurrence", *ordered)}
    conditions = engine.keep(coded.pop("condition_occurrence"), "omop_conditions")
    links_to_rows.check_unique(
        engine, conditions, "id", f"{folder.path}: condition_occurrence: condition_occurrence_id"
    )
    orders = engine.keep(ibis.union(*(_orders(coded[name], ORDERS[name][0]) for name in ordered)), "omop_orders")
    left_out = {}
    if linked is None:
        linked, left_out = _facts(engine, tables["fact_relationship"], relationships, folder, progress)
    reasons, lost = links_to_rows.reasons(engine, linked, conditions.rename(diagnosis="id"), "links")
    return Export(
        patients=_patients(engine, tables, folder),
        visits=_visits(tables["visit_occurrence"]),
        diagnoses=conditions.select("visit", "system", "code", "time"),
        orders=orders.select("order", "visit", "kind", "system", "code", "time"),
        reasons=reasons,
        names=ibis.union(_named(conditions.mutate(kind=ibis.literal("dx"))), _named(orders)).distinct(),
        left_out=left_out | lost,
        skipped=folder.skipped,
    )


def _whole(column):
    """An identifier without the .0 that programs add where a column of whole numbers has gaps."""
    return column.re_replace(r"\.0+$", "")


def _known(table, name):
    """A time, or its date where the time is missing."""
    return table[name].fill_null(table[f"{name}_date"])


def _end(table, name):
    """A time, or the end of its day where the time is missing."""
    return table[name].fill_null(table[f"{name}_date"] + _DAY_END)


def _patients(engine, tables, folder):
    person = tables["person"]
    parts = [person.year, person.month.fill_null("1"), person.day.fill_null("1")]
    day = ibis.literal("-").join([_whole(part).lpad(2, "0") for part in parts])
    person = person.select(
        patient=_whole(person.patient),
        birth=person.birth.fill_null(times.from_text(day)),
        sex=_whole(person.sex).substitute(SEXES, else_=ibis.null("string")),
        day=day,
    )
    bad = engine.arrow(person.filter(person.birth.isnull(), day.notnull()).order_by("patient").limit(1)).to_pylist()
    if bad:
        raise InputError(
            f"{folder.path}: person {bad[0]['patient']}: found {bad[0]['day']} as the date of birth; must be a date"
        )
    for name, column, total in (("death", "death", "min"), ("observation_period", "end", "max")):
        person = _joined(person, tables[name], column, total)
    return person.select("patient", "birth", "sex", "death", "end")


def _joined(person, table, column, total):
    """Adds the first death, or the last end, of each person."""
    if table is None:
        return person.mutate(**{column: ibis.null("int64")})
    time = _known(table, column) if column == "death" else table[column] + _DAY_END
    table = table.select(patient=_whole(table.patient), **{column: time})
    totals = table.group_by("patient").agg(**{column: getattr(table[column], total)()})
    return person.left_join(totals, "patient").drop("patient_right")


def _visits(table):
    return table.select(
        visit=_whole(table.visit),
        patient=_whole(table.patient),
        start=_known(table, "start"),
        stop=_end(table, "stop"),
    )


def _concepts(engine, table, folder):
    """The system, code and name of each concept, or None without a table of them."""
    if table is None:
        return None
    links_to_rows.check_unique(engine, table, "concept", f"{folder.path}: concept: concept_id")
    table = table.filter(table.vocabulary.notnull(), table.code.notnull())
    system = table.vocabulary.substitute(VOCABULARIES, else_=table.vocabulary)
    return table.select(number=_whole(table.concept), system=system, known="code", display="display")


def _coded(table, concepts):
    """Gives events their codes: of the concept, its number where it is not known, or the source value without one."""
    table = table.mutate(
        id=_whole(table.id),
        visit=_whole(table.visit),
        number=_whole(table.concept).nullif(UNMAPPED),
        time=_known(table, "time"),
    )
    if concepts is None:
        missing = ibis.null("string")
        table = table.mutate(system=missing, known=missing, display=missing)
    else:
        table = table.left_join(concepts, "number").drop("number_right")
    mapped = table.number.notnull()
    return table.select(
        "id",
        "visit",
        "time",
        system=ibis.ifelse(mapped, table.system.fill_null(OMOP), SOURCE),
        code=ibis.ifelse(mapped, table.known.fill_null(table.number), table.source),
        display=table.display,
    )


def _orders(table, kind):
    return table.mutate(kind=ibis.literal(kind), order=ibis.literal(f"{kind} ") + table.id)


def _named(table):
    return table.filter(table.display.notnull()).select("kind", "system", "code", "display")


def _user_links(engine, path, progress):
    """The links of the user's file: order, diagnosis."""
    place, name = os.path.split(os.path.abspath(path))
    stem, ending = split_ending(name)
    if not ending or not os.path.isfile(path):
        raise InputError(f"links: found {path}; must be a file .csv, .csv.gz or .parquet")
    table = Folder(engine, place, progress=progress).table(stem, LINKS, called="links_file")
    kinds = [kind for kind, _ in ORDERS.values()]
    odd = engine.arrow(table.filter(table.kind.isnull() | ~table.kind.isin(kinds)).select("kind").limit(1)).to_pylist()
    if odd:
        found = "nothing" if odd[0]["kind"] is None else show(odd[0]["kind"])
        raise InputError(f"{path}: kind: found {found}; must be rx or pr")
    return _links(table)


def _links(table):
    """Links as order and diagnosis."""
    return table.select(order=table.kind + " " + _whole(table.id), diagnosis=_whole(table.diagnosis))


def _facts(engine, table, relationships, folder, progress):
    """The links of FACT_RELATIONSHIP, and what was left out of them."""
    if table is None:
        schema = {"order": "string", "diagnosis": "string"}
        return ibis.memtable([], schema=schema), {}
    table = table.mutate(**{name: _whole(table[name]) for name in table.columns})
    forward = {"domain": "domain_1", "id": "fact_1", "other": "domain_2", "diagnosis": "fact_2"}
    backward = {"domain": "domain_2", "id": "fact_2", "other": "domain_1", "diagnosis": "fact_1"}
    both = ibis.union(*(table.select("relationship", **columns) for columns in (forward, backward)))
    kinds = {domain: kind for kind, domain in ORDERS.values()}
    both = both.filter(both.other == CONDITION, both.domain.isin(list(kinds)))
    both = engine.keep(both.mutate(kind=both.domain.substitute(kinds)), "omop_facts")
    counts = engine.arrow(both.group_by("relationship").agg(times=both.count())).to_pylist()
    there = {row["relationship"]: row["times"] for row in sorted(counts, key=lambda row: -row["times"])}
    told = ", ".join(f"{name} ({times} rows)" for name, times in there.items()) or "none"
    if progress:
        progress(f"relationships of orders with conditions in fact_relationship: {told}")
    wanted = [str(name) for name in relationships or there]
    unknown = next((name for name in wanted if name not in there), None)
    if unknown is not None:
        raise InputError(
            f"{folder.path}: fact_relationship: no order is joined with a condition by relationship {unknown}; "
            f"found {told}"
        )
    left_out = {
        f"rows of fact_relationship of relationship {name}, not asked for": times
        for name, times in there.items()
        if name not in wanted
    }
    return _links(both.filter(both.relationship.isin(wanted))), left_out
