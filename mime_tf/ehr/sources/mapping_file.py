"""The YAML that says which tables a hospital has and what their columns are, read and checked before any table is.

`docs/tables.md` describes it. Nothing in it is executed; it holds names of tables and columns, and a few constants.
"""

import dataclasses
import difflib

from mime_tf.ehr.sources import time_form
from mime_tf.ehr.sources.folder import split_ending
from mime_tf.errors import InputError, show
from mime_tf.terminal import packages

# The columns of each part, and what each holds; a star marks those that must be given.
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
        "display": "what the code is called",
        "diagnosis": "the identifier of the row, for links",
    },
    "orders": {
        "order": "*the order's identifier",
        "visit": "*the visit's identifier",
        "code": "*what was ordered",
        "time": "when it was ordered",
        "display": "what the code is called",
        "reason": "the diagnosis that led to the order",
    },
    "links": {
        "order": "*the order's identifier",
        "code": "the diagnosis",
        "diagnosis": "the identifier of a row of diagnoses",
    },
    "names": {"key": "*the code", "code": "another code in its place", "display": "what the code is called"},
}
CONSTANTS = {"diagnoses": ("system",), "orders": ("kind", "system"), "links": ("kind",)}
NAMED = ("diagnoses", "orders")  # parts that may have look-ups of names
LISTS = {"orders": True, "links": False}  # parts that are lists, and whether they must be there
SECTIONS = ("patients", "visits", "diagnoses", "orders", "links")
KINDS = ("rx", "pr")


@dataclasses.dataclass(frozen=True)
class Part:
    """A table that is read.

    Attributes:
        where: its place in the mapping, such as `orders[1]`.
        section: the part of `COLUMNS` that it is of.
        file: what its files are called, without their ending.
        columns: dict from what a column holds to its name in the table.
        constants: dict of `kind` and `system`, as far as the section has them.
        form: strptime's pattern of its times, None for ISO 8601.
        names: Part of a look-up, or None.
    """

    where: str
    section: str
    file: str
    columns: dict
    constants: dict
    form: str | None
    names: "Part | None" = None


@dataclasses.dataclass(frozen=True)
class Mapping:
    """A whole mapping: `patients` is a Part or None, `visits` and `diagnoses` are, `orders` and `links` are tuples."""

    patients: Part | None
    visits: Part
    diagnoses: Part
    orders: tuple
    links: tuple

    def parts(self):
        """Returns all tables that are read, look-ups among them."""
        parts = [self.visits, self.diagnoses, *self.orders, *self.links, *([self.patients] if self.patients else [])]
        return parts + [part.names for part in parts if part.names]


def read(path):
    """Reads a mapping.

    Args:
        path: of the YAML.

    Returns:
        Mapping.

    Raises:
        InputError: the file is no YAML, or something in it is unknown, missing or wrong. The message names the place.
    """
    try:
        return _mapping(_yaml(path))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _yaml(path):
    yaml = packages.require("yaml", "mapping", "ehr")
    try:
        with open(path, encoding="utf-8-sig") as file:
            text = file.read()
        root, content = yaml.compose(text, yaml.SafeLoader), yaml.safe_load(text)
    except OSError as error:
        raise InputError(f"not readable: {error.strerror}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"not YAML: {' '.join(str(error).split())}") from error
    _check_keys(yaml, root, set())
    return content


def _check_keys(yaml, node, seen):
    """Raises InputError if a key is there twice: PyYAML would take the last, and say nothing."""
    if node is None or id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                raise InputError(f"line {node.value[place][0].start_mark.line + 1}: {key} is there twice")
        for _, value in node.value:
            _check_keys(yaml, value, seen)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check_keys(yaml, value, seen)


def _mapping(content):
    _check_dict(content, "", ("time_format", *SECTIONS))
    form = _form(content, "time_format", None)
    parts = {}
    for section in SECTIONS:
        if section in LISTS:
            parts[section] = _list(content, section, form)
        elif section in content or section != "patients":
            parts[section] = _part(_get(content, section, section, "a table"), section, section, form)
    mapping = Mapping(parts.pop("patients", None), **parts)
    _check_links(mapping)
    return mapping


def _list(content, section, form):
    tables = content.get(section, [])
    if not isinstance(tables, list) or (LISTS[section] and not tables):
        raise InputError(
            f"{section}: found {_shown(content.get(section))}; must be a list of tables, each begun with a -"
        )
    return tuple(_part(table, section, f"{section}[{n}]", form) for n, table in enumerate(tables, start=1))


def _part(content, section, where, form):
    constants, named = CONSTANTS.get(section, ()), section in NAMED
    own = ("time_format",) if section not in ("links", "names") else ()
    _check_dict(content, where, ("file", *COLUMNS[section], *constants, *own, *(["names"] if named else [])))
    columns = {}
    for key, holds in COLUMNS[section].items():
        if key in content or holds.startswith("*"):
            columns[key] = _get(content, key, f"{where}.{key}", f"the column with {holds.lstrip('*')}")
    values = {key: _get(content, key, f"{where}.{key}", _constant(key)) for key in constants}
    if values.get("kind", KINDS[0]) not in KINDS:
        raise InputError(f"{where}.kind: found {show(values['kind'])}; must be rx or pr")
    _check_choice(section, where, columns)
    file, _ = split_ending(_get(content, "file", f"{where}.file", "the name of a table, such as PAT_ENC"))
    names = _part(content["names"], "names", f"{where}.names", None) if "names" in content else None
    return Part(where, section, file, columns, values, _form(content, f"{where}.time_format", form), names)


def _constant(key):
    return "rx or pr" if key == "kind" else "the name of a code system, such as ICD-10-CM"


def _check_choice(section, where, columns):
    if section == "links" and ("code" in columns) == ("diagnosis" in columns):
        raise InputError(f"{where}: must have either code, the diagnosis, or diagnosis, the identifier of its row")
    if section == "names" and len(columns) == 1:
        raise InputError(f"{where}: must have display, what the code is called, or code, another code in its place")


def _check_links(mapping):
    for link in mapping.links:
        if "diagnosis" in link.columns and "diagnosis" not in mapping.diagnoses.columns:
            raise InputError(f"{link.where}.diagnosis: needs diagnoses.diagnosis, the column that it refers to")
        kinds = [order.constants["kind"] for order in mapping.orders]
        if link.constants["kind"] not in kinds:
            raise InputError(f"{link.where}.kind: found {link.constants['kind']}; must be a kind of the orders")


def _check_dict(content, where, known):
    """Raises InputError unless this is a dict of known keys."""
    at = f"{where}: " if where else ""
    if not isinstance(content, dict):
        raise InputError(f"{at}found {_shown(content)}; must have the keys {', '.join(known)}")
    unknown = next((key for key in content if key not in known), None)
    if unknown is not None:
        near = difflib.get_close_matches(str(unknown), known, 1)
        right = f"perhaps {near[0]} is meant; " if near else ""
        raise InputError(f"{at}unknown key {show(unknown)}; {right}must be one of {', '.join(known)}")


def _get(content, key, where, meaning):
    """A text, or for a whole part what is there."""
    if key not in content:
        raise InputError(f"{where}: missing; must be {meaning}")
    value = content[key]
    if where not in SECTIONS and (not isinstance(value, str) or not value.strip()):
        raise InputError(f"{where}: found {_shown(value)}; must be {meaning}, as text")
    return value if where in SECTIONS else value.strip()


def _shown(value):
    return "nothing" if value is None else show(value)


def _form(content, where, default):
    if "time_format" not in content:
        return default
    form = _get(content, "time_format", where, "the form of a time, such as %m/%d/%Y")
    try:
        time_form.pattern(form)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return form
