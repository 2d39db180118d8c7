"""Times as whole seconds since 1970-01-01T00:00:00 UTC: units, limits, and the ways from dates and to text."""

import datetime

import numpy as np

DAY = 86_400
YEAR = 31_557_600  # 365.25 days
MISSING = np.iinfo(np.int64).min
BEGINNING, END_OF_TIME = np.iinfo(np.int64).min, np.iinfo(np.int64).max

_EPOCH = datetime.date(1970, 1, 1).toordinal()


def from_date(date: datetime.date) -> int:
    """Returns the midnight of a date.

    >>> from_date(datetime.date(1970, 1, 2))
    86400
    """
    return (date.toordinal() - _EPOCH) * DAY


def to_iso(seconds: int) -> str:
    """Returns a time as text.

    >>> to_iso(0), to_iso(-1)
    ('1970-01-01T00:00:00Z', '1969-12-31T23:59:59Z')
    """
    return f"{np.datetime64(seconds, 's')}Z"
