"""Random small exports: the whole conversion equals a naive one, and uses nothing of the future."""

import dataclasses
import operator

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import ehr_oracle
from support.ehr_exports import ExportRows, converted, iso, visits_by_patient

from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.linkage.terms import WITHOUT_REASON

DX, RX, PR = "ABC", "WXY", "PQ"
COLUMNS = [operator.attrgetter(name) for name in ("visits", "diagnoses", "orders")]
# A conversion takes seconds, however small the export is: few examples, each of several groups of patients.
FEW = settings(max_examples=4, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def groups(draw, name):
    """`ExportRows` of up to three patients, in which ties, repeats and late records are common."""
    count = draw(st.integers(1, 6))
    days = st.integers(0, 6)
    patients = st.sampled_from([f"{patient}{name}" for patient in "pqr"])
    visits = [(f"v{name}{number}", draw(patients), draw(days)) for number in range(count)]
    visit, when = st.sampled_from([row[0] for row in visits]), st.none() | days
    reasons = st.lists(st.sampled_from(DX), max_size=3).map(" ".join)
    medications = st.tuples(visit, st.just("rx"), st.sampled_from(RX), reasons, when)
    procedures = st.tuples(visit, st.just("pr"), st.sampled_from(PR), reasons, when)
    diagnoses = draw(st.lists(st.tuples(visit, st.sampled_from(DX), when), max_size=8))
    return ExportRows(visits, [(visits[0][0], "A"), *diagnoses], draw(st.lists(medications | procedures, max_size=10)))


@st.composite
def exports(draw):
    """`ExportRows` of one to five groups of patients, who share codes alone."""
    drawn = [draw(groups(name)) for name in "abcde"[: draw(st.integers(1, 5))]]
    return ExportRows(*([row for group in drawn for row in rows(group)] for rows in COLUMNS))


@FEW
@given(exports(), st.sampled_from(WITHOUT_REASON), st.sampled_from([0.0, 0.5, 1.0]))
def test_the_conversion_equals_the_naive_one(rows, unlinked, share):
    cohort = converted(rows, unlinked=unlinked, infer_share=share)
    assert visits_by_patient(cohort) == ehr_oracle.visits_by_patient(rows, unlinked, share)
    assert cohort.linkage["visits"]["total"] == len(rows.visits)


@FEW
@given(exports(), st.sampled_from(WITHOUT_REASON), st.integers(1, 5), st.none() | st.integers(1, 3))
def test_the_conversion_at_a_prediction_time_equals_the_naive_one(rows, unlinked, until, back):
    rows, rules = at_a_day(rows, until, back)
    since = float("-inf") if back is None else until - back
    assert visits_by_patient(converted(rows, rules, unlinked=unlinked)) == ehr_oracle.visits_by_patient(
        rows, unlinked, since=since, until=until
    )


@FEW
@given(exports(), st.sampled_from(["drop", "null"]), st.integers(1, 5))
def test_later_events_change_nothing(rows, unlinked, until):
    """With everything at or after the prediction time cut off, cohort and vocabulary are the same."""
    rows, rules = at_a_day(rows, until)
    start = {row[0]: row[2] for row in rows.visits}

    def before(row, index):
        time = row[index] if len(row) > index and row[index] is not None else 0
        return max(start[row[0]], time) < until

    past = dataclasses.replace(
        rows,
        visits=[row for row in rows.visits if row[2] < until],
        diagnoses=[row for row in rows.diagnoses if before(row, 2)],
        orders=[row for row in rows.orders if before(row, 4)],
    )
    all_cohort, past_cohort = (converted(export, rules, unlinked=unlinked) for export in (rows, past))
    assert visits_by_patient(all_cohort) == visits_by_patient(past_cohort)
    assert all_cohort.vocabulary == past_cohort.vocabulary


def at_a_day(rows, until, back=None):
    """The rows with a patient who has something to look at whatever the others have, and rules to predict at a day."""
    visits, diagnoses = [*rows.visits, ("vz", "z", until - 1)], [*rows.diagnoses, ("vz", "A")]
    rules = Rules(target="none", prediction_at=f"date:{iso(until)[:10]}", observation_days=back)
    return dataclasses.replace(rows, visits=visits, diagnoses=diagnoses), rules
