"""Times that are not written as in ISO 8601, such as 9/28/2023 3:04:05 PM, rewritten in its form.

The engines have a strptime of their own, and Ibis reaches both, but they treat a value that does not fit differently:
DuckDB stops the whole query at the first one and names no line, Spark reads it as null. A message with file and line
needs null on every engine, so the parts of a time are taken by regular expressions, on which the engines agree.
"""

import re

import ibis

from mime_tf.errors import InputError, show

DIRECTIVES = {
    "Y": r"\d{4}",
    "m": r"\d{1,2}",
    "b": "[A-Za-z]{3}",
    "d": r"\d{1,2}",
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "M": r"\d{1,2}",
    "S": r"\d{1,2}",
    "f": r"\d{1,9}",
    "p": "[AaPp][Mm]",
}
DATES = ({"Y", "m", "d"}, {"Y", "b", "d"})
CLOCKS = ("", "H", "HM", "HMS", "HMSf", "IMp", "IMSp", "IMSfp")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
RIGHT = "year (%Y), month (%m or %b) and day (%d), and for the time of day %H, or %I with %p, then %M, %S and %f"


def pattern(time_format: str) -> tuple[str, list[str]]:
    r"""Returns strptime's pattern as a regular expression, and its directives in order.

    >>> pattern("%m/%d/%Y")
    ('^(\\d{1,2})\\/(\\d{1,2})\\/(\\d{4})$', ['m', 'd', 'Y'])

    Raises:
        InputError: a directive is unknown or occurs twice, or the directives do not make a date. `%y` is not accepted,
            because a year of two digits does not tell its century.
    """
    parts = re.split(r"%(.)", time_format, flags=re.DOTALL)
    literals, names = parts[::2], parts[1::2]
    clock = "".join(name for name in "HIMSfp" if name in names)
    whole = set(names) - set("HIMSfp") in DATES and clock in CLOCKS
    if not whole or len(set(names)) < len(names) or "%" in "".join(literals):
        raise InputError(f"found {show(time_format)}; must be the form of a time: {RIGHT}")
    groups = [f"({DIRECTIVES[name]})" for name in names]
    escaped = [re.sub(r"([^A-Za-z0-9 ])", r"\\\1", literal) for literal in literals]
    return f"^{escaped[0]}{''.join(map(''.join, zip(groups, escaped[1:], strict=True)))}$", names


def to_iso(text: ibis.Value, time_format: str) -> ibis.Value:
    """Returns times in the form `2023-09-28 15:04:05`; null where the text does not have the format.

    An impossible day or hour is kept, such as 2023-02-30, for the next step to refuse.

    Args:
        text: Ibis string expression.
        time_format: as for `pattern`.
    """
    regex, names = pattern(time_format)
    values = {name: text.re_extract(regex, number) for number, name in enumerate(names, start=1)}
    digits = {name: value.lpad(2, "0") for name, value in values.items() if name in "mdHMS"}
    if "b" in values:
        numbers = {month: f"{number:02}" for number, month in enumerate(MONTHS, start=1)}
        digits["m"] = values["b"].lower().substitute(numbers, else_=values["b"])
    if "I" in values:
        digits["H"] = _hour_of_day(values["I"].lpad(2, "0"), values["p"].lower())
    zero = ibis.literal("00")
    clock = digits.get("H", zero) + ":" + digits.get("M", zero) + ":" + digits.get("S", zero)
    iso = values["Y"] + "-" + digits["m"] + "-" + digits["d"] + " " + clock
    return ibis.ifelse(text.re_search(regex), iso, ibis.null("string"))


def _hour_of_day(hour, half):
    """The hour from 00 to 23, by an hour from 01 to 12 and am or pm; 99 for any other hour."""
    hours = {f"{h:02}{p}": f"{h % 12 + 12 * (p == 'pm'):02}" for h in range(1, 13) for p in ("am", "pm")}
    return (hour + half).substitute(hours, else_="99")
