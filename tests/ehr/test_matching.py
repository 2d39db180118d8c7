"""Controls for cases: by hand, and against an exhaustive search."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.timelines import NEVER, days, make_patients, rows_of, timeline

from mime_tf.ehr.design import case_control
from mime_tf.ehr.design.matching import Traits, match
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.seconds import DAY, MISSING, YEAR
from mime_tf.errors import InputError


def rules(**options):
    return Rules(design="case_control", **options)


def traits(*rows):
    """Traits of (patient, sex, age in years, visits)."""
    patient, sex, age, visits = zip(*rows, strict=True) if rows else ((), (), (), ())
    age = np.array([round(years * YEAR) for years in age], np.int64)
    return Traits(np.array(patient, np.int64), np.array(sex, np.int64), age, np.array(visits, np.int64))


def pairs(cases, pool, **options):
    matched_cases, matched_controls = match(cases, pool, rules(**options))
    return sorted(zip(matched_cases.tolist(), matched_controls.tolist(), strict=True))


CASE = traits((0, 0, 60, 10))


@pytest.mark.parametrize(
    ("control", "matches"),
    [
        ((1, 0, 60, 10), True),
        ((1, 1, 60, 10), False),
        ((1, 0, 62, 10), True),
        ((1, 0, 58, 10), True),
        ((1, 0, 62 + 1e-7, 10), False),
        ((1, 0, 58 - 1e-7, 10), False),
        ((1, 0, 60, 12), True),
        ((1, 0, 60, 8), True),
        ((1, 0, 60, 13), False),
        ((1, 0, 60, 7), False),
    ],
)
def test_borders_of_a_match(control, matches):
    assert pairs(CASE, traits(control)) == [(0, 0)] * matches


def test_a_difference_of_one_visit_is_always_allowed():
    assert pairs(traits((0, 0, 60, 1)), traits((1, 0, 60, 2))) == [(0, 0)]
    assert pairs(traits((0, 0, 60, 1)), traits((1, 0, 60, 3))) == []
    assert pairs(traits((0, 0, 60, 100)), traits((1, 0, 60, 129)), match_visits=0.29) == [(0, 0)]


def test_the_nearest_in_age_is_taken_and_each_patient_once():
    pool = traits((1, 0, 61.5, 10), (1, 0, 60.4, 10), (2, 0, 60.5, 10), (3, 0, 59.9, 10), (4, 0, 58.1, 10))
    for controls, expected in ((1, [3]), (2, [1, 3]), (3, [1, 2, 3]), (9, [1, 2, 3, 4])):
        assert [control for _, control in pairs(CASE, pool, controls=controls)] == expected


def test_cases_take_turns_so_that_none_goes_without():
    cases = traits(*((number, 0, 60, 10) for number in range(20)))
    pool = traits(*((100 + number, 0, 60.1, 10) for number in range(30)))
    matched_cases, matched_controls = match(cases, pool, rules(controls=10))
    assert len(set(matched_controls.tolist())) == 30
    assert sorted(np.bincount(matched_cases).tolist()) == [1] * 10 + [2] * 10


def test_equally_near_controls_are_drawn():
    pool = traits(*((number, 0, 60, 10) for number in range(1, 50)))
    drawn = {pairs(CASE, pool, controls=1, seed=seed)[0] for seed in range(20)}
    assert len(drawn) > 5
    assert pairs(CASE, pool, controls=1, seed=3) == pairs(CASE, pool, controls=1, seed=3)


def exhaustive_matches(cases, pool, options):
    """Greedy matching by comparing every pair, with the order in which `match` lets the cases choose."""
    turns = np.random.default_rng(options.seed).permutation(len(cases.patient)).tolist()
    taken, matches = set(), []
    for _ in range(options.controls):
        for case in turns:
            candidates = []
            for control in range(len(pool.patient)):
                visits_apart = abs(int(pool.visits[control]) - int(cases.visits[case]))
                age_apart = abs(int(pool.age[control]) - int(cases.age[case]))
                near = age_apart <= options.match_age_years * YEAR and visits_apart <= max(1, 0.2 * cases.visits[case])
                if pool.sex[control] == cases.sex[case] and near and int(pool.patient[control]) not in taken:
                    candidates.append((age_apart, control))
            if candidates:
                assert len({age_apart for age_apart, _ in candidates}) == len(candidates)  # nothing is left to chance
                control = min(candidates)[1]
                taken.add(int(pool.patient[control]))
                matches.append((case, control))
    return matches


def check_against_exhaustive_search(seed, controls):
    random = np.random.default_rng(seed)

    def draw(size, patients, remainder):
        """Ages are distinct, in steps of YEAR // 1000 seconds; divided by three steps, they leave `remainder`.

        The pool has another remainder than the cases, so no control is as far below a case as another is above it:
        their ages would add up to twice the age of the case.
        """
        age = (3 * random.permutation(3334)[:size] + remainder) * (YEAR // 1000)
        return Traits(random.integers(0, patients, size), random.integers(0, 2, size), age, random.integers(1, 9, size))

    cases, pool, options = draw(8, 8, 1), draw(60, 20, 0), rules(controls=controls, seed=seed)
    matched_cases, matched_controls = match(cases, pool, options)
    matches = list(zip(matched_cases.tolist(), matched_controls.tolist(), strict=True))
    assert matches == exhaustive_matches(cases, pool, options)
    assert len(set(pool.patient[matched_controls].tolist())) == len(matches)


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_matches_equal_those_of_an_exhaustive_search(seed, controls):
    check_against_exhaustive_search(seed, controls)


# The design as a whole.


def test_a_case_is_before_its_outcome_and_a_control_at_a_visit():
    visits = timeline([10, 80, 95], [10, 92, 300], [20])
    rows = case_control.select(visits, make_patients(3, [100, NEVER, NEVER]), rules(gap_days=10))
    assert rows_of(rows) == [(0, 90, 1), (1, 92, 0)]
    assert rows.case.tolist() == [0, 0]
    assert (rows.until / DAY).tolist() == [90, 92]  # the gap is not taken a second time
    counts = rows.flow
    assert counts["cases: of these, with fewer controls than 10"]["patients"] == 1
    assert counts["controls: matched with a case"] == {"patients": 1, "rows": 1, "patients_out": 0, "rows_out": 1}


def test_a_patient_with_the_outcome_at_any_time_is_no_control():
    visits = timeline([10, 90], [10, 90], [10, 90])
    rows = case_control.select(visits, make_patients(3, [100, 9000, NEVER]), rules())
    assert rows_of(rows) == [(0, 100, 1), (2, 90, 0)]
    assert rows.case.tolist() == [0, 0]


def test_a_visit_at_the_prediction_time_is_not_used():
    with pytest.raises(InputError, match='"cases: with 1 visit or more to look at", of 1'):
        case_control.select(timeline([90], [10, 90]), make_patients(2, [100, NEVER]), rules(gap_days=10))


def test_cases_without_controls_leave():
    visits = timeline([10], [10], [10, 90])
    rows = case_control.select(visits, make_patients(3, [100, 100, NEVER], sex=["F", "M", "F"]), rules())
    assert rows_of(rows) == [(0, 100, 1), (2, 90, 0)]
    assert rows.flow["cases: matched with a control"]["patients_out"] == 1
    with pytest.raises(InputError, match='"cases: matched with a control", of 1 before'):
        case_control.select(timeline([10], [10, 90]), make_patients(2, [100, NEVER], sex=["F", "M"]), rules())


def test_nobody_has_the_outcome():
    with pytest.raises(InputError, match=r'none is "cases: patients with the outcome"$'):
        case_control.select(timeline([10]), make_patients(1, [NEVER]), rules())


def test_unknown_births_are_matched_with_each_other():
    visits = timeline([10], [10, 90], [10, 90])
    rows = case_control.select(visits, make_patients(3, [100, NEVER, NEVER], birth=[None, None, 0]), rules())
    assert rows.patient.tolist() == [0, 1]


@settings(max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 5))
def test_invariants(seed, controls):
    random = np.random.default_rng(seed)
    visits = timeline(*(sorted(random.integers(0, 4000, random.integers(1, 9)).tolist()) for _ in range(60)))
    outcome = [int(day) if random.random() < 0.3 else NEVER for day in random.integers(1, 4000, 60)]
    sexes = random.choice(["F", "M", ""], 60).tolist()
    everyone = make_patients(60, outcome, birth=random.integers(-9000, -8000, 60).tolist(), sex=sexes)
    options = rules(controls=controls, seed=seed, match_age_years=5, observation_days=2000)
    try:
        rows = case_control.select(visits, everyone, options)
    except InputError:
        return
    assert len(np.unique(rows.patient)) == len(rows.patient)
    assert np.array_equal(rows.label == 1, everyone.outcome[rows.patient] != MISSING)
    assert np.array_equal(rows.label == 1, rows.case == rows.patient)
    assert np.array_equal(rows.time[rows.label == 1], days(outcome)[rows.patient[rows.label == 1]])
    assert (everyone.sex[rows.case] == everyone.sex[rows.patient]).all()
    sizes = np.unique(rows.case, return_counts=True)[1]
    assert sizes.min() >= 2 and sizes.max() <= 1 + controls
    again = case_control.select(visits, everyone, options)
    assert np.array_equal(again.time, rows.time) and np.array_equal(again.case, rows.case)
