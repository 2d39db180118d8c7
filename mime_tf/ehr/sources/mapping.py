"""The mapping in YAML from a hospital's tables and columns to the common ones, read and checked before any table.

`docs/tables.md` describes it. It holds names of tables and columns and a few constants; nothing in it is executed.
"""

import dataclasses
import difflib
import os
from typing import Any

from mime_tf.ehr.schema import ORDER_KINDS
from mime_tf.ehr.sources.files import time_format as formats
from mime_tf.ehr.sources.files.folder import split_ending
from mime_tf.errors import InputError, show
from mime_tf.terminal import packages, reading

# The columns of each section, and the content of each; a star marks those that must be given.
COLUMNS = {
    "patients": {"patient": "*the patient's identifier", "birth": "dates of birth", "sex": "sexes", "death": "deaths"},
    "visits": {
        "visit": "*the visit's identifier",
        "patient": "*the patient's identifier",
        "start": "*when the visit starts",
        "stop": "when the visit ends",
    },
    "diagnoses": {
        "visit": "*the visit's identifier",
        "code": "*the diagnosis",
        "time": "when it was recorded",
        "display": "the name of the code",
        "diagnosis": "the identifier of the row, for links",
        "patient": "the patient's identifier, to be compared with the visit's",
    },
    "orders": {
        "order": "*the order's identifier",
        "visit": "*the visit's identifier",
        "code": "*the ordered code",
        "time": "when it was ordered",
        "display": "the name of the code",
        "reason": "the diagnosis that led to the order",
        "patient": "the patient's identifier, to be compared with the visit's",
    },
    "links": {
        "order": "*the order's identifier",
        "code": "the diagnosis",
        "diagnosis": "the identifier of a row of diagnoses",
    },
    "names": {"key": "*the code", "code": "another code in its place", "display": "the name of the code"},
}
CONSTANTS = {"diagnoses": ("system",), "orders": ("kind", "system"), "links": ("kind",)}
NAMED = ("diagnoses", "orders")  # sections that may have a look-up of names
LISTS = {"orders": True, "links": False}  # sections that are lists, and whether they must be given
SECTIONS = ("patients", "visits", "diagnoses", "orders", "links")


@dataclasses.dataclass(frozen=True)
class Part:
    """A table that is read.

    Attributes:
        where: its location in the mapping, such as `orders[1]`.
        section: its section, a key of `COLUMNS`.
        file: name of its files, without their ending.
        columns: the name of each column in the table, by its key in `COLUMNS`.
        constants: `kind` and `system`, as far as the section has them.
        time_format: strptime's pattern of its times, or None for ISO 8601.
        names: the look-up of names, or None.
    """

    where: str
    section: str
    file: str
    columns: dict[str, str]
    constants: dict[str, str]
    time_format: str | None
    names: "Part | None" = None


@dataclasses.dataclass(frozen=True)
class Mapping:
    """A whole mapping, with the tables of each section."""

    patients: Part | None
    visits: Part
    diagnoses: Part
    orders: tuple[Part, ...]
    links: tuple[Part, ...]

    def parts(self) -> list[Part]:
        """Returns all tables that are read, look-ups among them."""
        parts = [self.visits, self.diagnoses, *self.orders, *self.links, *([self.patients] if self.patients else [])]
        return parts + [part.names for part in parts if part.names]


def read(path: str | os.PathLike) -> Mapping:
    """Reads a mapping.

    Raises:
        InputError: the file is not YAML, or a key is unknown, missing or has a wrong value; the message names the key.
    """
    try:
        return _mapping(_yaml(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _yaml(path):
    yaml = packages.require("yaml", "mapping", "ehr")
    try:
        with reading.open_text(path) as file:
            text = file.read()
        root, content = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except OSError as error:
        raise InputError(f"not readable: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"not YAML: {' '.join(str(error).split())}") from error
    _check_keys(yaml, root, set())
    return content


def _check_keys(yaml, node, seen):
    """Raises InputError if a key is given twice, because PyYAML would take the last one without an error."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                raise InputError(f"line {node.value[index][0].start_mark.line + 1}: {key} is given twice")
        for _, value in node.value:
            _check_keys(yaml, value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys(yaml, value, seen)


def _mapping(content):
    _check_dict(content, "", ("time_format", *SECTIONS))
    time_format = _time_format(content, "time_format", None)
    parts: dict[str, Any] = {}
    for section in SECTIONS:
        if section in LISTS:
            parts[section] = _list(content, section, time_format)
        elif section in content or section != "patients":
            parts[section] = _part(_get(content, section, section, "a table"), section, section, time_format)
    mapping = Mapping(parts.pop("patients", None), **parts)
    _check_links(mapping)
    return mapping


def _list(content, section, time_format):
    tables = content.get(section, [])
    if not isinstance(tables, list) or (LISTS[section] and not tables):
        raise InputError(
            f"{section}: found {_shown(content.get(section))}; must be a list of tables, each begun with a -"
        )
    return tuple(_part(table, section, f"{section}[{n}]", time_format) for n, table in enumerate(tables, start=1))


def _part(content, section, where, time_format):
    constants = CONSTANTS.get(section, ())
    optional = ["time_format"] * (section not in ("links", "names")) + ["names"] * (section in NAMED)
    _check_dict(content, where, ("file", *COLUMNS[section], *constants, *optional))
    columns = {}
    for key, meaning in COLUMNS[section].items():
        if key in content or meaning.startswith("*"):
            columns[key] = _get(content, key, f"{where}.{key}", f"the column with {meaning.lstrip('*')}")
    values = {key: _get(content, key, f"{where}.{key}", _constant(key)) for key in constants}
    if "kind" in values and values["kind"] not in ORDER_KINDS:
        raise InputError(f"{where}.kind: found {show(values['kind'])}; must be rx or pr")
    _check_choice(section, where, columns)
    file, _ = split_ending(_get(content, "file", f"{where}.file", "the name of a table, such as PAT_ENC"))
    names = _part(content["names"], "names", f"{where}.names", None) if "names" in content else None
    return Part(
        where, section, file, columns, values, _time_format(content, f"{where}.time_format", time_format), names
    )


def _constant(key):
    return "rx or pr" if key == "kind" else "the name of a code system, such as ICD-10-CM"


def _check_choice(section, where, columns):
    if section == "links" and ("code" in columns) == ("diagnosis" in columns):
        raise InputError(f"{where}: must have either code, the diagnosis, or diagnosis, the identifier of its row")
    if section == "names" and len(columns) == 1:
        raise InputError(f"{where}: must have display, the name of the code, or code, another code in its place")


def _check_links(mapping):
    for link in mapping.links:
        if "diagnosis" in link.columns and "diagnosis" not in mapping.diagnoses.columns:
            raise InputError(f"{link.where}.diagnosis: needs diagnoses.diagnosis, the column that it refers to")
        kinds = [order.constants["kind"] for order in mapping.orders]
        if link.constants["kind"] not in kinds:
            raise InputError(f"{link.where}.kind: found {link.constants['kind']}; must be a kind of the orders")


def _check_dict(content, where, known):
    """Raises InputError unless this is a dict of known keys."""
    prefix = f"{where}: " if where else ""
    if not isinstance(content, dict):
        raise InputError(f"{prefix}found {_shown(content)}; must have the keys {', '.join(known)}")
    unknown = next((key for key in content if key not in known), None)
    if unknown is not None:
        near = difflib.get_close_matches(str(unknown), known, 1)
        hint = f"perhaps {near[0]} is meant; " if near else ""
        raise InputError(f"{prefix}unknown key {show(unknown)}; {hint}must be one of {', '.join(known)}")


def _get(content, key, where, meaning):
    """A value as text, or for a whole section as it is."""
    if key not in content:
        raise InputError(f"{where}: missing; must be {meaning}")
    value = content[key]
    if where not in SECTIONS and (not isinstance(value, str) or not value.strip()):
        raise InputError(f"{where}: found {_shown(value)}; must be {meaning}, as text")
    return value if where in SECTIONS else value.strip()


def _shown(value):
    return "nothing" if value is None else show(value)


def _time_format(content, where, default):
    if "time_format" not in content:
        return default
    time_format = _get(content, "time_format", where, "the form of a time, such as %m/%d/%Y")
    try:
        formats.pattern(time_format)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return time_format
