"""The case-control design: cases before their outcome, each with matched controls who never have it.

Unlike the cohort design it goes back from the outcome, and chooses controls by their whole record, as in the paper.
docs/cohort_design.md names the price.
"""

import numpy as np

from mime_tf.ehr.design.candidates import Candidates
from mime_tf.ehr.design.matching import Traits, match
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.design.selection import Selection
from mime_tf.ehr.design.timeline import Patients, Timeline, visit_times, visits_in_window
from mime_tf.ehr.seconds import DAY, MISSING


def select(timeline: Timeline, patients: Patients, rules: Rules) -> Selection:
    """Selects cases `gap_days` before their outcome, and the controls of each.

    Args:
        timeline: the visits.
        patients: with an outcome.
        rules: of the design `"case_control"`.

    Raises:
        InputError: nobody is left; the message names the step.
    """
    cases = _cases(timeline, patients, rules)
    controls = _possible_controls(timeline, patients, rules, cases.flow)
    case_traits, control_traits = (_traits(candidates, timeline, patients, rules) for candidates in (cases, controls))
    cases_matched, controls_matched = match(case_traits, control_traits, rules)
    numbers = np.bincount(cases_matched, minlength=len(cases.patient))
    case_of_control = cases.patient[cases_matched[np.argsort(controls_matched)]]
    cases.keep("matched with a control", numbers > 0)
    assert rules.controls is not None  # the design has it
    fewer = int(np.count_nonzero(numbers[numbers > 0] < rules.controls))
    step = f"cases: of these, with fewer controls than {rules.controls}"
    cases.flow[step] = {"patients": fewer, "rows": fewer, "patients_out": 0, "rows_out": 0}
    controls.keep("matched with a case", np.sort(controls_matched))
    return _joined(cases, controls, case_of_control, rules)


def _cases(timeline, patients, rules):
    patient = np.flatnonzero(patients.outcome != MISSING)
    time = patients.outcome[patient] - rules.gap_days * DAY
    cases = Candidates(patient, time, {}, "cases: ")
    cases.count("patients with the outcome")
    cases.keep_sex(patients, rules)
    cases.keep_eligible(timeline, patients, rules)
    return cases


def _possible_controls(timeline, patients, rules, flow):
    """Patients who never have the outcome, each at all starts of visits."""
    patient, time = visit_times(timeline)
    never = patients.outcome[patient] == MISSING
    controls = Candidates(patient[never], time[never], flow, "controls: ")
    controls.count("patients without the outcome, at any visit")
    controls.keep_sex(patients, rules)
    controls.keep_eligible(timeline, patients, rules)
    controls.keep_alive(patients)
    return controls


def _traits(candidates, timeline, patients, rules):
    """Traits that candidates are matched on; patients of unknown birth are matched with each other."""
    patient, time = candidates.patient, candidates.time
    numbers = {sex: number for number, sex in enumerate(sorted(set(patients.sex.tolist())))}
    sex = np.array([numbers[sex] for sex in patients.sex.tolist()], np.int64)
    birth = patients.birth[patient]
    age = np.where(birth == MISSING, MISSING // 2, time - np.where(birth == MISSING, 0, birth))
    return Traits(patient, sex[patient], age, visits_in_window(timeline, patient, time, rules))


def _joined(cases, controls, case_of_control, rules):
    """Cases and controls as one selection, sorted by patient."""
    patient = np.concatenate([cases.patient, controls.patient])
    time = np.concatenate([cases.time, controls.time])
    label = np.repeat([1, 0], [len(cases.patient), len(controls.patient)])
    case = np.concatenate([cases.patient, case_of_control])
    order = np.argsort(patient)
    since, until = rules.window(time[order])
    return Selection(patient[order], time[order], since, until, label[order], cases.flow, case[order])
