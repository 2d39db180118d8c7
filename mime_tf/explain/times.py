"""Times before a prediction, in words."""

_MONTH = 365.25 / 12
_DAYS_UNTIL = 61  # from here on months are told, and years from 12 months on


def time_before(days):
    """Returns how long before the prediction a visit was, as text.

    >>> time_before(0), time_before(1), time_before(45)
    ('less than a day before the prediction', '1 day before the prediction', '45 days before the prediction')
    >>> time_before(200), time_before(366), time_before(1157)
    ('6 months before the prediction', '1 year before the prediction', '3 years 2 months before the prediction')

    Args:
        days: int, whole days.
    """
    return f"{_amount(days)} before the prediction"


def times_before(first, last):
    """Returns the times of a series of visits, from the earliest to the latest.

    >>> times_before(1157, 366), times_before(3, 3)
    ('3 years 2 months to 1 year before the prediction', '3 days before the prediction')

    Args:
        first: int, whole days of the earliest.
        last: int, whole days of the latest.
    """
    amounts = dict.fromkeys((_amount(first), _amount(last)))
    return f"{' to '.join(amounts)} before the prediction"


def _amount(days):
    if days < 1:
        return "less than a day"
    if days < _DAYS_UNTIL:
        return _counted(days, "day")
    years, months = divmod(int(days / _MONTH), 12)
    return " ".join(_counted(count, unit) for count, unit in ((years, "year"), (months, "month")) if count)


def _counted(count, unit):
    return f"{count} {unit}{'s' if count > 1 else ''}"
