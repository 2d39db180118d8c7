"""Calendar periods of prediction times."""

import dataclasses
import datetime
from collections.abc import Iterator

import numpy as np

from mime_tf.errors import InputError

MONTHS = {"month": 1, "quarter": 3, "year": 12}
MOST = 240  # periods of a page


@dataclasses.dataclass(frozen=True)
class Period:
    """A calendar period.

    Attributes:
        name: such as `2024-03`, `2024-Q1` or `2024`.
        first, last: its first and its last day.
    """

    name: str
    first: datetime.date
    last: datetime.date


def periods(days: np.ndarray, kind: str) -> list[Period]:
    """Returns the periods from the first day to the last, those without a day included.

    >>> days = np.array([datetime.date(2023, 12, 31).toordinal(), datetime.date(2024, 4, 1).toordinal()])
    >>> print(*(period.name for period in periods(days, "quarter")))
    2023-Q4 2024-Q1 2024-Q2

    Args:
        days: int64 (rows,), counted from 0001-01-01 as 1.
        kind: one of `MONTHS`.

    Raises:
        InputError: they are more than `MOST`.
    """
    first, last = (datetime.date.fromordinal(int(day)) for day in (days.min(), days.max()))
    months = MONTHS[kind]
    starts = [(date.year * 12 + date.month - 1) // months * months for date in (first, last)]
    count = (starts[1] - starts[0]) // months + 1
    if count > MOST:
        raise InputError(
            f"period: found {kind}; prediction times from {first} to {last} make {count:,}, and at most {MOST} can be "
            "shown: --since leaves out earlier rows, or a longer period"
        )
    return list(_between(*starts, months))


def _between(first: int, last: int, months: int) -> Iterator[Period]:
    """Yields the periods of so many months, the first and the last by the number of their first month."""
    for start in range(first, last + 1, months):
        year, month = divmod(start, 12)
        name = {1: f"{year:04}-{month + 1:02}", 3: f"{year:04}-Q{month // 3 + 1}", 12: f"{year:04}"}[months]
        end_year, end_month = divmod(start + months, 12)
        after = datetime.date(end_year, end_month + 1, 1) if end_year <= datetime.MAXYEAR else None
        end = datetime.date.max if after is None else after - datetime.timedelta(1)
        yield Period(name, datetime.date(year, month + 1, 1), end)
