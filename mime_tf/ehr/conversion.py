"""From an export to a cohort: the whole way, in the order in which it goes."""

import dataclasses
from typing import Any

import numpy as np

from mime_tf.data.store import Store
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.ehr import events
from mime_tf.ehr.design import choose, timeline
from mime_tf.ehr.design.outcome import DEATH, Outcome, first_times
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.design.timeline import MISSING, People, Timeline
from mime_tf.ehr.encode import audit, encoding, features, grouping, settling
from mime_tf.ehr.linkage import link
from mime_tf.ehr.linkage import report as linkage_report
from mime_tf.errors import InputError

# Of a label with fewer rows than this, the user is told.
FEW = 50


@dataclasses.dataclass(frozen=True)
class Request:
    """What is asked of an export.

    Attributes:
        rules: `mime_tf.ehr.design.rules.Rules`: who is in the cohort, and when the prediction is made.
        outcome: `mime_tf.ehr.design.outcome.Outcome`, or None; with labels, it only tells the audit what to look for.
        labels: `mime_tf.ehr.design.label_file.Labels`, or None.
        unlinked, infer_share: as for `mime_tf.ehr.linkage.link.link`.
        min_count: codes that the cohort has less often are dropped.
        vocabulary: `mime_tf.data.vocabulary.Vocabulary` whose codes and indices are to be used, or None for a new one.
        groups: as `mime_tf.ehr.encode.grouping.read` returns it, or None.
        strict: a reference to nowhere is an error.

    Raises:
        InputError: a value is out of its range, there is both a vocabulary and a `min_count`, or labels and death.
    """

    rules: Rules
    outcome: Outcome | None = None
    labels: Any = None
    unlinked: str = "drop"
    infer_share: float = 0.5
    min_count: int = 1
    vocabulary: Vocabulary | None = None
    groups: dict | None = None
    strict: bool = False

    def __post_init__(self):
        if self.labels and self.outcome and self.outcome.text == DEATH:
            raise InputError("outcome: found death; with labels it tells the audit which codes to look for")
        if not 0 <= self.infer_share <= 1:
            raise InputError(f"infer_share: found {self.infer_share}; must be from 0 to 1")
        if self.min_count < 1:
            raise InputError(f"min_count: found {self.min_count}; must be at least 1")
        if self.vocabulary and self.min_count > 1:
            raise InputError("vocabulary, min_count: found both; a vocabulary that is given is used as it is")


@dataclasses.dataclass(frozen=True)
class Conversion:
    """A cohort, and how it came about.

    Attributes:
        store: `mime_tf.data.store.Store`.
        labels: int64 of 0 and 1, (rows,), or None.
        patients: dict of the columns of patients.csv, lists; None in them is what is not known.
        vocabulary: `mime_tf.data.vocabulary.Vocabulary`.
        linkage: dict, as link.json has it.
        flow: dict from each thing that was asked for to how many patients and rows were left.
        audit: dict, as `mime_tf.ehr.encode.audit.audit` returns it.
        notes: list of str.
    """

    store: Store
    labels: np.ndarray | None
    patients: dict
    vocabulary: Vocabulary
    linkage: dict
    flow: dict
    audit: dict
    notes: list


def convert(engine, export, source, request, progress=None):
    """Makes a cohort of an export.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        export: `mime_tf.ehr.schema.Export`.
        source: what to call the export in messages.
        request: Request.
        progress: function that is given a text now and then, or None.

    Returns:
        Conversion.

    Raises:
        InputError: an identifier is there twice, a reference leads nowhere and `strict` forbids it, the outcome is
            unknown, or nobody is left.
    """
    progress = progress or (lambda text: None)
    progress("numbering patients, visits and codes")
    numbered = events.number(engine, export, source)
    _check_strict(numbered, source, request.strict)
    people, outcome_concepts = _people(engine, numbered, request)
    moved = None
    if request.groups:
        numbered, moved = grouping.apply(engine, numbered, request.groups)
        if outcome_concepts is not None:
            outcome_concepts = np.unique([moved[concept] for concept in outcome_concepts.tolist()])
    progress("linking orders to diagnoses")
    linked = link.link(engine, numbered, request.unlinked, request.infer_share)
    report = linkage_report.report(engine, numbered, linked)
    report["skipped_files"] = [{"file": file, "why": why} for file, why in export.skipped]
    progress("choosing patients and prediction times")
    rows = _rows(_timeline(engine, numbered, linked), people, request)
    progress("gathering what each row is shown")
    shown = features.gather(engine, numbered, linked, rows)
    concepts = _concepts(engine, numbered)
    shown, coded, rows, dropped = settling.settle(shown, concepts, rows, request)
    report["dropped_codes"] = dataclasses.asdict(dropped)
    notes = _notes(report, dropped, rows.label, request)
    return Conversion(
        store=encoding.encode(shown, coded, len(rows.patient)),
        labels=rows.label,
        patients=_patient_columns(people, rows, features.visit_counts(shown, len(rows.patient))),
        vocabulary=coded.vocabulary,
        linkage=report,
        flow=rows.counts,
        audit=audit.audit(shown, rows, concepts, outcome_concepts),
        notes=notes,
    )


def _check_strict(numbered, source, strict):
    nowhere = {what: times for what, times in numbered.left_out.items() if what.startswith(events.NOWHERE)}
    if strict and nowhere:
        found = "; ".join(f"{times:,} with a {what}" for what, times in nowhere.items())
        raise InputError(f"{source}: found {found}; must be none with --strict")


def _people(engine, numbered, request):
    """The patients with the time of their outcome, and the concepts that are the outcome, None where it has none."""
    table = engine.arrow(numbered.patients.order_by("p"))

    def times(name):
        return table[name].fill_null(MISSING).to_numpy().astype(np.int64, copy=False)

    wanted, death, first, concepts = request.outcome, times("death"), None, None
    if wanted and wanted.text == DEATH:
        first = death
        if (death == MISSING).all():
            raise InputError(f"outcome: found {DEATH}; no patient with a visit has a time of death in this export")
    elif wanted:
        concepts = wanted.concepts(_concepts(engine, numbered))
        first = None if request.labels else first_times(engine, numbered, concepts, len(death))
    ids = np.array(table["patient"].to_pylist(), object)
    sex = np.array(table["sex"].fill_null("").to_pylist(), object)
    return People(ids, times("birth"), sex, death, times("end"), first), concepts


def _concepts(engine, numbered):
    return engine.arrow(numbered.concepts.order_by("concept")).to_pydict()


def _timeline(engine, numbered, linked):
    known = linked.dxobjects.group_by("v").agg(known=linked.dxobjects.time.min())
    visits = numbered.visits.left_join(known, "v").select("v", "p", "start", known=known.known.fill_null(MISSING))
    table = engine.arrow(visits.order_by("v"))
    return Timeline(*(table[name].to_numpy().astype(np.int64, copy=False) for name in ("p", "start", "known")))


def _rows(moments, people, request):
    if request.labels:
        return choose.from_labels(moments, people, request.rules, request.labels)
    return choose.choose(moments, people, request.rules)


def _patient_columns(people, rows, visits):
    """The columns of patients.csv."""
    age = timeline.age_years(people.birth[rows.patient], rows.time)
    columns = {
        "patient_id": people.ids[rows.patient].tolist(),
        "prediction_time": [None if time == MISSING else iso(time) for time in rows.time.tolist()],
        "label": [None] * len(visits) if rows.label is None else rows.label.tolist(),
        "visits": visits.tolist(),
        "age": [None if np.isnan(years) else round(years, 2) for years in age.tolist()],
        "sex": people.sex[rows.patient].tolist(),
    }
    if rows.case is not None:
        columns["case"] = people.ids[rows.case].tolist()
    return columns


def iso(seconds):
    """Returns a time as text.

    >>> iso(0), iso(-1)
    ('1970-01-01T00:00:00Z', '1969-12-31T23:59:59Z')
    """
    return f"{np.datetime64(seconds, 's')}Z"


def _notes(report, dropped, labels, request):
    notes = [f"gone on without a bad file: {found['why']}" for found in report["skipped_files"]]
    if dropped.codes:
        why = (
            "the vocabulary lacks them" if request.vocabulary else f"they are there less than {request.min_count} times"
        )
        notes.append(
            f"dropped, because {why}: {dropped.codes:,} codes, with {dropped.dx_objects:,} Dx-objects and "
            f"{dropped.orders:,} other orders"
        )
    if not report["links"] and any(of_kind["total"] for of_kind in report["orders"].values()):
        notes.append("no order is linked to a diagnosis: this export does not hold what MiME learns from")
    rarer = None if labels is None else int(min(labels.sum(), (1 - labels).sum()))
    if rarer == 0:
        notes.append(f"every row has the label {labels[0]}; there is nothing to learn from them")
    elif rarer is not None and rarer < FEW:
        notes.append(f"only {rarer} rows have the rarer label; whatever is learned and measured of so few is uncertain")
    return notes
