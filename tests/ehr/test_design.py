"""Patients, prediction times and labels of a cohort: by hand, and against an oracle that goes patient by patient."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.timelines import NEVER, days, make_patients, rows_of, timeline

from mime_tf.ehr.design import cohort_design
from mime_tf.ehr.design.candidates import flow_table
from mime_tf.ehr.design.label_file import Labels
from mime_tf.ehr.design.rules import Rules, parse_age, parse_prediction_at
from mime_tf.ehr.design.timeline import Timeline, age_years
from mime_tf.ehr.seconds import BEGINNING, DAY, END_OF_TIME, MISSING, YEAR
from mime_tf.errors import InputError


def at_day(day, **options):
    return Rules(prediction_at=f"date:{np.datetime64(day, 'D')}", **options)


# The borders.


@pytest.mark.parametrize(
    ("outcome", "label"), [(100 + 1 / DAY, 1), (465, 1), (465 + 1 / DAY, 0), (9000, 0), (NEVER, 0)]
)
def test_the_horizon_is_open_at_the_prediction_time_and_closed_at_its_end(outcome, label):
    rows = cohort_design.select(timeline([50]), make_patients(1, [outcome]), at_day(100))
    assert rows_of(rows) == [(0, 100, label)]


@pytest.mark.parametrize("outcome", [100, 99, 1])
def test_patients_with_the_outcome_at_or_before_the_time_leave(outcome):
    rows = cohort_design.select(timeline([50], [50]), make_patients(2, [outcome, NEVER]), at_day(100))
    assert rows_of(rows) == [(1, 100, 0)]
    assert rows.flow["without the outcome by then"] == {
        "patients": 1,
        "rows": 1,
        "patients_out": 1,
        "rows_out": 1,
    }


def test_the_window_is_closed_where_it_begins_and_open_where_it_ends():
    visits = timeline([40], [39.99], [90], [89.99], [40.01, 95])
    rules = at_day(100, observation_days=60, gap_days=10)
    rows = cohort_design.select(visits, make_patients(5, [NEVER] * 5), rules)
    assert rows.patient.tolist() == [0, 3, 4]
    assert (rows.since / DAY).tolist() == [40] * 3 and (rows.until / DAY).tolist() == [90] * 3


def test_a_visit_counts_once_its_first_dx_object_is_known():
    stays = timeline([(50, 99.99)], [(50, 100)], [(50, None)], [(50, 120)], [(50, 50)])
    rows = cohort_design.select(stays, make_patients(5, [NEVER] * 5), at_day(100))
    assert rows.patient.tolist() == [0, 4]


def test_min_visits_counts_visits_in_the_window_only():
    visits = timeline([10, 50, 60], [50, 60, 70, 100], [50, (60, None), 70])
    rows = cohort_design.select(visits, make_patients(3, [NEVER] * 3), at_day(100, observation_days=60, min_visits=3))
    assert rows.patient.tolist() == [1]


def test_age_is_in_completed_years_with_both_ends():
    ages = [40, 39.999, 85.99, 86.001, None]
    born = [None if age is None else 36525 - age * 365.25 for age in ages]
    rows = cohort_design.select(
        timeline(*[[30000]] * 5), make_patients(5, [NEVER] * 5, end=99999, birth=born), at_day(36525, age="40:85")
    )
    assert rows.patient.tolist() == [0, 2]


def test_sex_is_compared_as_written():
    everyone = make_patients(3, [NEVER] * 3, sex=["F", "M", ""])
    visits = timeline([1], [1], [1])
    assert cohort_design.select(visits, everyone, at_day(100, sex="M")).patient.tolist() == [1]
    with pytest.raises(InputError, match=r"sex: found male; must be a sex that a patient has: \['', 'F', 'M'\]"):
        cohort_design.select(visits, everyone, at_day(100, sex="male"))


def test_patients_who_have_died_leave():
    rows = cohort_design.select(timeline([1], [1]), make_patients(2, [NEVER, NEVER], death=[100, 9000]), at_day(100))
    assert rows.patient.tolist() == [1]


# Observation to the horizon.


def test_censoring():
    ends, deaths = [465, 464.99, 464.99, 464.99, 464.99], [None, None, 464.99, 464.99, None]
    everyone = make_patients(5, [NEVER, NEVER, NEVER, 300, 300], end=0)
    everyone = dataclasses.replace(everyone, end=days(ends), death=days(deaths))
    visits = timeline(*[[1]] * 5)
    rows = cohort_design.select(visits, everyone, at_day(100))
    assert rows_of(rows) == [(0, 100, 0), (3, 100, 1), (4, 100, 1)]
    assert rows.flow["not dead before the horizon without the outcome"]["patients_out"] == 1
    assert rows.flow["observed to the horizon, or with the outcome"]["patients_out"] == 1
    rows = cohort_design.select(visits, everyone, at_day(100, censoring="negative"))
    assert rows_of(rows) == [(0, 100, 0), (1, 100, 0), (2, 100, 0), (3, 100, 1), (4, 100, 1)]


# Prediction times.


def test_every_visit_with_an_earlier_one():
    visits = timeline([10, 20, 20, 30], [15])
    rows = cohort_design.select(visits, make_patients(2, [25, NEVER]), Rules(prediction_at="every"))
    assert rows_of(rows) == [(0, 20, 1)]
    rows = cohort_design.select(visits, make_patients(2, [NEVER, NEVER]), Rules(prediction_at="every", horizon_days=3))
    assert rows_of(rows) == [(0, 20, 0), (0, 30, 0)]


def test_visit_n_counts_visits_that_start_together_once():
    visits = timeline([10, 10, 20], [(1, None), 2, 3, 4], [5, 6])
    rows = cohort_design.select(visits, make_patients(3, [NEVER] * 3), Rules(prediction_at="visit:3"))
    assert rows_of(rows) == [(1, 3, 0)]


def test_age_counts_from_birth():
    visits = timeline([10], [10], [10])
    rows = cohort_design.select(
        visits, make_patients(3, [NEVER] * 3, birth=[0, -50, None]), Rules(prediction_at="age:1")
    )
    assert rows_of(rows) == [(0, 365.25, 0), (1, 315.25, 0)]


def test_random_is_seeded_and_even():
    visits = timeline(*[[10, 20, 30, 40]] * 3000)
    everyone = make_patients(3000, [NEVER] * 3000)
    rows = cohort_design.select(visits, everyone, Rules(seed=1))
    assert np.array_equal(rows.time, cohort_design.select(visits, everyone, Rules(seed=1)).time)
    assert not np.array_equal(rows.time, cohort_design.select(visits, everyone, Rules(seed=2)).time)
    times, counts = np.unique(rows.time // DAY, return_counts=True)
    assert times.tolist() == [20, 30, 40]  # the first has no earlier visit
    assert (abs(counts - 1000) < 130).all()  # five standard deviations


# Without an outcome.


def test_without_an_outcome_everyone_has_all_visits():
    rows = cohort_design.select(timeline([10, 20], [(5, None)], [7]), make_patients(3), Rules(target="none"))
    assert rows_of(rows) == [(0, MISSING / DAY, None), (2, MISSING / DAY, None)]
    assert rows.since.tolist() == [BEGINNING] * 2 and rows.until.tolist() == [END_OF_TIME] * 2
    rows = cohort_design.select(timeline([10, 20], [5]), make_patients(2), Rules(target="none", min_visits=2))
    assert rows.patient.tolist() == [0]


def test_without_an_outcome_at_a_date():
    rows = cohort_design.select(timeline([10], [150]), make_patients(2), at_day(100, target="none"))
    assert rows_of(rows) == [(0, 100, None)]


def test_an_outcome_and_the_target_go_together():
    with pytest.raises(ValueError, match=r"`patients\.outcome`"):
        cohort_design.select(timeline([1]), make_patients(1), Rules())


# Nobody is left.


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"age": "90:"}, '"aged 90: at the prediction time", of 2 before that step'),
        ({"min_visits": 5}, '"with 5 visits or more to look at", of 2'),
        ({}, '"without the outcome by then", of 2'),
    ],
)
def test_the_error_that_nobody_is_left_names_the_step(options, complaint):
    with pytest.raises(InputError, match=complaint):
        cohort_design.select(timeline([1], [2]), make_patients(2, [50, 50]), at_day(100, **options))


def test_no_visits_at_all():
    with pytest.raises(InputError, match='"at any visit", of 1'):
        cohort_design.select(timeline([]), make_patients(1, [NEVER]), Rules())


def test_no_patients_at_all():
    with pytest.raises(InputError, match=r'no patient is left: none is "patients of the export"$'):
        cohort_design.select(timeline(), make_patients(0), Rules(target="none"))


# Against an oracle, and invariants.


@st.composite
def exports(draw):
    """A small export: few days, so that times often meet."""
    day = st.integers(0, 30)
    count = draw(st.integers(1, 6))
    visits = draw(
        st.lists(st.lists(st.tuples(day, st.none() | st.integers(0, 12)), max_size=6), min_size=count, max_size=count)
    )
    visits = [[(start, None if late is None else start + late) for start, late in some] for some in visits]
    visits = [sorted(some, key=lambda visit: visit[0]) for some in visits]
    outcome = draw(st.lists(st.none() | day, min_size=count, max_size=count))
    death = draw(st.lists(st.none() | st.integers(15, 40), min_size=count, max_size=count))
    end = draw(st.lists(st.integers(10, 40), min_size=count, max_size=count))
    return visits, outcome, death, end


visits_with_gaps = st.builds(
    dict,
    observation_days=st.none() | st.integers(5, 20),
    gap_days=st.integers(0, 4),
    horizon_days=st.integers(1, 20),
    min_visits=st.integers(1, 3),
    censoring=st.sampled_from(["exclude", "negative"]),
    prediction_at=st.sampled_from(["every", "visit:2", "visit:4", "date:1970-01-16"]),
)


def oracle(export, rules):
    """The rows, worked out one patient and one time after another."""
    for patient, (visits, outcome, death, end) in enumerate(zip(*export, strict=True)):
        word, value = parse_prediction_at(rules.prediction_at)
        times = sorted({start for start, _ in visits})
        times = {"every": times, "visit": times[(value or 1) - 1 : value]}.get(word, [15])
        for time in times:
            since = -1 if rules.observation_days is None else time - rules.observation_days
            until = time - rules.gap_days
            used = [known for start, known in visits if since <= start < until and known is not None and known < until]
            happened = outcome is not None and outcome <= time
            label = int(outcome is not None and time < outcome <= time + rules.horizon_days)
            lost = outcome is None and (end < time + rules.horizon_days or (death or 99) < time + rules.horizon_days)
            gone = happened or (death is not None and death <= time) or (lost and rules.censoring == "exclude")
            if len(used) >= rules.min_visits and not gone:
                yield patient, time, label


@settings(max_examples=300)
@given(exports(), visits_with_gaps)
def test_rows_are_those_of_the_oracle(export, options):
    visits, outcome, death, end = export
    rules = Rules(**options)
    expected = list(oracle(export, rules))
    everyone = dataclasses.replace(make_patients(len(visits), outcome), death=days(death), end=days(end))
    try:
        selected = rows_of(cohort_design.select(timeline(*visits), everyone, rules))
    except InputError as error:
        assert "no patient is left" in str(error)
        selected = []
    assert selected == expected


@settings(max_examples=150)
@given(exports(), st.sampled_from(["visit:2", "visit:3", "date:1970-01-16", "age:0.05"]))
def test_later_events_never_move_a_prediction_time(export, prediction_at):
    visits = export[0]
    rules = Rules(target="none", prediction_at=prediction_at)
    try:
        rows = cohort_design.select(timeline(*visits), make_patients(len(visits)), rules)
    except InputError:
        return
    when = dict(zip(rows.patient.tolist(), (rows.time / DAY).tolist(), strict=True))
    past = []
    for patient, some in enumerate(visits):
        time = when.get(patient, -1)  # a patient without a row keeps no past, and gets none
        known = [(start, known if known is not None and known < time else None) for start, known in some]
        past.append([visit for visit in known if visit[0] <= time])
    again = cohort_design.select(timeline(*past), make_patients(len(visits)), rules)
    assert rows_of(again) == rows_of(rows)


@settings(max_examples=100)
@given(exports(), st.lists(st.none() | st.integers(0, 40), min_size=6, max_size=6))
def test_random_does_not_look_at_outcomes(export, others):
    visits, outcome, _, _ = export
    times = []
    for days_of in (outcome, others[: len(visits)]):
        try:
            rows = cohort_design.select(timeline(*visits), make_patients(len(visits), days_of), Rules())
        except InputError:
            return
        times.append(dict(zip(rows.patient.tolist(), rows.time.tolist(), strict=True)))
    assert all(times[0][patient] == times[1][patient] for patient in times[0].keys() & times[1].keys())


# Label files.


def labels(*rows):
    subject, day, label = zip(*rows, strict=True)
    return Labels(np.array(subject, object), days(day), np.array(label, np.int64))


def test_rows_of_a_label_file():
    given = labels(("p1", 100, 1), ("x", 100, 0), ("p0", 60, 0), ("p0", 50, 1), ("p0", 40, 0), ("y", 1, 0), ("x", 5, 0))
    rows = cohort_design.select_labelled(
        timeline([40, 55], [10]), make_patients(2), Rules(target="labels", gap_days=1), given
    )
    assert rows_of(rows) == [(0, 50, 1), (0, 60, 0), (1, 100, 1)]
    assert (rows.until / DAY).tolist() == [49, 59, 99]
    assert rows.flow["subjects of the label file"]["patients"] == 4
    assert rows.flow["patients of the export"] == {"patients": 2, "rows": 4, "patients_out": 2, "rows_out": 3}
    assert rows.flow["with 1 visit or more to look at"]["rows_out"] == 1


def test_a_label_file_of_other_patients():
    with pytest.raises(InputError, match=r"no subject_id of 1 rows .* found 'x' among the subjects and 'p0' among"):
        cohort_design.select_labelled(timeline([1]), make_patients(1), Rules(target="labels"), labels(("x", 1, 0)))


# The options.


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"design": "matched"}, "design: found matched; must be one of cohort, case_control"),
        ({"target": "none", "design": "case_control"}, "design: found case_control; needs an outcome"),
        ({"design": "case_control", "horizon_days": 9}, "horizon_days: found 9; goes only with an outcome in the co"),
        ({"design": "case_control", "prediction_at": "every"}, "prediction_at: found every; goes only with the cohort"),
        ({"controls": 2}, "controls: found 2; goes only with design case_control"),
        ({"match_age_years": 0}, "match_age_years: found 0; goes only with design case_control"),
        ({"target": "labels", "prediction_at": "every"}, "prediction_at: found every; goes only with"),
        ({"target": "labels", "censoring": "negative"}, "censoring: found negative; goes only with an outcome"),
        ({"target": "none", "gap_days": 3}, "gap_days: found 3; goes only with a prediction time"),
        ({"target": "none", "age": "3:"}, "age: found 3:; goes only with a prediction time"),
        ({"censoring": "ignore"}, "censoring: found ignore; must be one of exclude, negative"),
        ({"horizon_days": 0}, "horizon_days: found 0; must be a whole number from 1 to 100000"),
        ({"gap_days": -1}, "gap_days: found -1; must be a whole number from 0"),
        ({"min_visits": 0}, "min_visits: found 0; must be a whole number from 1"),
        ({"seed": 1.5}, "seed: found 1.5; must be a whole number"),
        ({"design": "case_control", "match_visits": float("nan")}, "match_visits: found nan; must be a number from 0"),
        ({"observation_days": 30, "gap_days": 30}, "observation_days: found 30; must be more than gap_days, 30"),
        ({"sex": ""}, "sex: found nothing"),
        *(({"age": age}, f"age: found {age}; must be two ages") for age in (":", "40", "85:40", "a:b", "1000:", "-1:")),
        *(
            ({"prediction_at": at}, f"prediction_at: found {at}; must be random, every")
            for at in (
                "",
                "visit",
                "visit:1",
                "visit:2.5",
                "age:",
                "age:300",
                "age:-1",
                "date:2010",
                "first",
                "every:2",
            )
        ),
        ({"prediction_at": "date:2010-02-30"}, "prediction_at: found date:2010-02-30; day"),
    ],
)
def test_bad_options_are_named(options, complaint):
    with pytest.raises(InputError) as raised:
        Rules(**options)
    assert complaint in str(raised.value) and "\n" not in str(raised.value)


def test_defaults_where_they_apply():
    cohort, pairs, neither = Rules(), Rules(design="case_control"), Rules(target="none")
    names = ("prediction_at", "horizon_days", "censoring", "controls", "match_age_years", "match_visits")
    assert [getattr(cohort, name) for name in names] == ["random", 365, "exclude", None, None, None]
    assert [getattr(pairs, name) for name in names] == [None, None, None, 10, 2.0, 0.2]
    assert [getattr(neither, name) for name in names] == [None] * 6


def test_parsing():
    assert parse_age(":85") == (-np.inf, 85) and parse_age("0:0") == (0, 0)
    assert parse_prediction_at("date:1969-12-31") == ("date", -DAY) and parse_prediction_at("age:65") == ("age", 65)


def test_ages():
    ages = age_years(np.array([0, MISSING, -YEAR]), np.array([YEAR // 2, 0, MISSING]))
    assert ages[0] == 0.5 and np.isnan(ages[1:]).all()


def test_times_that_cannot_be_true():
    wild = Timeline(np.array([0, 999]), np.array([-(2**60), 2**60]), np.array([-(2**60), 2**60]))
    with pytest.raises(InputError, match="visits: found times"):
        cohort_design.select(
            wild, make_patients(1000, [NEVER] * 1000), Rules(prediction_at="every", observation_days=9)
        )


def test_the_table_has_a_line_per_step():
    rows = cohort_design.select(timeline([50], [50]), make_patients(2, [1, NEVER]), at_day(100))
    lines = flow_table(rows.flow)
    assert len(lines) == 1 + len(rows.flow) and len({len(line) for line in lines}) == 1
    assert lines[5].split() == ["without", "the", "outcome", "by", "then", "1", "1", "1", "1"]
