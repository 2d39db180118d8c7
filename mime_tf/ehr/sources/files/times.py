"""Times in text as seconds since 1970-01-01T00:00:00 UTC, the same on every engine."""

import ibis

from mime_tf.ehr.seconds import DAY
from mime_tf.ehr.sources.files import time_format as formats

_CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?|24:00(:00([.,]0+)?)?"
_ZONE = r" ?(Z|UTC|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)"
# The times that are read. A local time without a zone counts as UTC; 24:00 is the next day's midnight.
_PLAIN = r"^\d{4}-\d{2}-\d{2}([T ]([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ?)?$"  # most times, read in half the time
PATTERN = rf"^\d{{4}}-\d{{2}}-\d{{2}}([T ]({_CLOCK})({_ZONE})?)?$"
RIGHT = "a date or time such as 2010-05-03, 2010-05-03 10:11:12 or 2010-05-03T10:11:12Z"
UTC = "timestamp('UTC')"


def from_text(text: ibis.Value, time_format: str | None = None) -> ibis.Value:
    """Returns an Ibis int64 expression, null where the text is not a time.

    Engines differ in the zones that they read, so a zone is taken off and counted as seconds. A fraction of a second is
    cut off, which rounds down.

    Args:
        text: Ibis string expression.
        time_format: strptime's pattern, as `mime_tf.ehr.sources.files.time_format` reads it, such as `%m/%d/%Y`; None
            for ISO 8601.
    """
    if time_format:
        return _from_format(text, time_format)
    return ibis.cases(
        (text.re_search(_PLAIN), _seconds(text.substr(0, len("2010-05-03 10:11:12")).try_cast(UTC))),
        (text.re_search(PATTERN), _any_form(text)),
        else_=ibis.null("int64"),
    )


def _from_format(text, time_format):
    """As `from_text`, of a format; the text it is turned into is long as an expression, and so has one form only."""
    iso = formats.to_iso(text, time_format)
    midnight = " 24:00:00$"
    day = iso.re_replace(midnight, " 00:00:00")
    seconds = _seconds(day.try_cast(UTC)) + ibis.ifelse(iso.re_search(midnight), DAY, 0)
    return ibis.ifelse(day.re_search(_PLAIN), seconds, ibis.null("int64"))


def _any_form(text):
    """The seconds of a time that fits the pattern."""
    is_midnight = text.substr(11, 2) == "24"
    with_seconds = ibis.ifelse(text.substr(16, 1) == ":", text.substr(11, 8), text.substr(11, 5) + ":00")
    clock = ibis.ifelse(is_midnight, "00:00:00", with_seconds)
    local = _seconds((text.substr(0, 10) + " " + clock + "+00:00").try_cast(UTC))
    return local + ibis.ifelse(is_midnight, DAY, 0) - _offset(text)


def from_moment(column: ibis.Value) -> ibis.Value:
    """Returns the seconds of a column of dates or timestamps."""
    return _seconds(column.cast(UTC))


def _offset(text):
    """The seconds by which the zone of a valid time is ahead of UTC; 0 without one."""
    zone = text.substr(16).re_extract(r"[+-]\d{2}(:?\d{2})?$", 0)  # before that, a date has hyphens too
    digits = (zone.replace(":", "") + "00").left(len("+0530")).try_cast("int64").fill_null(0)
    hours = (digits.abs() / 100).floor().cast("int64")
    return 60 * digits.sign().cast("int64") * (digits.abs() - 40 * hours)


def _seconds(time):
    return time.truncate("s").epoch_seconds().cast("int64")
