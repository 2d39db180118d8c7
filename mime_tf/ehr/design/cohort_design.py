"""The cohort design: prediction times by one rule for everyone, labels by the outcome; or times and labels as given.

Nothing recorded at or after a prediction time is used, except for the label and whether it is known.
docs/cohort_design.md explains the design.
"""

import numpy as np

from mime_tf.ehr.design.candidates import Candidates, least_visits
from mime_tf.ehr.design.label_file import Labels
from mime_tf.ehr.design.rules import Rules, parse_prediction_at
from mime_tf.ehr.design.selection import Selection
from mime_tf.ehr.design.timeline import Patients, Timeline, first_index_at, visit_times
from mime_tf.ehr.seconds import BEGINNING, DAY, END_OF_TIME, MISSING, YEAR
from mime_tf.errors import InputError, show

_EVERYONE = "patients of the export"


def select(timeline: Timeline, patients: Patients, rules: Rules) -> Selection:
    """Selects the rows of a cohort that has labels by an outcome, or no labels.

    Args:
        timeline: the visits.
        patients: with an outcome if `rules.target` is `"outcome"`.
        rules: of the design `"cohort"`, with the target `"outcome"` or `"none"`.

    Raises:
        InputError: nobody is left; the message names the step.
    """
    if rules.target not in ("outcome", "none") or (rules.target == "outcome") != (patients.outcome is not None):
        raise ValueError(f"`patients.outcome` is for the target outcome alone. Received: {rules.target=}")
    candidates = _everyone(patients, rules)
    if rules.target == "none" and rules.prediction_at is None:
        return _all_visits(candidates, timeline, patients, rules)
    _set_times(candidates, timeline, patients, rules)
    candidates.keep_eligible(timeline, patients, rules)
    if rules.prediction_at == "random":
        _draw_times(candidates, len(patients.ids), rules.seed)
    candidates.keep_alive(patients)
    label = _label(candidates, patients, rules) if rules.target == "outcome" else None
    return candidates.selection(rules, label)


def select_labelled(timeline: Timeline, patients: Patients, rules: Rules, labels: Labels) -> Selection:
    """Selects the rows of a cohort whose times and labels are given.

    Args:
        timeline: the visits.
        patients: the patients.
        rules: with the target `"labels"`.
        labels: the times and labels. Subjects that are not patients of the export are left out and counted.

    Raises:
        InputError: nobody is left; the message names the step.
    """
    numbers = {patient: number for number, patient in enumerate(patients.ids.tolist())}
    patient = np.array([numbers.get(subject, -1) for subject in labels.subject.tolist()], np.int64)
    if not (patient >= 0).any():
        raise InputError(
            f"labels: no subject_id of {len(patient):,} rows is a patient of the export; found "
            f"{show(labels.subject[0])} among the subjects and {show(patients.ids[0])} among the patients"
        )
    # Unknown subjects get numbers past those of the patients, to be counted.
    unknown = np.unique(labels.subject[patient < 0].astype(str), return_inverse=True)[1]
    patient[patient < 0] = len(patients.ids) + unknown
    order = np.lexsort((labels.time, patient))
    candidates = Candidates(patient[order], labels.time[order], {})
    candidates.count("subjects of the label file")
    candidates.keep(_EVERYONE, candidates.patient < len(patients.ids))
    candidates.keep_sex(patients, rules)
    candidates.keep_eligible(timeline, patients, rules)
    index = first_index_at(patient[order], labels.time[order], candidates.patient, candidates.time)
    return candidates.selection(rules, labels.label[order][index])


def _everyone(patients, rules):
    """All patients, of the sex asked for, without a time so far."""
    numbers = np.arange(len(patients.ids))
    candidates = Candidates(numbers, np.full(len(numbers), MISSING), {})
    candidates.count(_EVERYONE)
    candidates.keep_sex(patients, rules)
    return candidates


def _all_visits(candidates, timeline, patients, rules):
    """One row per patient, of all visits."""
    visits = np.bincount(timeline.patient[timeline.known != MISSING], minlength=len(patients.ids))
    candidates.keep(least_visits(rules), visits[candidates.patient] >= rules.min_visits)
    since, until = (np.full_like(candidates.time, end) for end in (BEGINNING, END_OF_TIME))
    return Selection(candidates.patient, candidates.time, since, until, None, candidates.flow)


def _set_times(candidates, timeline, patients, rules):
    """Gives each patient all times that the rule allows."""
    word, value = parse_prediction_at(rules.prediction_at)
    if word == "date":
        candidates.replace("at that date", candidates.patient, np.full(len(candidates.patient), value))
    elif word == "age":
        assert value is not None
        born = candidates.patient[patients.birth[candidates.patient] != MISSING]
        candidates.replace("of known birth, at that age", born, patients.birth[born] + round(value * YEAR))
    else:
        patient, time = visit_times(timeline)
        chosen = np.isin(patient, candidates.patient)
        if word == "visit":
            chosen &= np.arange(len(patient)) - np.searchsorted(patient, patient) + 1 == value
        step = f"at visit {value}" if word == "visit" else "at any visit"
        candidates.replace(step, patient[chosen], time[chosen])


def _draw_times(candidates, patients, seed):
    """Keeps one of each patient's times, all with the same probability.

    Every patient of the export has a random number of its own, so that other candidates do not change its draw.
    """
    present, first, count = np.unique(candidates.patient, return_index=True, return_counts=True)
    uniform = np.random.default_rng(seed).random(patients)[present]
    candidates.keep("at one visit each, drawn", first + (uniform * count).astype(np.int64))


def _label(candidates, patients, rules):
    """Drops patients who had the outcome or whose label is unknown, and returns the labels of the others."""
    outcome = patients.outcome[candidates.patient]
    candidates.keep("without the outcome by then", (outcome == MISSING) | (outcome > candidates.time))
    outcome, horizon = patients.outcome[candidates.patient], candidates.time + rules.horizon_days * DAY
    if rules.censoring == "exclude":
        death = patients.death[candidates.patient]
        died = (outcome == MISSING) & (death != MISSING) & (death < horizon)
        censored = (outcome == MISSING) & (patients.end[candidates.patient] < horizon) & ~died
        candidates.keep("not dead before the horizon without the outcome", ~died)
        candidates.keep("observed to the horizon, or with the outcome", ~censored[~died])
        outcome, horizon = patients.outcome[candidates.patient], candidates.time + rules.horizon_days * DAY
    return ((outcome != MISSING) & (outcome <= horizon)).astype(np.int64)
