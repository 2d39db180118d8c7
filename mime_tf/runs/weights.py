"""The weights of MiME as Keras lays them out in `model.weights.h5`, and whether a file has exactly these.

The file may come from a stranger, and HDF5 can do more than hold arrays: a dataset may lie in another file, a link lead
out of this one, and a shape promise more than is there. None of that gets as far as Keras.
"""

import io
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mime_tf.errors import InputError, show

Shapes = dict[str, tuple[int, ...]]

_OPTIMIZER = re.compile(r"optimizer/(?:inner_optimizer/)?vars/(\d{1,4})")
_GATES = {"gru_v1": 3, "gru": 3, "lstm": 4}
# Number of rows of the bias; None for a vector.
_BIASES: dict[str, int | None] = {"gru_v1": None, "gru": 2, "lstm": None}
_REGRESSION = "layers/code_regression/vars"
_ABOVE = "layers/code_regression/above/vars"
_TIMES = 4  # numbers that tell when a visit was, as in mime_tf.layers.visit_times
# int64, keys, pairs of diagnoses and ancestors; all others are float32.
_WHOLE = (f"{_REGRESSION}/0", f"{_REGRESSION}/4", *(f"{_ABOVE}/{index}" for index in range(6)))
_RELATIONS = re.compile(r"(.*dxobject_embedding)/shared/vars/([345])")
_NETWORK = re.compile(r"layers/mi_me(?:_\d+)?/")
# Groups without arrays, in a network and in the file.
_EMPTY = (
    *("vars", "layers/visit_embedding/vars", "auxiliary/vars"),
    *(f"layers/visit_pooling{number}/vars" for number in ("", "_1", "_2")),
)
_EMPTY_IN_FILE = (*_EMPTY, "optimizer/vars", "optimizer/inner_optimizer/vars")


def shapes(arguments: Mapping[str, Any]) -> Shapes:
    """Returns the shape of each weight by its path in the file, in the order in which the model has them.

    Args:
        arguments: of `mime_tf.MiME`, as in a saved configuration.
    """
    width, dxobj, state = (arguments[name] for name in ("emb_size", "dxobj_emb_size", "rnn_size"))
    codes = [arguments[f"num_{kind}"] for kind in ("dx", "rx", "pr")]
    views = {"last": state}
    result: Shapes = {f"dxobject_embedding/vars/{index}": (count, width) for index, count in enumerate(codes)}
    for name, units in (("dx_to_rx", width), ("dx_to_pr", width), ("to_dxobj", dxobj)):
        result |= _dense(f"dxobject_embedding/{name}", width, units)
    above = arguments["ancestors"] or ()
    shared = [*((count, width) for count in above[:6:2]), *((count, 2) for count in above[1:6:2])]
    result |= {f"dxobject_embedding/shared/vars/{index}": shape for index, shape in enumerate(shared)}
    for attention in above[6:]:
        result |= _dense("dxobject_embedding/shared/hidden", 2 * width, attention)
        result |= {"dxobject_embedding/shared/score/vars/0": (attention, 1)}
    if arguments["equations"] == "paper":
        result |= {"layers/visit_transform/vars/0": (dxobj, dxobj)}
    if arguments["visit_days"]:
        result |= {f"layers/visit_times/vars/{index}": (_TIMES, dxobj) for index in range(2)}
    if "last" in arguments["pooling"]:
        result |= _recurrence(arguments["rnn_cell"], dxobj, state)
    read = sum(views.get(view, dxobj) for view in arguments["pooling"]) + attribute_count(arguments)
    result |= _dense("layers/dense", read, arguments["outcomes"])
    if arguments["aux_heads"]:
        for kind, count in zip(("dx", "rx", "pr"), codes, strict=True):
            result |= _dense(f"auxiliary/{kind}_head", dxobj, count)
    return result


def blend_shapes(arguments: Mapping[str, Any]) -> Shapes:
    """Returns, as `shapes` does, those of a blend; `arguments` are of `mime_tf.blend.Blend`."""
    networks = [kind for kind in arguments["kinds"] for _ in range(arguments["members"])]
    result: Shapes = {}
    for index, network in enumerate(networks):
        prefix = f"layers/mi_me{f'_{index}' if index else ''}"
        result |= {f"{prefix}/{name}": shape for name, shape in shapes(network).items()}
    has_regression = arguments["windows"] is not None
    if has_regression:
        result |= {f"{_REGRESSION}/{index}": (sum(arguments["sizes"]),) for index in range(3)}
        result |= {f"{_REGRESSION}/3": ()}
        pairs = arguments["sequences"]
        result |= {f"{_REGRESSION}/4": (pairs, 2), f"{_REGRESSION}/5": (pairs,), f"{_REGRESSION}/6": (pairs,)}
        result |= {f"{_REGRESSION}/7": (attribute_count(arguments),)}
        for index, size in enumerate(arguments["ancestors"] or ()):
            result[f"{_ABOVE}/{index}"] = (size + (index % 2 == 0),)  # offsets of the codes, then their ancestors
    return result | {"vars/0": (len(arguments["kinds"]) + has_regression,), "vars/1": ()}


def attribute_count(arguments: Mapping[str, Any]) -> int:
    """Returns the number of attributes of a patient that a model reads; `arguments` are its own."""
    return sum(map(len, (arguments["attributes"] or {}).values()))


def _recurrence(cell: str, inputs: int, state: int) -> Shapes:
    columns, rows = _GATES[cell] * state, _BIASES[cell]
    path = f"layers/{cell.replace('_', '')}/cell/vars"
    bias = (columns,) if rows is None else (rows, columns)
    return {f"{path}/0": (inputs, columns), f"{path}/1": (state, columns), f"{path}/2": bias}


def _dense(path: str, inputs: int, units: int) -> Shapes:
    return {f"{path}/vars/0": (inputs, units), f"{path}/vars/1": (units,)}


def size(wanted: Shapes) -> int:
    """Returns the bytes of weights of some shapes, were all float32."""
    return 4 * sum(map(math.prod, wanted.values()))


def check(path: str, content: bytes, wanted: Shapes) -> None:
    """Checks that an HDF5 file holds the weights of a model, perhaps its optimizer's arrays, and nothing else.

    Args:
        path: of the model, for messages.
        content: bytes of the HDF5 file.
        wanted: as `shapes` returns it.

    Raises:
        InputError: an array is missing, another, of another shape or type, or not whole within the file.
        Exception: the file is damaged; h5py raises nearly anything.
    """
    import h5py

    with h5py.File(io.BytesIO(content), "r") as file:
        arrays = dict(_datasets(path, file, "", _groups(wanted)))
        if sum(array.nbytes for array in arrays.values()) > len(content):
            raise InputError(f"{path}: damaged: arrays overlap; each needs bytes of its own")
        of_a_moment = {(), *wanted.values()}
        for name, array in arrays.items():
            right = array.shape in of_a_moment if _OPTIMIZER.fullmatch(name) else name in wanted
            if not right:
                raise InputError(f"{path}: holds {show(name)} of shape {array.shape}; refused, for MiME has none such")
        for name, shape in wanted.items():
            if name not in arrays:
                raise InputError(f"{path}: damaged: no weights {name}")
            kind = "int64" if name in _WHOLE or _RELATIONS.fullmatch(name) else "float32"
            if arrays[name].shape != shape or arrays[name].dtype != np.dtype(kind).newbyteorder("<"):
                value = f"{arrays[name].dtype} of shape {arrays[name].shape}"
                raise InputError(f"{path}: damaged: {name}: found {value}; must be {kind} of shape {shape}")
        for index in (0, 2, 4) if f"{_ABOVE}/0" in wanted else ():
            _check_offsets(
                path, f"{_ABOVE}/{index}", arrays[f"{_ABOVE}/{index}"][:], wanted[f"{_ABOVE}/{index + 1}"][0]
            )
        for match in filter(None, map(_RELATIONS.fullmatch, wanted)):
            layer, index = match[1], int(match[2]) - 3
            counts = wanted[f"{layer}/vars/{index}"][0], wanted[f"{layer}/shared/vars/{index}"][0]
            _check_relations(path, match[0], arrays[match[0]][:], counts)


def _check_offsets(path: str, name: str, offsets: np.ndarray, end: int) -> None:
    """Raises InputError unless offsets go from 0 to `end`: a code would have ancestors without end, or another's."""
    if offsets[0] != 0 or offsets[-1] != end or (np.diff(offsets) < 0).any():
        raise InputError(f"{path}: damaged: {name}: found {show(offsets.tolist())}; must rise from 0 to {end}")


def _check_relations(path: str, name: str, relations: np.ndarray, counts: tuple[int, int]) -> None:
    """Raises InputError unless each row is of a code and an ancestor that the model has."""
    wrong = np.flatnonzero(((relations < 0) | (relations >= counts)).any(axis=1))
    if len(wrong):
        row, (codes, ancestors) = wrong[0], counts
        raise InputError(
            f"{path}: damaged: {name}: row {row}: found {show(relations[row].tolist())}; must be one of {codes} codes "
            f"and one of {ancestors} ancestors, numbered from 0"
        )


def _groups(wanted: Shapes) -> set[str]:
    """Returns the groups that a file of some weights may have: those of arrays, those around them, and empty ones."""
    networks = {match[0] for name in wanted if (match := _NETWORK.match(name))}
    groups = {name.rpartition("/")[0] for name in wanted} | set(_EMPTY_IN_FILE)
    groups |= {network + name for network in networks for name in _EMPTY}
    paths = [name.split("/") for name in groups]
    around = {"/".join(path[:count]) for path in paths for count in range(1, len(path))}
    return groups | around | {f"{name}/vars" for name in around}


def _datasets(path: str, group: Any, prefix: str, allowed: set[str]) -> Iterator[tuple[str, Any]]:
    """Yields the name and dataset of each array; follows no link out of the file."""
    import h5py

    for key in group:
        name = f"{prefix}{key}"
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise InputError(f"{path}: {show(name)} is a link; refused, for a model's weights lie in its own file")
        item = group[key]
        if isinstance(item, h5py.Dataset):
            _check_whole(path, name, item)
            yield name, item
        elif isinstance(item, h5py.Group) and name in allowed:
            yield from _datasets(path, item, f"{name}/", allowed)
        else:
            raise InputError(f"{path}: holds {show(name)}; refused, for MiME has no such weights")


def _check_whole(path: str, name: str, dataset: Any) -> None:
    """Raises InputError unless the values of a dataset lie one after another in the file itself."""
    import h5py

    if dataset.external or dataset.is_virtual:
        raise InputError(f"{path}: {show(name)} lies in another file; refused, for a model's weights lie in its own")
    layout = dataset.id.get_create_plist().get_layout()
    if layout not in (h5py.h5d.CONTIGUOUS, h5py.h5d.COMPACT) or dataset.dtype.kind not in "fi":
        raise InputError(f"{path}: {show(name)}: found {dataset.dtype}, perhaps in chunks; plain numbers are needed")
    held = dataset.id.get_storage_size()
    if dataset.shape is None or held != dataset.nbytes:
        raise InputError(f"{path}: damaged: {show(name)}: {held} bytes, which are not those of its shape")
