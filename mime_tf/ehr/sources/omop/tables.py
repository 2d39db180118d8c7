"""The tables of the OMOP Common Data Model that are read, and their columns."""

from mime_tf.ehr.sources.files.columns import Column, code, identifier


def _time(name, datetime, date):
    return {name: Column((datetime,), needed=False, time=True), f"{name}_date": Column((date,), time=True)}


def _event(event_id, domain, datetime, date):
    """The columns of a table of events."""
    ids = {"id": identifier((event_id,)), "visit": identifier(("visit_occurrence_id",))}
    ids["patient"] = identifier(("person_id",), needed=False)
    concept = {
        "concept": identifier((f"{domain}_concept_id",)),
        "source": code((f"{domain}_source_value",), needed=False),
    }
    return ids | concept | _time("time", datetime, date)


TABLES = {
    "person": {
        "patient": identifier(("person_id",)),
        "year": identifier(("year_of_birth",)),
        "month": identifier(("month_of_birth",), needed=False),
        "day": identifier(("day_of_birth",), needed=False),
        "birth": Column(("birth_datetime",), needed=False, time=True),
        "sex": identifier(("gender_concept_id",)),
    },
    "visit_occurrence": {"visit": identifier(("visit_occurrence_id",)), "patient": identifier(("person_id",))}
    | _time("start", "visit_start_datetime", "visit_start_date")
    | _time("stop", "visit_end_datetime", "visit_end_date"),
    "condition_occurrence": _event(
        "condition_occurrence_id", "condition", "condition_start_datetime", "condition_start_date"
    ),
    "drug_exposure": _event("drug_exposure_id", "drug", "drug_exposure_start_datetime", "drug_exposure_start_date"),
    "procedure_occurrence": _event("procedure_occurrence_id", "procedure", "procedure_datetime", "procedure_date"),
    "death": {"patient": identifier(("person_id",))} | _time("death", "death_datetime", "death_date"),
    "observation_period": {
        "patient": identifier(("person_id",)),
        "end": Column(("observation_period_end_date",), time=True),
    },
    "concept": {
        "concept": identifier(("concept_id",)),
        "vocabulary": Column(("vocabulary_id",)),
        "code": code(("concept_code",)),
        "display": Column(("concept_name",)),
        "concept_class": Column(("concept_class_id",), needed=False),
    },
    "concept_ancestor": {
        "descendant": identifier(("descendant_concept_id",)),
        "ancestor": identifier(("ancestor_concept_id",)),
        "steps": identifier(("min_levels_of_separation",), needed=False),
    },
    "fact_relationship": {
        "domain_1": identifier(("domain_concept_id_1",)),
        "fact_1": identifier(("fact_id_1",)),
        "domain_2": identifier(("domain_concept_id_2",)),
        "fact_2": identifier(("fact_id_2",)),
        "relationship": identifier(("relationship_concept_id",)),
    },
}
NEEDED = ("person", "visit_occurrence", "condition_occurrence")
DRUG, PROCEDURE, CONDITION = "13", "10", "19"  # the concepts of these domains, in FACT_RELATIONSHIP
ORDERS = {"drug_exposure": ("rx", DRUG), "procedure_occurrence": ("pr", PROCEDURE)}
