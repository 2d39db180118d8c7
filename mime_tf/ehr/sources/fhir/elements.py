"""Elements of resources: text, times, codes and references (https://hl7.org/fhir/R4/datatypes.html)."""

import datetime
import functools
import re
from typing import Any

from mime_tf.ehr import no_codes
from mime_tf.ehr.schema import SYSTEMS, system_name
from mime_tf.ehr.seconds import DAY, from_date
from mime_tf.errors import InputError, show

_TIME = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?: ?(Z|[+-]\d\d:?\d\d))?)?)?)?", re.ASCII
)
_ADDRESS = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([^/?#]+)(?:/_history/[^/?#]+)?")

Element = dict[str, Any]


def text(element: Element, name: str) -> str | None:
    """Returns a child that is text, or None.

    Raises:
        InputError: it is something else.
    """
    return _typed(str, element, name, "text")


def child(element: Element, name: str) -> Element:
    """Returns a child that is an object, or `{}`.

    Raises:
        InputError: it is something else.
    """
    return _typed(dict, element, name, "an object") or {}


def children(element: Element, name: str) -> list[Element]:
    """Returns a child that is a list of objects, or `[]`.

    Raises:
        InputError: it is something else.
    """
    items = _typed(list, element, name, "a list of objects") or []
    for item in items:
        if not isinstance(item, dict):
            raise InputError(f"{name}: found {show(item)} in it; must be a list of objects")
    return items


def _typed(kind, element, name, right):
    value = element.get(name)
    if value is None or isinstance(value, kind):
        return value
    raise InputError(f"{name}: found {show(value)}; must be {right}")


def time(element: Element, name: str) -> int | None:
    """Returns a date or time in seconds since 1970-01-01T00:00:00 UTC, or None.

    A partial date counts as its first instant, a time without a zone as UTC. Zones without a colon and 24:00 are read
    too, though FHIR has neither.

    >>> time({"birthDate": "1970"}, "birthDate"), time({"start": "1970-02-01T00:00:01.9+01:00"}, "start")
    (0, 2674801)

    Raises:
        InputError: it can't be read.
    """
    value = text(element, name)
    if value is None:
        return None
    parts = _TIME.fullmatch(value)
    if parts:
        year, month, day, hour, minute, second, zone = parts.groups()
        clock = 3600 * int(hour or 0) + 60 * int(minute or 0) + int(second or 0)
        midnight = _midnight(int(year), int(month or 1), int(day or 1))
        if midnight is not None and clock <= DAY and int(minute or 0) < 60 and int(second or 0) <= 60:
            return midnight + clock - _offset(zone)
    right = "a date or time such as 2010, 2010-05, 2010-05-03 or 2010-05-03T10:11:12Z"
    raise InputError(f"{name}: found {show(value)}; must be {right}")


@functools.lru_cache(maxsize=1 << 16)
def _midnight(year, month, day):
    try:
        return from_date(datetime.date(year, month, day))
    except ValueError:
        return None


def _offset(zone):
    if zone in (None, "Z"):
        return 0
    seconds = 3600 * int(zone[1:3]) + 60 * int(zone[-2:])
    return -seconds if zone[0] == "-" else seconds


def coding(concept: Element) -> tuple[str, str, str | None] | None:
    """Returns the system, code and display of a CodeableConcept, or None if it has no code.

    Its codings mean the same in several systems; taken is the one that a user chose (`userSelected`), else the first of
    a system in `schema.SYSTEMS`, else the first. A coding without a system has the system `""`, one without a display
    the text of the concept. A coding that says that there is none (`absence`) is passed over.

    Raises:
        InputError: it does not have the form of a CodeableConcept.
    """
    codings = [item for item in _coded(concept) if not _absence(text(item, "system") or "", item["code"])]
    if not codings:
        return None
    chosen = min(codings, key=_rank)
    display = text(chosen, "display") or text(concept, "text")
    return _system(text(chosen, "system") or ""), chosen["code"].strip(), display


def absence(concept: Element) -> str | None:
    """Returns what the first code of a CodeableConcept says in place of a diagnosis or an order, in words, or None."""
    said = (_absence(text(item, "system") or "", item["code"]) for item in _coded(concept))
    return next(said, None)


def _coded(concept):
    return [item for item in children(concept, "coding") if text(item, "code")]


@functools.lru_cache(maxsize=1 << 14)
def _absence(system, code):
    return no_codes.absence(system, code)


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


def address(element: Element, expected: str) -> str | None:
    """Returns the target of a Reference as `Type/id`, or None if it has no `reference`; `#id` is kept.

    Args:
        element: a Reference, or `{}`.
        expected: type of the target of a `urn:`, which names no type.
    """
    reference = text(element, "reference")
    return reference if reference is None or reference.startswith("#") else key(reference, expected)


def key(url: str, expected: str) -> str:
    """Returns `Type/id` of a URL; the server and the version do not matter. A URL of another form is kept.

    >>> key("https://example.org/fhir/Condition/7/_history/2", "Condition"), key("urn:uuid:53fe", "Condition")
    ('Condition/7', 'Condition/53fe')
    """
    if url.startswith(("urn:uuid:", "urn:oid:")):
        return f"{expected}/{url.split(':', 2)[2]}"
    parts = _ADDRESS.fullmatch(url)
    return f"{parts[1]}/{parts[2]}" if parts else url
