"""What resources are made of: text, dates, codes and references (https://hl7.org/fhir/R4/datatypes.html)."""

import datetime
import functools
import re

from mime_tf.ehr.schema import SYSTEMS, system_name
from mime_tf.errors import InputError, show

_TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?", re.ASCII
)
_ADDRESS = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([^/?#]+)(?:/_history/[^/?#]+)?")
_EPOCH = datetime.date(1970, 1, 1).toordinal()


def text(element, name):
    """Returns an element that is text, or None where there is none.

    Raises:
        InputError: it is something else.
    """
    return _of(str, element, name, "text")


def child(element, name):
    """Returns an element that is an object, `{}` where there is none.

    Raises:
        InputError: it is something else.
    """
    return _of(dict, element, name, "an object") or {}


def children(element, name):
    """Returns an element that is a list of objects, `[]` where there is none.

    Raises:
        InputError: it is something else.
    """
    found = _of(list, element, name, "a list of objects") or []
    for item in found:
        if not isinstance(item, dict):
            raise InputError(f"{name}: found {show(item)} in it; must be a list of objects")
    return found


def _of(kind, element, name, right):
    found = element.get(name)
    if found is None or isinstance(found, kind):
        return found
    raise InputError(f"{name}: found {show(found)}; must be {right}")


def time(element, name):
    """Returns a date or time in seconds since 1970-01-01T00:00:00 UTC, None where there is none.

    A part of a date counts as its first instant, a time without a zone as UTC.

    >>> time({"birthDate": "1970"}, "birthDate"), time({"start": "1970-02-01T00:00:01.9+01:00"}, "start")
    (0, 2674801)

    Raises:
        InputError: it can't be read.
    """
    found = text(element, name)
    if found is None:
        return None
    parts = _TIME.fullmatch(found)
    if parts:
        year, month, day, hour, minute, second, zone = parts.groups()
        clock = 3600 * int(hour or 0) + 60 * int(minute or 0) + int(second or 0)
        days = _days(int(year), int(month or 1), int(day or 1))
        if days is not None and int(hour or 0) < 24 and int(minute or 0) < 60 and int(second or 0) <= 60:
            return 86400 * days + clock - _offset(zone)
    right = "a date or time such as 2010, 2010-05, 2010-05-03 or 2010-05-03T10:11:12Z"
    raise InputError(f"{name}: found {show(found)}; must be {right}")


@functools.lru_cache(maxsize=1 << 16)
def _days(year, month, day):
    try:
        return datetime.date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None


def _offset(zone):
    if zone in (None, "Z"):
        return 0
    seconds = 3600 * int(zone[1:3]) + 60 * int(zone[4:6])
    return -seconds if zone[0] == "-" else seconds


def coding(concept):
    """Returns (system, code, display) of a CodeableConcept, or None where it has no code but text at most.

    Its codings say the same in several systems; taken is the one that a user chose (`userSelected`), else the first
    of a system in `schema.SYSTEMS`, else the first. A coding without a system has the system `""`, one without a
    display the text of the concept.

    Raises:
        InputError: it is not made as a CodeableConcept is.
    """
    codings = [item for item in children(concept, "coding") if text(item, "code")]
    if not codings:
        return None
    chosen = min(codings, key=_rank)
    display = text(chosen, "display") or text(concept, "text")
    return _system(text(chosen, "system") or ""), chosen["code"].strip(), display


def _rank(item):
    if item.get("userSelected") is True:
        return 0
    return 1 if _is_known(text(item, "system") or "") else 2


@functools.lru_cache(maxsize=1024)
def _system(system):
    return system_name(system)


@functools.lru_cache(maxsize=1024)
def _is_known(system):
    return system_name(system) in SYSTEMS.values()


def address(element, expected):
    """Returns what a Reference refers to as `Type/id`, None where it has no `reference`; `#id` stays as it is.

    Args:
        element: a Reference, or `{}`.
        expected: the type that is meant by a `urn:`, which names none.
    """
    found = text(element, "reference")
    return found if found is None or found.startswith("#") else key(found, expected)


def key(url, expected):
    """Returns `Type/id` of a URL; the server and the version do not matter. One of another form stays as it is.

    >>> key("https://example.org/fhir/Condition/7/_history/2", "Condition"), key("urn:uuid:53fe", "Condition")
    ('Condition/7', 'Condition/53fe')
    """
    if url.startswith(("urn:uuid:", "urn:oid:")):
        return f"{expected}/{url.split(':', 2)[2]}"
    parts = _ADDRESS.fullmatch(url)
    return f"{parts[1]}/{parts[2]}" if parts else url
