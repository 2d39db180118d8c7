"""Times that are not written as ISO 8601 has them, such as 9/28/2023 3:04:05 PM, brought into that form.

This is done with patterns, because engines differ in what their own strptime takes and in what they do with the rest.
"""

import re

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
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
RIGHT = "year (%Y), month (%m or %b) and day (%d), and for the time of day %H, or %I with %p, then %M, %S and %f"


def pattern(form):
    r"""Returns strptime's pattern as a regular expression, and its directives in their order.

    >>> pattern("%m/%d/%Y")
    ('^(\\d{1,2})\\/(\\d{1,2})\\/(\\d{4})$', ['m', 'd', 'Y'])

    Raises:
        InputError: a directive is unknown or there twice, or they do not make a date. `%y` is one of these: a year of
            two digits does not say its century.
    """
    parts = re.split(r"%(.)", form, flags=re.DOTALL)
    literals, names = parts[::2], parts[1::2]
    date = set(names) - set("HIMSfp")
    clock = "".join(name for name in "HIMSfp" if name in names)
    whole = date in ({"Y", "m", "d"}, {"Y", "b", "d"}) and clock in (
        "",
        "H",
        "HM",
        "HMS",
        "HMSf",
        "IMp",
        "IMSp",
        "IMSfp",
    )
    if not whole or len(set(names)) < len(names) or "%" in "".join(literals):
        raise InputError(f"found {show(form)}; must be the form of a time: {RIGHT}")
    groups = [f"({DIRECTIVES[name]})" for name in names]
    escaped = [re.sub(r"([^A-Za-z0-9 ])", r"\\\1", literal) for literal in literals]
    return f"^{escaped[0]}{''.join(map(''.join, zip(groups, escaped[1:], strict=True)))}$", names


def to_iso(text, form):
    """Returns times as text of the form `2023-09-28 15:04:05`; null where they don't have the form.

    A day or hour that there is not stays as it is, such as 2023-02-30.

    Args:
        text: Ibis string expression.
        form: as `pattern`.
    """
    import ibis

    regex, names = pattern(form)
    found = {name: text.re_extract(regex, number) for number, name in enumerate(names, start=1)}
    part = {name: value.lpad(2, "0") for name, value in found.items() if name in "mdHMS"}
    if "b" in found:
        numbers = {month: f"{number:02}" for number, month in enumerate(MONTHS, start=1)}
        part["m"] = found["b"].lower().substitute(numbers, else_=found["b"])
    if "I" in found:
        part["H"] = _hour(found["I"].lpad(2, "0"), found["p"].lower())
    zero = ibis.literal("00")
    clock = part.get("H", zero) + ":" + part.get("M", zero) + ":" + part.get("S", zero)
    iso = found["Y"] + "-" + part["m"] + "-" + part["d"] + " " + clock
    return ibis.ifelse(text.re_search(regex), iso, ibis.null("string"))


def _hour(hour, half):
    """The hour of the day, of 01 to 12 and am or pm; 99 for another."""
    hours = {f"{h:02}{p}": f"{h % 12 + 12 * (p == 'pm'):02}" for h in range(1, 13) for p in ("am", "pm")}
    return (hour + half).substitute(hours, else_="99")
