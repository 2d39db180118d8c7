"""Who is in a cohort, at which prediction times, and with which labels. docs/cohort_design.md explains the designs.

Nothing here looks at what was recorded at or after a prediction time, except to say what the label is, and whether it
can be known. The case-control design is the exception that its users ask for: it goes back from the outcome.
"""

import numpy as np

from mime_tf.ehr.design.candidates import Candidates, least_visits
from mime_tf.ehr.design.matching import Traits, match
from mime_tf.ehr.design.rules import parse_prediction_at
from mime_tf.ehr.design.timeline import (
    BEGINNING,
    DAY,
    END_OF_TIME,
    MISSING,
    YEAR,
    Rows,
    first_at,
    moments,
    visits_in_window,
)
from mime_tf.errors import InputError, show

_EVERYONE = "patients of the export"


def choose(timeline, people, rules):
    """Chooses the rows of a cohort whose labels come from an outcome, or that has none.

    Args:
        timeline: `mime_tf.ehr.design.timeline.Timeline`.
        people: `mime_tf.ehr.design.timeline.People`, with an outcome if `rules.target` is `"outcome"`.
        rules: `mime_tf.ehr.design.rules.Rules`; its target is `"outcome"` or `"none"`.

    Returns:
        `mime_tf.ehr.design.timeline.Rows`.

    Raises:
        InputError: nobody is left; the message names the step.
    """
    if rules.target not in ("outcome", "none") or (rules.target == "outcome") != (people.outcome is not None):
        raise ValueError(f"`people.outcome` is for the target outcome, and for no other. Received: {rules.target=}")
    if rules.design == "case_control":
        return _case_control(timeline, people, rules)
    if rules.target == "none" and rules.prediction_at is None:
        return _everything(timeline, people, rules)
    candidates = _everyone(people, rules)
    _set_times(candidates, timeline, people, rules)
    candidates.admit(timeline, people, rules)
    if rules.prediction_at == "random":
        _draw(candidates, len(people.ids), rules.seed)
    candidates.alive(people)
    label = _label(candidates, people, rules) if rules.target == "outcome" else None
    return _rows(candidates, rules, label)


def from_labels(timeline, people, rules, labels):
    """Makes the rows of a cohort whose times and labels were given.

    Args:
        timeline: `mime_tf.ehr.design.timeline.Timeline`.
        people: `mime_tf.ehr.design.timeline.People`.
        rules: `mime_tf.ehr.design.rules.Rules`; its target is `"labels"`.
        labels: `mime_tf.ehr.design.label_file.Labels`.

    Returns:
        `mime_tf.ehr.design.timeline.Rows`. Subjects that are no patients of the export are left out and counted.

    Raises:
        InputError: nobody is left; the message names the step.
    """
    numbers = {patient: number for number, patient in enumerate(people.ids.tolist())}
    patient = np.array([numbers.get(subject, -1) for subject in labels.subject.tolist()], np.int64)
    if not (patient >= 0).any():
        raise InputError(
            f"labels: no subject_id of {len(patient):,} rows is a patient of the export; found "
            f"{show(labels.subject[0])} among the subjects and {show(people.ids[0])} among the patients"
        )
    # A subject that is unknown has no number: it gets one of its own, to be counted.
    unknown = np.unique(labels.subject[patient < 0].astype(str), return_inverse=True)[1]
    patient[patient < 0] = len(people.ids) + unknown
    order = np.lexsort((labels.time, patient))
    candidates = Candidates(patient[order], labels.time[order], {})
    candidates.start("subjects of the label file")
    candidates.keep(_EVERYONE, candidates.patient < len(people.ids))
    _keep_sex(candidates, people, rules)
    candidates.admit(timeline, people, rules)
    position = first_at(patient[order], labels.time[order], candidates.patient, candidates.time)
    return _rows(candidates, rules, labels.label[order][position])


def _everyone(people, rules):
    """Everybody, without a time as yet."""
    patients = np.arange(len(people.ids))
    candidates = Candidates(patients, np.full(len(patients), MISSING), {})
    candidates.start(_EVERYONE)
    _keep_sex(candidates, people, rules)
    return candidates


def _keep_sex(candidates, people, rules):
    if rules.sex is not None:
        sexes = people.sex[candidates.patient]
        if rules.sex not in (found := set(sexes.tolist())):
            raise InputError(f"sex: found {rules.sex}; must be one that the patients have: {show(sorted(found))}")
        candidates.keep(f"of sex {rules.sex}", sexes == rules.sex)


# The cohort design.


def _set_times(candidates, timeline, people, rules):
    """Gives each patient every time at which the rule may predict."""
    word, value = parse_prediction_at(rules.prediction_at)
    if word == "date":
        candidates.become("at that date", candidates.patient, np.full(len(candidates.patient), value))
    elif word == "age":
        known = candidates.patient[people.birth[candidates.patient] != MISSING]
        candidates.become("of known birth, at that age", known, people.birth[known] + round(value * YEAR))
    else:
        patient, time = moments(timeline)
        chosen = np.isin(patient, candidates.patient)
        if word == "visit":
            chosen &= np.arange(len(patient)) - np.searchsorted(patient, patient) + 1 == value
        step = f"at visit {value}" if word == "visit" else "at any visit"
        candidates.become(step, patient[chosen], time[chosen])


def _draw(candidates, patients, seed):
    """Draws one of each patient's times, all with the same probability.

    Every patient of the export has a number of its own from the generator, whoever else is a candidate.
    """
    present, first, count = np.unique(candidates.patient, return_index=True, return_counts=True)
    drawn = np.random.default_rng(seed).random(patients)[present]
    candidates.keep("at one visit each, drawn", first + (drawn * count).astype(np.int64))


def _label(candidates, people, rules):
    """Drops those who had the outcome and those whose label isn't known, and returns the labels of the others."""
    outcome = people.outcome[candidates.patient]
    candidates.keep("without the outcome by then", (outcome == MISSING) | (outcome > candidates.time))
    outcome, horizon = people.outcome[candidates.patient], candidates.time + rules.horizon_days * DAY
    if rules.censoring == "exclude":
        death = people.death[candidates.patient]
        died = (outcome == MISSING) & (death != MISSING) & (death < horizon)
        censored = (outcome == MISSING) & (people.end[candidates.patient] < horizon) & ~died
        candidates.keep("not dead before the horizon without the outcome", ~died)
        candidates.keep("observed to the horizon, or with the outcome", ~censored[~died])
        outcome, horizon = people.outcome[candidates.patient], candidates.time + rules.horizon_days * DAY
    return ((outcome != MISSING) & (outcome <= horizon)).astype(np.int64)


def _everything(timeline, people, rules):
    """A row for each patient, of all visits."""
    candidates = _everyone(people, rules)
    visits = np.bincount(timeline.patient[timeline.known != MISSING], minlength=len(people.ids))
    candidates.keep(least_visits(rules), visits[candidates.patient] >= rules.min_visits)
    ends = (np.full_like(candidates.time, end) for end in (BEGINNING, END_OF_TIME))
    return Rows(candidates.patient, candidates.time, *ends, None, candidates.counts)


def _rows(candidates, rules, label):
    window = rules.window(candidates.time)
    return Rows(candidates.patient, candidates.time, *window, label, candidates.counts)


# The case-control design.


def _case_control(timeline, people, rules):
    """Cases `gap_days` before their outcome, and for each its controls."""
    patient = np.flatnonzero(people.outcome != MISSING)
    time = people.outcome[patient] - rules.gap_days * DAY
    cases = Candidates(patient, time, {}, "cases: ")
    cases.start("patients with the outcome")
    _keep_sex(cases, people, rules)
    cases.admit(timeline, people, rules)
    patient, time = moments(timeline)
    never = people.outcome[patient] == MISSING
    pool = Candidates(patient[never], time[never], cases.counts, "controls: ")
    pool.start("patients without the outcome, at any visit")
    _keep_sex(pool, people, rules)
    pool.admit(timeline, people, rules)
    pool.alive(people)
    matched, controls = match(*(_traits(rows, timeline, people, rules) for rows in (cases, pool)), rules)
    numbers = np.bincount(matched, minlength=len(cases.patient))
    case_of = cases.patient[matched[np.argsort(controls)]]
    cases.keep("matched with a control", numbers > 0)
    fewer = int(np.count_nonzero(numbers[numbers > 0] < rules.controls))
    step = f"cases: of these, with fewer controls than {rules.controls}"
    cases.counts[step] = {"patients": fewer, "rows": fewer, "patients_out": 0, "rows_out": 0}
    pool.keep("matched with a case", np.sort(controls))
    return _merged(cases, pool, case_of, rules)


def _traits(candidates, timeline, people, rules):
    """What candidates are matched on; those of unknown birth are matched with each other."""
    patient, time = candidates.patient, candidates.time
    names = {sex: number for number, sex in enumerate(sorted(set(people.sex.tolist())))}
    sex = np.array([names[sex] for sex in people.sex.tolist()], np.int64)
    birth = people.birth[patient]
    age = np.where(birth == MISSING, MISSING // 2, time - np.where(birth == MISSING, 0, birth))
    return Traits(patient, sex[patient], age, visits_in_window(timeline, patient, time, rules))


def _merged(cases, pool, case_of, rules):
    """The rows of cases and controls as one, sorted by patient."""
    patient, time = (np.concatenate(pair) for pair in ((cases.patient, pool.patient), (cases.time, pool.time)))
    label = np.repeat([1, 0], [len(cases.patient), len(pool.patient)])
    case = np.concatenate([cases.patient, case_of])
    order = np.argsort(patient)
    window = rules.window(time[order])
    return Rows(patient[order], time[order], *window, label[order], cases.counts, case[order])
