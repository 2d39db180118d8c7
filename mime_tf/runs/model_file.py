"""A model's file, vetted before Keras reads it: it may come from a stranger."""

import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from mime_tf.config import ACTIVATIONS, EQUATIONS, POOLING, RNN_CELLS
from mime_tf.errors import InputError, show
from mime_tf.runs.configuration import VOCABULARY_SIZES, is_whole
from mime_tf.runs.folder import CONFIG

# Names that a model's file may hold, as Keras writes them: module, class and registered name. Training compiles with
# those after the first two.
CLASSES = {
    ("mime_tf.model", "MiME", "mime_tf>MiME"),
    ("mime_tf.blend", "Blend", "mime_tf>Blend"),
    ("keras", "DTypePolicy", None),
    ("mime_tf.losses", "LogLoss", "mime_tf>LogLoss"),
    ("mime_tf.optimizer", "FusedAdam", "mime_tf>FusedAdam"),
    ("keras.optimizers", "Adam", None),
    ("keras.optimizers", "LossScaleOptimizer", None),
    *(("keras.optimizers.schedules", name, None) for name in ("CosineDecay", "ExponentialDecay", "PolynomialDecay")),
}
_NAMING = ("module", "class_name", "registered_name")
_MEMBERS = ["config.json", "metadata.json", "model.weights.h5"]
_LONGEST_CONFIG = 1 << 20

_SIZES = (*VOCABULARY_SIZES, "emb_size", "dxobj_emb_size", "rnn_size", "max_dx_per_visit")
_ACTIVATIONS = ("emb_activation", "order_activation", "visit_activation")
_ARGUMENTS = {
    **{name: lambda value: is_whole(value, 1) for name in _SIZES},
    **{name: lambda value: value in ACTIVATIONS for name in _ACTIVATIONS},
    **{name: lambda value: type(value) in (int, float) and value >= 0 for name in ("regularize", "aux_lambda")},
    "rnn_cell": lambda value: value in RNN_CELLS,
    "equations": lambda value: value in EQUATIONS,
    "regularize_embeddings": lambda value: value is None or (type(value) in (int, float) and value >= 0),
    **{name: lambda value: type(value) in (int, float) and 0 <= value < 1 for name in ("dropout", "code_dropout")},
    "pooling": lambda value: _is_pooling(value),
    "aux_heads": lambda value: type(value) is bool,
    "name": lambda value: isinstance(value, str),
    "trainable": lambda value: type(value) is bool,
    "dtype": lambda value: isinstance(value, dict),
}


def check(path: str, sizes: Mapping[str, int]) -> None:
    """Validates a `.keras` file without instantiating any object in it.

    Args:
        path: of the file.
        sizes: dict of the sizes that the model should have.

    Raises:
        InputError: the file is missing or damaged, holds anything but MiME, or a model of other sizes.
    """
    config = _read_config(path)
    for names in _named_classes(config):
        if names not in CLASSES:
            raise InputError(f"{path}: names {show(names)}; refused, for MiME is not made of that")
    if config.get("registered_name") == "mime_tf>Blend":
        return
    if config.get("registered_name") != "mime_tf>MiME":
        raise InputError(f"{path}: found {show(config.get('class_name'))}; a MiME is needed")
    _check_arguments(path, config.get("config"), sizes)


def load(path: str, sizes: Mapping[str, int]) -> Any:
    """Returns the model in a file: MiME, not compiled. The file is checked first.

    Args:
        path: of the file.
        sizes: as for `check`.

    Raises:
        InputError: as for `check`, or the weights are damaged.
    """
    check(path, sizes)
    import keras

    from mime_tf import blend, model  # noqa: F401  (registers the classes)

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # h5py and Keras raise nearly anything on damaged weights
        raise InputError(f"{path}: damaged: its weights can't be read: {show(error)}") from error


def _read_config(path: str) -> dict[str, Any]:
    """Returns the configuration in a `.keras` file."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = sorted(archive.namelist())
            if members != _MEMBERS:
                raise InputError(f"{path}: holds {show(members)}; a model has {', '.join(_MEMBERS)} and nothing else")
            if archive.getinfo("config.json").file_size > _LONGEST_CONFIG:
                raise InputError(f"{path}: its configuration has more than {_LONGEST_CONFIG} bytes; MiME's has 2,000")
            config = json.loads(archive.read("config.json"))
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; the run has no model without it") from error
    except Exception as error:  # zipfile has one of its own for each way to damage an archive
        raise InputError(f"{path}: damaged: not a model that Keras saved: {show(error)}") from error
    if not isinstance(config, dict):
        raise InputError(f"{path}: found {show(config)}; the configuration of a MiME is needed")
    return config


def _named_classes(value: Any) -> Iterator[tuple]:
    """Yields the names of each class, function or other object that a configuration would have Keras look up."""
    if isinstance(value, dict):
        if any(name in value for name in _NAMING):
            names = tuple(value.get(name) for name in _NAMING)
            yield tuple(name if name is None or isinstance(name, str) else show(name) for name in names)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _named_classes(item)


def _is_pooling(value: Any) -> bool:
    """Whether a value is a list of different views of a patient's record."""
    views = isinstance(value, list) and len(value) > 0 and all(isinstance(view, str) for view in value)
    return views and set(value) <= set(POOLING) and len(set(value)) == len(value)


def _check_arguments(path: str, arguments: Any, sizes: Mapping[str, int]) -> None:
    """Raises InputError unless these are arguments of MiME, of these sizes, and the file is large enough for them."""
    other = "damaged, or written by another version of this program"
    arguments = arguments if isinstance(arguments, dict) else {}
    if set(arguments) != set(_ARGUMENTS):
        raise InputError(f"{path}: too many or missing: {show(sorted(set(arguments) ^ set(_ARGUMENTS)))}; {other}")
    for name, is_right in _ARGUMENTS.items():
        if not is_right(arguments[name]):
            raise InputError(f"{path}: {name}: found {show(arguments[name])}; {other}")
    for name in (*VOCABULARY_SIZES, "max_dx_per_visit"):
        if arguments[name] != sizes[name]:
            raise InputError(f"{path}: {name} is {arguments[name]}; {CONFIG} has {sizes[name]}")
    # Keras would make room for the weights before it looks for them: a size of 10**12 must not get so far.
    codes = sum(arguments[name] for name in VOCABULARY_SIZES)
    recurrent = arguments["rnn_size"] ** 2 if "last" in arguments["pooling"] else 0
    least = (codes + arguments["dxobj_emb_size"]) * arguments["emb_size"] + recurrent
    if 4 * least > os.path.getsize(path):
        raise InputError(f"{path}: damaged: {os.path.getsize(path)} bytes; weights of these sizes take {4 * least}")
