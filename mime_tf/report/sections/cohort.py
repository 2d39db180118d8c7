"""Section: patients, visits and codes of the cohort, and how many of them are in valid and test."""

import dataclasses
from typing import NamedTuple

import numpy as np

from mime_tf.data.store import CODE_KINDS, distinct
from mime_tf.data.vocabulary import code_name
from mime_tf.pages.text import file_name
from mime_tf.report.section import Section

KINDS = {"dx": "diagnoses", "rx": "medications", "pr": "procedures"}
MOST_CODES = 8


class CodeUse(NamedTuple):
    """Use of a code: its name, the number of patients who have it, and how often it occurs."""

    name: str
    patients: int
    occurrences: int


@dataclasses.dataclass(frozen=True)
class KindUse:
    """Use of a kind of codes.

    Attributes:
        name: str, of `KINDS`.
        occurrences: number of codes of the kind.
        different: number of different codes.
        commonest: list of CodeUse, the `MOST_CODES` commonest by patients.
        families: list of CodeUse, the same of their farthest ancestors, such as chapters; empty without a hierarchy.
    """

    name: str
    occurrences: int
    different: int
    commonest: list
    families: list


@dataclasses.dataclass(frozen=True)
class Facts:
    """A cohort in numbers.

    Attributes:
        patients, ones: number of rows, and of rows of label 1.
        visits, dxobjects: number of visits and of Dx-objects.
        visit_counts: the least, the median and the most visits of a patient.
        with_orders: share of the Dx-objects that have an order.
        kinds: dict from `"dx"`, `"rx"` and `"pr"` to KindUse.
    """

    patients: int
    ones: int
    visits: int
    dxobjects: int
    visit_counts: tuple
    with_orders: float
    kinds: dict


@dataclasses.dataclass(frozen=True)
class CohortData:
    """Data of the section.

    Attributes:
        splits: list of `mime_tf.report.inputs.AssessedSplit`.
        source: str, name of the cohort, or None without it.
        facts: Facts, or None without the cohort.
        room: list of str, the codes of each kind that the model has room for.
    """

    splits: list
    source: str | None
    facts: Facts | None
    room: list


def gather(inputs):
    """Returns the section; its data are CohortData."""
    sizes = inputs.splits[0].results.configuration.sizes
    room = [f"{sizes.get(f'num_{kind}', '?')} {name}" for kind, name in KINDS.items()]
    if inputs.cohort is None:
        return Section("cohort", "Cohort", CohortData(inputs.splits, None, None, room))
    hierarchy = inputs.fitted.hierarchy or inputs.cohort.hierarchy
    facts = describe(inputs.cohort, inputs.fitted.vocabulary, hierarchy)
    return Section("cohort", "Cohort", CohortData(inputs.splits, file_name(inputs.cohort.path), facts, room))


def describe(cohort, vocabulary=None, hierarchy=None):
    """Counts the patients, visits, Dx-objects and codes of a cohort.

    Args:
        cohort: `mime_tf.data.cohort.Cohort` with labels.
        vocabulary: `mime_tf.data.vocabulary.Vocabulary`, or None.
        hierarchy: `mime_tf.data.hierarchy.Hierarchy`, or None.

    Returns:
        Facts.
    """
    store, visit_counts = cohort.store, cohort.store.visit_counts
    patient_of_visit = np.repeat(np.arange(len(store)), visit_counts)
    patient_of_dxobject = np.repeat(patient_of_visit, np.diff(store.dxobjs))
    order_counts = {kind: np.diff(getattr(store, f"{kind}_offsets")) for kind in ("rx", "pr")}
    patient_of = {kind: np.repeat(patient_of_dxobject, counts) for kind, counts in order_counts.items()}
    patient_of["dx"] = patient_of_dxobject
    return Facts(
        patients=len(store),
        ones=int(cohort.labels.sum()),
        visits=len(patient_of_visit),
        dxobjects=len(store.dx),
        visit_counts=(int(visit_counts.min()), float(np.median(visit_counts)), int(visit_counts.max())),
        with_orders=float((order_counts["rx"] + order_counts["pr"] > 0).mean()) if len(store.dx) else 0.0,
        kinds={kind: _use(vocabulary, hierarchy, kind, getattr(store, kind), patient_of[kind]) for kind in CODE_KINDS},
    )


def _use(vocabulary, hierarchy, kind, codes, patient_of):
    """Returns the KindUse of `codes`, each of the patient of the index in `patient_of`."""
    names = {code: code_name(vocabulary, kind, code) for code in np.unique(codes).tolist()}
    families = {} if vocabulary is None or hierarchy is None else hierarchy.families(vocabulary, kind)
    rows = np.flatnonzero(np.isin(codes, list(families)))
    groups, group = np.unique([families[code] for code in codes[rows].tolist()], return_inverse=True)
    return KindUse(
        KINDS[kind],
        len(codes),
        len(names),
        _commonest(codes, patient_of, names),
        _commonest(group, patient_of[rows], groups.tolist()),
    )


def _commonest(codes, patient_of, names):
    """Returns a list of CodeUse of the commonest codes by patients; `names` has the name of each."""
    different, code_index, occurrences = np.unique(codes, return_inverse=True, return_counts=True)
    count = max(len(different), 1)
    # A patient who has a code is counted once, however often it occurs.
    pairs = distinct(code_index.astype(np.int64) + patient_of * count)
    patients = np.bincount(pairs % count, minlength=len(different))
    return [
        CodeUse(names[int(different[index])], int(patients[index]), int(occurrences[index]))
        for index in np.lexsort((different, -occurrences, -patients))[:MOST_CODES]
    ]
