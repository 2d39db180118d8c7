"""The whole way from an export to a cohort, step by step."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.store import Store
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.ehr import code_groups, events
from mime_tf.ehr.design import case_control, cohort_design, timeline
from mime_tf.ehr.design.outcome import DEATH, first_times
from mime_tf.ehr.design.selection import Selection
from mime_tf.ehr.design.timeline import Patients, Timeline
from mime_tf.ehr.encode import audit, features, nesting, pruning, visit_days
from mime_tf.ehr.encode.pruning import Dropped
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.events import Events
from mime_tf.ehr.hierarchies import ancestry
from mime_tf.ehr.left_out import forbidden
from mime_tf.ehr.linkage import link, report
from mime_tf.ehr.linkage.link import Linked
from mime_tf.ehr.request import Request
from mime_tf.ehr.schema import Export
from mime_tf.ehr.seconds import MISSING, to_iso
from mime_tf.errors import InputError

# With fewer rows of the rarer label than this, a note warns the user.
FEW = 50
NAMED = 5  # files that a note names


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A cohort, and how it came about.

    Attributes:
        store: the patients of the rows.
        labels: int64 of 0 and 1, (rows,), or None.
        patients: the columns of patients.csv; None in them is unknown.
        visit_days: int64, (visits,): whole days from each visit to the prediction time.
        vocabulary: the codes.
        hierarchy: the ancestors of the codes; without rows if no code has one.
        linkage: the content of linkage.json.
        flow: numbers of patients and rows that each step kept and lost.
        audit: the leakage audit.
        notes: remarks for the user.
        outcome: system, code and display of each diagnosis that is the outcome; empty for death, or without an outcome.
        last_event: day of the export's last event, such as `"2020-05-03"`.
    """

    store: Store
    labels: np.ndarray | None
    patients: dict[str, list]
    visit_days: np.ndarray
    vocabulary: Vocabulary
    hierarchy: Hierarchy
    linkage: dict[str, Any]
    flow: dict[str, dict[str, int]]
    audit: dict[str, Any]
    notes: list[str]
    outcome: list[dict[str, str]]
    last_event: str


def convert(
    engine: Engine, export: Export, source: str, request: Request, progress: Callable[[str], None] | None = None
) -> Conversion:
    """Makes a cohort of an export.

    Args:
        engine: the export's engine.
        export: the common tables of a source.
        source: how messages name the export.
        request: the options.
        progress: receives a line of text now and then.

    Raises:
        InputError: an identifier occurs twice, `strict` forbids a reference to nowhere or an event of another patient,
            the outcome is unknown, or nobody is left.
    """
    progress = progress or (lambda text: None)
    progress("numbering patients, visits and codes")
    numbered = events.number(engine, export, source, request.now, request.skip)
    _check_strict(numbered, source, request.strict)
    patients, outcome_concepts = _patients(engine, numbered, request)
    outcome = _names(_concepts(engine, numbered), outcome_concepts)
    if request.groups:
        numbered, group_of = code_groups.apply(engine, numbered, request.groups)
        if outcome_concepts is not None:
            outcome_concepts = _replaced(outcome_concepts, group_of)
    above = ancestry.Ancestry.gather(engine, request, export.parents, progress)
    rolled_up = above.roll_up(engine, numbered)
    if rolled_up:
        numbered = rolled_up.events
        if outcome_concepts is not None:
            outcome_concepts = _replaced(outcome_concepts, rolled_up.concept_of)
    progress("linking orders to diagnoses")
    linked = link.link(engine, numbered, request.unlinked, request.infer_share)
    linkage = report.report(engine, numbered, linked)
    linkage["skipped_files"] = [{"file": file, "why": why} for file, why in export.skipped]
    linkage["passed_over"] = [{"file": file, "what": what} for file, what in export.passed_over]
    progress("choosing patients and prediction times")
    selection = _select(_timeline(engine, numbered, linked), patients, request)
    progress("gathering the diagnoses and orders of each row")
    gathered = features.gather(engine, numbered, linked, selection)
    concepts = _concepts(engine, numbered)
    if request.unlinked == "null":
        gathered, concepts = features.with_reserved_concept(gathered, concepts)
    pruned = pruning.prune(gathered, concepts, selection, request)
    linkage["dropped_codes"] = dataclasses.asdict(pruned.dropped)
    selection, vocabulary = pruned.selection, pruned.codes.vocabulary
    progress("finding the ancestors of codes")
    hierarchy, linkage["hierarchy"] = above.of(vocabulary)
    if rolled_up:
        linkage["roll_up"] = rolled_up.counts
    last = int(patients.end.max())
    return Conversion(
        store=nesting.nest(pruned.features, pruned.codes, len(selection)),
        labels=selection.label,
        patients=_patient_columns(patients, selection, features.visit_counts(pruned.features, len(selection))),
        visit_days=visit_days.before(pruned.features, selection.time, last),
        vocabulary=vocabulary,
        hierarchy=hierarchy,
        linkage=linkage,
        flow=selection.flow,
        audit=audit.audit(pruned.features, selection, concepts, outcome_concepts),
        notes=_notes(linkage, pruned.dropped, selection.label, request),
        outcome=outcome,
        last_event=to_iso(last)[:10],
    )


def _replaced(concepts: np.ndarray, concept_of: dict[int, int]) -> np.ndarray:
    return np.unique([concept_of[concept] for concept in concepts.tolist()])


def _check_strict(numbered: Events, source: str, strict: bool) -> None:
    counts = forbidden(numbered.left_out)
    if strict and counts:
        raise InputError(f"{source}: found {'; '.join(counts)}; must be none with --strict")


def _patients(engine: Engine, numbered: Events, request: Request) -> tuple[Patients, np.ndarray | None]:
    """The patients with the times of their outcome, and the concepts of the outcome, or None."""
    table = engine.arrow(numbered.patients.order_by("p"))

    def times(name):
        return table[name].fill_null(MISSING).to_numpy().astype(np.int64, copy=False)

    outcome, death, first, concepts = request.outcome, times("death"), None, None
    if outcome and outcome.text == DEATH:
        first = death
        if (death == MISSING).all():
            raise InputError(f"outcome: found {DEATH}; no patient with a visit has a time of death in this export")
    elif outcome:
        concepts = outcome.concepts(_concepts(engine, numbered))
        first = None if request.labels else first_times(engine, numbered, concepts, len(death))
    ids = np.array(table["patient"].to_pylist(), object)
    sex = np.array(table["sex"].fill_null("").to_pylist(), object)
    return Patients(ids, times("birth"), sex, death, times("end"), first), concepts


def _concepts(engine: Engine, numbered: Events) -> dict[str, list]:
    return engine.arrow(numbered.concepts.order_by("concept")).to_pydict()


def _names(table: dict[str, list], concepts: np.ndarray | None) -> list[dict[str, str]]:
    """Returns the names of concepts, from the columns of `Events.concepts`."""
    index_of = {concept: index for index, concept in enumerate(table["concept"])}
    indices = [] if concepts is None else [index_of[concept] for concept in concepts.tolist()]
    return [{name: table[name][index] for name in ("system", "code", "display")} for index in indices]


def _timeline(engine: Engine, numbered: Events, linked: Linked) -> Timeline:
    known = linked.dxobjects.group_by("v").agg(known=linked.dxobjects.time.min())
    visits = numbered.visits.left_join(known, "v").select("v", "p", "start", known=known.known.fill_null(MISSING))
    table = engine.arrow(visits.order_by("v"))
    return Timeline(*(table[name].to_numpy().astype(np.int64, copy=False) for name in ("p", "start", "known")))


def _select(visits: Timeline, patients: Patients, request: Request) -> Selection:
    if request.labels:
        return cohort_design.select_labelled(visits, patients, request.rules, request.labels)
    design = case_control if request.rules.design == "case_control" else cohort_design
    return design.select(visits, patients, request.rules)


def _patient_columns(patients: Patients, selection: Selection, visits: np.ndarray) -> dict[str, list]:
    """The columns of patients.csv."""
    age = timeline.age_years(patients.birth[selection.patient], selection.time)
    columns = {
        "patient_id": patients.ids[selection.patient].tolist(),
        "prediction_time": [None if time == MISSING else to_iso(time) for time in selection.time.tolist()],
        "label": [None] * len(selection) if selection.label is None else selection.label.tolist(),
        "visits": visits.tolist(),
        "age": [None if np.isnan(years) else round(years, 2) for years in age.tolist()],
        "sex": patients.sex[selection.patient].tolist(),
    }
    if selection.case is not None:
        columns["case"] = patients.ids[selection.case].tolist()
    return columns


def _notes(linkage: dict[str, Any], dropped: Dropped, labels: np.ndarray | None, request: Request) -> list[str]:
    notes = [f"passed over a bad file: {skipped['why']}" for skipped in linkage["skipped_files"]]
    if beside := linkage["passed_over"]:
        named = ", ".join(f"{os.path.basename(entry['file'])} ({entry['what']})" for entry in beside[:NAMED])
        more = f" and {len(beside) - NAMED:,} more, listed in linkage.json" if len(beside) > NAMED else ""
        notes.append(f"not read: {named}{more}")
    if dropped.codes:
        rare = f"they occur less than {request.min_count} times"
        why = "the vocabulary lacks them" if request.vocabulary else rare
        notes.append(
            f"dropped, because {why}: {dropped.codes:,} codes, with {dropped.dx_objects:,} Dx-objects and "
            f"{dropped.orders:,} other orders"
        )
    notes += linkage["hierarchy"]["notes"]
    if not linkage["links"] and any(counts["total"] for counts in linkage["orders"].values()):
        notes.append("no order is linked to a diagnosis: this export does not hold what MiME learns from")
    rarer = None if labels is None else int(min(labels.sum(), (1 - labels).sum()))
    if labels is not None and rarer == 0:
        notes.append(f"every row has the label {labels[0]}; there is nothing to learn from them")
    elif rarer is not None and rarer < FEW:
        notes.append(f"only {rarer} rows have the rarer label; results from so few are uncertain")
    return notes
