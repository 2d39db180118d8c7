"""Division by prediction time: by hand, for any days and patients, and through a run."""

import datetime
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.whole_runs import SIZES, run

from mime_tf.config import TrainConfig
from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring import prediction
from mime_tf.splits.times import Times

BY_TIME = TrainConfig(split_by="time")


def cohort_of(folder, rows):
    """A cohort of rows of a patient and a time."""
    pickled.write(
        folder / "c", [[[[row % 5, [], []]]] for row in range(len(rows))], [row % 2 for row in range(len(rows))]
    )
    lines = [f"{patient},{time}" for patient, time in rows]
    (folder / "patients.csv").write_text("\n".join(["patient_id,prediction_time", *lines, ""]))
    return Cohort.open(str(folder / "c"))


def sets(times, rows=None, valid_fraction=0.2, test_fraction=0.2):
    rows = np.arange(len(times.days)) if rows is None else rows
    return [part.tolist() for part in times.divide(rows, valid_fraction, test_fraction)]


def test_dates_are_chosen_by_the_fractions(tmp_path):
    rows = [(f"p{number}", f"2019-01-{day:02}T08:00:00Z") for number, day in enumerate((9, 3, 1, 7, 5, 2, 8, 6, 4, 10))]
    cohort = cohort_of(tmp_path, rows)
    assert sets(Times.of(cohort, BY_TIME)) == [[1, 2, 4, 5, 7, 8], [3, 6], [0, 9]]
    assert Times.of(cohort, TrainConfig()) is None
    dates = TrainConfig(split_by="time", split_dates=("2019-01-03", "2019-01-04"))
    assert sets(Times.of(cohort, dates)) == [[2, 5], [1], [0, 3, 4, 6, 7, 8, 9]]


def test_a_patient_is_in_the_set_of_the_last_row_and_earlier_rows_are_left_out(tmp_path):
    rows = [("a", "2011-05-01"), ("a", "2012-05-01"), ("b", "2011-01-01"), ("a", "2013-01-01"), ("c", "2012-12-31")]
    dates = TrainConfig(split_by="time", split_dates=("2012-01-01", "2013-01-01"))
    assert sets(Times.of(cohort_of(tmp_path, rows), dates)) == [[2], [4], [3]]


DAY = st.integers(700_000, 700_030)


@given(st.lists(st.tuples(st.integers(0, 9), DAY), min_size=1, max_size=40), st.floats(0.05, 0.45), st.data())
def test_no_patient_is_on_two_sides_and_no_set_reaches_into_the_time_of_the_next(rows, fraction, data):
    groups, days = np.array(rows).T
    times = Times(days, groups)
    last = {group: days[groups == group].max() for group in groups.tolist()}
    if len(set(last.values())) < 3:
        with pytest.raises(InputError, match="three or more are needed"):
            sets(times, None, fraction, fraction)
        return
    parts = times.divide(np.arange(len(rows)), fraction, fraction)
    assert all(len(part) for part in parts)
    for earlier, later in itertools.pairwise(parts):
        assert days[earlier].max() < days[later].min()
        assert not set(groups[earlier]) & set(groups[later])
    # No other day of the test set comes nearer to its share of the patients.
    ends = np.array(list(last.values()))
    shares = {day: np.mean(ends >= day) for day in sorted(set(ends.tolist()))[2:]}
    share = len(set(groups[parts[2]])) / len(last)
    assert abs(share - fraction) == pytest.approx(min(abs(each - fraction) for each in shares.values()))


@pytest.mark.parametrize("text", ["", "soon", "2019-02-30", "20190203", "2019-1-1"])
def test_a_time_that_is_none_is_refused(text, tmp_path):
    cohort = cohort_of(tmp_path, [("a", "2019-01-01"), ("b", text)])
    with pytest.raises(InputError) as refusal:
        Times.of(cohort, BY_TIME)
    assert str(refusal.value) == (
        f"{tmp_path}/patients.csv: row 1, column prediction_time: found {text!r}; must be a time such as 2019-05-03, "
        "by which --split_by=time divides"
    )


def test_dates_that_leave_a_set_empty_are_refused(tmp_path):
    cohort = cohort_of(tmp_path, [("a", "2019-01-01"), ("b", "2019-06-01"), ("c", "2019-12-01")])
    config = TrainConfig(split_by="time", split_dates=("2019-05-01", "2020-01-01"))
    with pytest.raises(InputError, match=r"no patient is in test: prediction times run from 2019-01-01 to 2019-12-01"):
        sets(Times.of(cohort, config))


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ({"folds": 5}, "split_by, folds: found time, 5"),
        ({"split_seeds": (3,)}, r"split_by, split_seeds: found time, \(3,\)"),
        ({"split_dates": ("2019-01-01",)}, "split_dates: found .* must be two dates"),
        ({"split_dates": ("2019-01-02", "2019-01-02")}, "split_dates: found .* must be two dates"),
        ({"split_dates": ("2019-01-02", "20190103")}, "must be dates, such as"),
        ({"split_by": "random", "split_dates": ("2019-01-02", "2019-01-03")}, "split_dates, split_by: found"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(flags, says):
    with pytest.raises(InputError, match=says):
        TrainConfig(**{"split_by": "time"} | flags)


def test_a_run_tells_its_times_and_its_split_can_be_made_again(tmp_path):
    start = datetime.date(2010, 1, 1)
    rows = [(f"p{row % 50}", (start + datetime.timedelta(7 * row)).isoformat()) for row in range(60)]
    cohort = cohort_of(tmp_path, rows)
    config = TrainConfig(
        **SIZES, split_by="time", test_fraction=0.2, valid_fraction=0.2, batch_size=5, num_iter=2, eval_period=1
    )
    done = run(config, tmp_path / "out", tmp_path / "c")
    told = [line for line in done.err if "split by time" in line]
    # The last ten patients of 50 have one row each among the last ten weeks; the first ten have one 50 weeks earlier.
    assert told == [
        "split by time: train: 30 rows, 15 of label 1, predicted from 2010-03-12 to 2010-10-01",
        "split by time: valid: 10 rows, 5 of label 1, predicted from 2010-10-08 to 2010-12-10",
        "split by time: test: 10 rows, 5 of label 1, predicted from 2010-12-17 to 2011-02-18",
        "split by time: left out: 10 rows of patients who are in a later set by their last row",
    ]
    fitted = FittedSplit.open(tmp_path / "out" / "r0s0")
    assert sorted(prediction.split_of(fitted, cohort).test.rows.tolist()) == fitted.predictions("test").rows.tolist()
    other = (tmp_path / "patients.csv").read_text().replace("2010-12-17", "2010-12-18")
    (tmp_path / "patients.csv").write_text(other)
    with pytest.raises(InputError, match="divided by other prediction times"):
        prediction.split_of(fitted, Cohort.open(str(tmp_path / "c")))
