"""The columns of a Parquet cohort, and which Arrow types each may have."""

import pyarrow as pa

from mime_tf.errors import InputError

_LISTS = (pa.ListType, pa.LargeListType, pa.ListViewType, pa.LargeListViewType, pa.FixedSizeListType)
# The shapes that are right, by name.
COLUMNS = {"patient_id": ("string", "int"), "label": ("bool", "int", "float"), "visits": ("list<list<struct>>",)}
FIELDS = {"dx": ("int",), "rx": ("list<int>",), "pr": ("list<int>",)}
_KINDS = {
    "int": (pa.types.is_integer, pa.types.is_null),  # pandas and Arrow give the null type to lists that are all empty
    "float": (pa.types.is_floating,),
    "bool": (pa.types.is_boolean,),
    "string": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "struct": (pa.types.is_struct,),
}


def shape(kind):
    """Names what matters of an Arrow type, in the words of `COLUMNS`; other types have the name "other"."""
    if isinstance(kind, _LISTS):
        return f"list<{shape(kind.value_type)}>"
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return next((name for name, tests in _KINDS.items() if any(test(kind) for test in tests)), "other")


def check_schema(schema, path, labelled):
    """Checks the columns of a file; returns the shape of patient_id, "absent" where there is none."""
    wanted = {"visits"} | ({"label"} if labelled else set()) | ({"patient_id"} & set(schema.names))
    needed = {name: right for name, right in COLUMNS.items() if name in wanted}
    shapes = _check_fields(schema, needed, f"{path}: ", "column")
    _check_fields(schema.field("visits").type.value_type.value_type, FIELDS, f"{path}: column visits: ", "field")
    return shapes.get("patient_id", "absent")


def _check_fields(fields, needed, place, what):
    """Checks that each of the names `needed` is there once, in a shape that is right; returns the shapes by name."""
    names, shapes = [field.name for field in fields], {}
    for name, right in needed.items():
        if names.count(name) != 1:
            count = f"{names.count(name)} {what}s" if name in names else f"no {what}"
            found = f"{count} {name}; found {one_line(', '.join(names))}"
            raise InputError(f"{place}{found}; needed {', '.join(needed)}")
        kind = fields.field(names.index(name)).type
        shapes[name] = shape(kind)
        if shapes[name] not in right:
            raise InputError(f"{place}{what} {name}: found {one_line(kind)}; needed {' or '.join(right)}")
    return shapes


def one_line(value):
    """Describes a value in one line that is not too long."""
    text = " ".join(str(value).split())
    return text if len(text) <= 120 else text[:117] + "..."
