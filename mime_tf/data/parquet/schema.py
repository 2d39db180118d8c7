"""Columns of a Parquet cohort, and the Arrow types that each may have."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from mime_tf.errors import InputError

_LISTS = (pa.ListType, pa.LargeListType, pa.ListViewType, pa.LargeListViewType, pa.FixedSizeListType)
# The right shapes of each column and field.
_LABELS = ("bool", "int", "float", "list<bool>", "list<int>", "list<float>")
COLUMNS = {"patient_id": ("string", "int"), "label": _LABELS, "visits": ("list<list<struct>>",)}
FIELDS = {"dx": ("int",), "rx": ("list<int>",), "pr": ("list<int>",)}
_KINDS = {
    "int": (pa.types.is_integer, pa.types.is_null),  # pandas and Arrow give the null type to lists that are all empty
    "float": (pa.types.is_floating,),
    "bool": (pa.types.is_boolean,),
    "string": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "struct": (pa.types.is_struct,),
}


def shape(kind: pa.DataType) -> str:
    """Returns an Arrow type in the words of `COLUMNS`, which leave out widths and names; `"other"` for other types."""
    if isinstance(kind, _LISTS):
        return f"list<{shape(kind.value_type)}>"
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return next((name for name, tests in _KINDS.items() if any(test(kind) for test in tests)), "other")


def check_schema(schema: pa.Schema, path: str, labelled: bool) -> str:
    """Checks the columns of a file; returns the shape of patient_id, `"absent"` without such a column."""
    wanted = {"visits"} | ({"label"} if labelled else set()) | ({"patient_id"} & set(schema.names))
    needed = {name: right for name, right in COLUMNS.items() if name in wanted}
    shapes = _check_fields(schema, needed, f"{path}: ", "column")
    _check_fields(schema.field("visits").type.value_type.value_type, FIELDS, f"{path}: column visits: ", "field")
    return shapes.get("patient_id", "absent")


def _check_fields(
    fields: pa.Schema | pa.StructType, needed: Mapping[str, Sequence[str]], prefix: str, noun: str
) -> dict[str, str]:
    """Checks that each of the names `needed` occurs once, in a shape that is right; returns the shapes by name."""
    names, shapes = [field.name for field in fields], {}
    for name, right in needed.items():
        if names.count(name) != 1:
            count = f"{names.count(name)} {noun}s" if name in names else f"no {noun}"
            raise InputError(f"{prefix}{count} {name}; found {one_line(', '.join(names))}; needed {', '.join(needed)}")
        kind = fields.field(names.index(name)).type
        shapes[name] = shape(kind)
        if shapes[name] not in right:
            raise InputError(f"{prefix}{noun} {name}: found {one_line(kind)}; needed {' or '.join(right)}")
    return shapes


def one_line(value: Any) -> str:
    """Returns a value as one line that is not too long."""
    text = " ".join(str(value).split())
    return text if len(text) <= 120 else text[:117] + "..."
