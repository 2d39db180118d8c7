"""Calendar periods, and which outcomes are known."""

import datetime
import itertools

import numpy as np
import pytest

from mime_tf.errors import InputError
from mime_tf.monitor.periods import MOST, periods


def days(*dates):
    return np.array([datetime.date.fromisoformat(date).toordinal() for date in dates])


@pytest.mark.parametrize(
    ("kind", "dates", "names"),
    [
        ("month", ("2023-12-31", "2024-02-29"), ["2023-12", "2024-01", "2024-02"]),
        ("quarter", ("2024-03-31", "2024-04-01"), ["2024-Q1", "2024-Q2"]),
        ("year", ("2021-06-01", "2021-06-01"), ["2021"]),
        ("month", ("9999-12-01", "9999-12-31"), ["9999-12"]),
        ("quarter", ("0001-01-01",), ["0001-Q1"]),
    ],
)
def test_names(kind, dates, names):
    assert [period.name for period in periods(days(*dates), kind)] == names


def test_every_day_is_in_one_period():
    first, last = datetime.date(2019, 11, 5), datetime.date(2024, 3, 1)
    for kind, count in (("month", 53), ("quarter", 18), ("year", 6)):
        found = periods(days(str(first), str(last)), kind)
        assert len(found) == count and found[0].first <= first and found[-1].last >= last
        for before, after in itertools.pairwise(found):
            assert after.first - before.last == datetime.timedelta(1)


def test_too_many_periods():
    with pytest.raises(
        InputError, match=rf"period: found month; .* make 481, and at most {MOST} can be shown: --since"
    ):
        periods(days("1980-01-01", "2020-01-01"), "month")
