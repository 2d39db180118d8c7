"""Times in text as seconds since 1970-01-01T00:00:00 UTC, the same on every engine."""

import ibis

from mime_tf.ehr.sources.files import time_format as formats

# The times that are read; engines agree on no more than this. A local time without a zone counts as UTC.
PATTERN = r"^\d{4}-\d{2}-\d{2}([T ]([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,9})?( ?Z| ?UTC|[+-]\d{2}(:\d{2})?)?)?)?$"
RIGHT = "a date or time such as 2010-05-03, 2010-05-03 10:11:12 or 2010-05-03T10:11:12Z"
UTC = "timestamp('UTC')"


def from_text(text: ibis.Value, time_format: str | None = None) -> ibis.Value:
    """Returns an Ibis int64 expression, null where the text is not a time.

    Args:
        text: Ibis string expression.
        time_format: strptime's pattern, as `mime_tf.ehr.sources.files.time_format` reads it, such as `%m/%d/%Y`; None
            for ISO 8601.
    """
    if time_format:
        text = formats.to_iso(text, time_format)
    valid = ibis.ifelse(text.re_search(PATTERN), text, ibis.null("string"))
    valid = valid.re_replace(" ?(Z|UTC)$", "+00:00")  # not every engine reads Z and UTC, or a zone of hours alone
    valid = ibis.ifelse(valid.re_search(r":\d{2}(\.\d{1,9})?[+-]\d{2}$"), valid + ":00", valid)
    return _seconds(valid.try_cast(UTC))


def from_moment(column: ibis.Value) -> ibis.Value:
    """Returns the seconds of a column of dates or timestamps."""
    return _seconds(column.cast(UTC))


def _seconds(time):
    return time.truncate("s").epoch_seconds().cast("int64")
