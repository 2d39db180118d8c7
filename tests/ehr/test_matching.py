"""Controls for cases: by hand, and against a search through everybody."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.timelines import NEVER, days, people, rows_of, timeline

from mime_tf.ehr.design import choose
from mime_tf.ehr.design.matching import Traits, match
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.design.timeline import DAY, MISSING, YEAR
from mime_tf.errors import InputError


def rules(**options):
    return Rules(design="case_control", **options)


def traits(*rows):
    """Traits of (patient, sex, age in years, visits)."""
    patient, sex, age, visits = zip(*rows, strict=True) if rows else ((), (), (), ())
    age = np.array([round(years * YEAR) for years in age], np.int64)
    return Traits(np.array(patient, np.int64), np.array(sex, np.int64), age, np.array(visits, np.int64))


def pairs(cases, pool, **options):
    matched, found = match(cases, pool, rules(**options))
    return sorted(zip(matched.tolist(), found.tolist(), strict=True))


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


def test_one_visit_more_or_less_is_always_right():
    assert pairs(traits((0, 0, 60, 1)), traits((1, 0, 60, 2))) == [(0, 0)]
    assert pairs(traits((0, 0, 60, 1)), traits((1, 0, 60, 3))) == []
    assert pairs(traits((0, 0, 60, 100)), traits((1, 0, 60, 129)), match_visits=0.29) == [(0, 0)]


def test_the_nearest_in_age_is_taken_and_each_patient_once():
    pool = traits((1, 0, 61.5, 10), (1, 0, 60.4, 10), (2, 0, 60.5, 10), (3, 0, 59.9, 10), (4, 0, 58.1, 10))
    for controls, expected in ((1, [3]), (2, [1, 3]), (3, [1, 2, 3]), (9, [1, 2, 3, 4])):
        assert [found for _, found in pairs(CASE, pool, controls=controls)] == expected


def test_cases_take_turns_so_that_none_goes_without():
    cases = traits(*((number, 0, 60, 10) for number in range(20)))
    pool = traits(*((100 + number, 0, 60.1, 10) for number in range(30)))
    matched, found = match(cases, pool, rules(controls=10))
    assert len(set(found.tolist())) == 30
    assert sorted(np.bincount(matched).tolist()) == [1] * 10 + [2] * 10


def test_equally_near_controls_are_drawn():
    pool = traits(*((number, 0, 60, 10) for number in range(1, 50)))
    found = {pairs(CASE, pool, controls=1, seed=seed)[0] for seed in range(20)}
    assert len(found) > 5
    assert pairs(CASE, pool, controls=1, seed=3) == pairs(CASE, pool, controls=1, seed=3)


def searched(cases, pool, options):
    """Greedy matching by looking at every pair, with the order in which `match` lets the cases choose."""
    turn = np.random.default_rng(options.seed).permutation(len(cases.patient)).tolist()
    taken, distances = set(), []
    for _ in range(options.controls):
        for case in turn:
            within = []
            for row in range(len(pool.patient)):
                apart = abs(int(pool.visits[row]) - int(cases.visits[case]))
                distance = abs(int(pool.age[row]) - int(cases.age[case]))
                near = distance <= options.match_age_years * YEAR and apart <= max(1, 0.2 * cases.visits[case])
                if pool.sex[row] == cases.sex[case] and near and int(pool.patient[row]) not in taken:
                    within.append((distance, int(pool.patient[row])))
            if within:
                taken.add(min(within)[1])
                distances.append((case, min(within)[0]))
    return distances


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 4))
def test_matches_are_those_of_a_search_through_everybody(seed, controls):
    random = np.random.default_rng(seed)

    def some(size, patients):
        age = random.permutation(10_000)[:size] * (YEAR // 1000)  # no age twice, so that nothing is left to chance
        return Traits(random.integers(0, patients, size), random.integers(0, 2, size), age, random.integers(1, 9, size))

    cases, pool, options = some(8, 8), some(60, 20), rules(controls=controls, seed=seed)
    matched, found = match(cases, pool, options)
    distances = np.abs(pool.age[found] - cases.age[matched])
    # Of two as near, one above and one below, either may be taken; with ages as random as these that does not happen.
    expected = searched(cases, pool, options)
    ties = len({distance for _, distance in expected}) < len(expected)
    assert ties or list(zip(matched.tolist(), distances.tolist(), strict=True)) == expected
    assert len(set(pool.patient[found].tolist())) == len(found)


# The design as a whole.


def test_a_case_is_before_its_outcome_and_a_control_at_a_visit():
    visits = timeline([10, 80, 95], [10, 92, 300], [20])
    rows = choose.choose(visits, people(3, [100, NEVER, NEVER]), rules(gap_days=10))
    assert rows_of(rows) == [(0, 90, 1), (1, 92, 0)]
    assert rows.case.tolist() == [0, 0]
    assert (rows.until / DAY).tolist() == [90, 92]  # the gap is not taken a second time
    counts = rows.counts
    assert counts["cases: of these, with fewer controls than 10"]["patients"] == 1
    assert counts["controls: matched with a case"] == {"patients": 1, "rows": 1, "patients_out": 0, "rows_out": 1}


def test_whoever_ever_has_the_outcome_is_no_control():
    visits = timeline([10, 90], [10, 90], [10, 90])
    rows = choose.choose(visits, people(3, [100, 9000, NEVER]), rules())
    assert rows_of(rows) == [(0, 100, 1), (2, 90, 0)]
    assert rows.case.tolist() == [0, 0]


def test_a_visit_at_the_time_itself_is_not_looked_at():
    with pytest.raises(InputError, match='"cases: with 1 visit or more to look at", of 1'):
        choose.choose(timeline([90], [10, 90]), people(2, [100, NEVER]), rules(gap_days=10))


def test_cases_without_controls_leave():
    visits = timeline([10], [10], [10, 90])
    rows = choose.choose(visits, people(3, [100, 100, NEVER], sex=["F", "M", "F"]), rules())
    assert rows_of(rows) == [(0, 100, 1), (2, 90, 0)]
    assert rows.counts["cases: matched with a control"]["patients_out"] == 1
    with pytest.raises(InputError, match='"cases: matched with a control", of 1 before'):
        choose.choose(timeline([10], [10, 90]), people(2, [100, NEVER], sex=["F", "M"]), rules())


def test_nobody_has_the_outcome():
    with pytest.raises(InputError, match=r'none is "cases: patients with the outcome"$'):
        choose.choose(timeline([10]), people(1, [NEVER]), rules())


def test_unknown_births_are_matched_with_each_other():
    visits = timeline([10], [10, 90], [10, 90])
    rows = choose.choose(visits, people(3, [100, NEVER, NEVER], birth=[None, None, 0]), rules())
    assert rows.patient.tolist() == [0, 1]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32), st.integers(1, 5))
def test_what_always_holds(seed, controls):
    random = np.random.default_rng(seed)
    visits = timeline(*(sorted(random.integers(0, 4000, random.integers(1, 9)).tolist()) for _ in range(60)))
    outcome = [int(day) if random.random() < 0.3 else NEVER for day in random.integers(1, 4000, 60)]
    sexes = random.choice(["F", "M", ""], 60).tolist()
    everyone = people(60, outcome, birth=random.integers(-9000, -8000, 60).tolist(), sex=sexes)
    options = rules(controls=controls, seed=seed, match_age_years=5, observation_days=2000)
    try:
        rows = choose.choose(visits, everyone, options)
    except InputError:
        return
    assert len(np.unique(rows.patient)) == len(rows.patient)
    assert np.array_equal(rows.label == 1, everyone.outcome[rows.patient] != MISSING)
    assert np.array_equal(rows.label == 1, rows.case == rows.patient)
    assert np.array_equal(rows.time[rows.label == 1], days(outcome)[rows.patient[rows.label == 1]])
    assert (everyone.sex[rows.case] == everyone.sex[rows.patient]).all()
    sizes = np.unique(rows.case, return_counts=True)[1]
    assert sizes.min() >= 2 and sizes.max() <= 1 + controls
    again = choose.choose(visits, everyone, options)
    assert np.array_equal(again.time, rows.time) and np.array_equal(again.case, rows.case)
