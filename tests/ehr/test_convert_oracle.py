"""Random small exports: the whole conversion against a naive one, and nothing of the future is seen."""

import dataclasses

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import ehr_oracle
from support.ehr_exports import Rows, converted, iso, shown

from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.linkage.ways import UNLINKED

DX, RX, PR = "ABC", "WXY", "PQ"
FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def exports(draw):
    """`Rows` of a few patients, made so that ties, repeats and late records are common."""
    count = draw(st.integers(1, 6))
    days = st.integers(0, 6)
    visits = [(f"v{number}", draw(st.sampled_from("pqr")), draw(days)) for number in range(count)]
    visit, when = st.sampled_from([row[0] for row in visits]), st.none() | days
    reasons = st.lists(st.sampled_from(DX), max_size=3).map(" ".join)
    medications = st.tuples(visit, st.just("rx"), st.sampled_from(RX), reasons, when)
    procedures = st.tuples(visit, st.just("pr"), st.sampled_from(PR), reasons, when)
    diagnoses = draw(st.lists(st.tuples(visit, st.sampled_from(DX), when), max_size=8))
    return Rows(visits, [(visits[0][0], "A"), *diagnoses], draw(st.lists(medications | procedures, max_size=10)))


@FEW
@given(exports(), st.sampled_from(UNLINKED), st.sampled_from([0.0, 0.5, 1.0]))
def test_everything_is_as_the_naive_conversion_has_it(rows, unlinked, share):
    made = converted(rows, unlinked=unlinked, infer_share=share)
    assert shown(made) == ehr_oracle.shown(rows, unlinked, share)
    assert made.linkage["visits"]["total"] == len(rows.visits)


@FEW
@given(exports(), st.sampled_from(UNLINKED), st.integers(1, 5), st.none() | st.integers(1, 3))
def test_what_a_prediction_time_shows_is_as_the_naive_conversion_has_it(rows, unlinked, until, back):
    rows, rules = at_a_day(rows, until, back)
    since = float("-inf") if back is None else until - back
    assert shown(converted(rows, rules, unlinked=unlinked)) == ehr_oracle.shown(
        rows, unlinked, since=since, until=until
    )


@FEW
@given(exports(), st.sampled_from(["drop", "null"]), st.integers(1, 5))
def test_what_is_recorded_later_changes_nothing(rows, unlinked, until):
    """With everything at or after the prediction time cut off, cohort and vocabulary are the same."""
    rows, rules = at_a_day(rows, until)
    start = {row[0]: row[2] for row in rows.visits}

    def before(row, place):
        time = row[place] if len(row) > place and row[place] is not None else 0
        return max(start[row[0]], time) < until

    past = dataclasses.replace(
        rows,
        visits=[row for row in rows.visits if row[2] < until],
        diagnoses=[row for row in rows.diagnoses if before(row, 2)],
        orders=[row for row in rows.orders if before(row, 4)],
    )
    one, other = (converted(export, rules, unlinked=unlinked) for export in (rows, past))
    assert shown(one) == shown(other)
    assert one.vocabulary == other.vocabulary


def at_a_day(rows, until, back=None):
    """The rows with a patient who has something to look at whatever the others have, and rules to predict at a day."""
    visits, diagnoses = [*rows.visits, ("vz", "z", until - 1)], [*rows.diagnoses, ("vz", "A")]
    rules = Rules(target="none", prediction_at=f"date:{iso(until)[:10]}", observation_days=back)
    return dataclasses.replace(rows, visits=visits, diagnoses=diagnoses), rules
