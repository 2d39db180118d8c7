"""A model's file, vetted before Keras reads it: it may come from a stranger."""

import contextlib
import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mime_tf.config import ACTIVATIONS, EQUATIONS, POOLING, RNN_CELLS
from mime_tf.errors import InputError, show
from mime_tf.regression.attributes import MOST_SEXES
from mime_tf.runs import weights
from mime_tf.runs.configuration import OUTCOMES, VOCABULARY_SIZES, is_whole
from mime_tf.runs.folder import CONFIG
from mime_tf.terminal import archives

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
# What else a model of one's own may be compiled with.
METRICS = {("keras.metrics", name, None) for name in ("AUC", "BinaryAccuracy", "Precision", "Recall")}
_NAMING = ("module", "class_name", "registered_name")
_WEIGHTS = "model.weights.h5"
_MEMBERS = ["config.json", "metadata.json", _WEIGHTS]
_LONGEST_CONFIG = 1 << 20
_LONGEST_WINDOW = 100_000  # days or visits
_MOST_PARTS = 100  # kinds of networks, members of each, windows of the regression

_SIZES = (*VOCABULARY_SIZES, "emb_size", "dxobj_emb_size", "rnn_size", "max_dx_per_visit", OUTCOMES)
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
    "ancestors": lambda value: value is None or (_is_list(value) and len(value) in (6, 7)),
    "visit_days": lambda value: type(value) is bool,
    "attributes": lambda value: value is None or _are_attributes(value),
    "name": lambda value: isinstance(value, str),
    "trainable": lambda value: type(value) is bool,
    "dtype": lambda value: isinstance(value, dict),
}
_BLEND_ARGUMENTS = {
    "kinds": lambda value: isinstance(value, list) and len(value) <= _MOST_PARTS,
    "members": lambda value: is_whole(value, 1) and value <= _MOST_PARTS,
    "windows": lambda value: value is None or _is_list(value, -_LONGEST_WINDOW, _LONGEST_WINDOW),
    "sizes": lambda value: value is None or _is_list(value),
    "sequences": lambda value: is_whole(value, 0),
    "fading": lambda value: is_whole(value, 0),
    "ancestors": lambda value: value is None or (_is_list(value) and len(value) == 6),
    **{name: _ARGUMENTS[name] for name in ("attributes", "name", "trainable", "dtype")},
}


def check(path: str, sizes: Mapping[str, int] | None, compiled: bool = True) -> weights.Shapes:
    """Validates a `.keras` file without instantiating any object in it; its weights are measured, and not yet read.

    Args:
        path: of the file.
        sizes: dict of the sizes that the model should have, or None for any.
        compiled: whether Keras will read the optimizer, the loss and the metrics.

    Returns:
        The shapes of its weights, as `mime_tf.runs.weights.shapes` has them.

    Raises:
        InputError: the file is missing or damaged, holds anything but MiME or a blend, or a model of other sizes.
    """
    with _opened(path) as archive:
        config = _read_config(path, archive)
        if not compiled:
            config.pop("compile_config", None)
        for names in _named_classes(config):
            if names not in (CLASSES if sizes is not None else CLASSES | METRICS):
                raise InputError(f"{path}: names {show(names)}; refused, for MiME is not made of that")
        shapes = _shapes(path, config, sizes)
        # Keras would make room for the weights before it looks for them: a size of 10**12 must not get so far.
        held, least = archive.getinfo(_WEIGHTS).file_size, weights.size(shapes)
        if least > held:
            raise InputError(f"{path}: damaged: {held:,} bytes of weights; weights of these sizes take {least:,}")
        return shapes


def _shapes(path: str, config: dict[str, Any], sizes: Mapping[str, int] | None) -> weights.Shapes:
    """Returns the shapes of the weights of a model, or raises InputError for a configuration that is not right."""
    arguments, kind = config.get("config"), config.get("registered_name")
    if kind == "mime_tf>Blend":
        arguments = _check_values(path, arguments, _BLEND_ARGUMENTS)
        for network in arguments["kinds"]:
            found = _check_network(path, network, sizes)["attributes"]
            if found not in (None, arguments["attributes"]):
                raise InputError(f"{path}: attributes: found {show(found)} of a network; must be those of the blend")
        count, fading = len(arguments["windows"] or []), arguments["fading"]
        if fading > count or 0 in (arguments["windows"] or [])[count - fading :]:
            raise InputError(f"{path}: fading: found {fading}; {show(arguments['windows'])} has no so many halvings")
        if len(arguments["windows"] or []) != len(arguments["sizes"] or []):
            raise InputError(f"{path}: windows, sizes: found {show(arguments['windows'])}; as many sizes are needed")
        for name in ("sequences", "ancestors") if arguments["windows"] is None else ():
            if arguments[name]:
                raise InputError(f"{path}: {name}: found {show(arguments[name])}; needs a regression")
        return weights.blend_shapes(arguments)
    if kind != "mime_tf>MiME":
        raise InputError(f"{path}: found {show(config.get('class_name'))}; a MiME is needed")
    return weights.shapes(_check_network(path, arguments, sizes))


def load(path: str, sizes: Mapping[str, int] | None, compile: bool = False) -> Any:
    """Returns the model in a file, MiME or Blend. The file is checked first, its weights as well.

    Args:
        path: of the file.
        sizes: as for `check`.
        compile: whether to restore the optimizer, loss and metrics.

    Raises:
        InputError: as for `check`, or the weights are not those of such a model, or damaged.
    """
    shapes = check(path, sizes, compile or sizes is not None)
    with _opened(path) as archive:
        weights.check(path, archive.read(_WEIGHTS), shapes)
    import keras

    from mime_tf import blend, model  # noqa: F401  (registers the classes)

    try:
        return keras.saving.load_model(path, compile=compile, safe_mode=True)
    except Exception as error:  # h5py and Keras raise nearly anything on damaged weights
        raise InputError(f"{path}: damaged: its weights can't be read: {show(error)}") from error


@contextlib.contextmanager
def _opened(path: str) -> Iterator[zipfile.ZipFile]:
    """Opens a `.keras` file; whatever a damaged one raises is an InputError."""
    try:
        with archives.opened(path) as archive:
            yield archive
    except InputError:
        raise
    except FileNotFoundError as error:
        raise InputError(f"{path}: missing; the run has no model without it") from error
    except Exception as error:  # zipfile and h5py have exceptions of their own for each way to damage a file
        raise InputError(f"{path}: damaged: not a model that Keras saved: {show(error)}") from error


def _read_config(path: str, archive: zipfile.ZipFile) -> dict[str, Any]:
    """Returns the configuration in a `.keras` file."""
    members = sorted(archive.namelist())
    if members != _MEMBERS:
        raise InputError(f"{path}: holds {show(members)}; a model has {', '.join(_MEMBERS)} and nothing else")
    for name in _MEMBERS[:-1]:
        if archive.getinfo(name).file_size > _LONGEST_CONFIG:
            raise InputError(f"{path}: its {name} has more than {_LONGEST_CONFIG} bytes; MiME's has 2,000")
    config = json.loads(archive.read(_MEMBERS[0]))
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


def _is_list(value: Any, least: int = 0, most: float = math.inf) -> bool:
    """Whether a value is a short list of whole numbers from `least` to `most`."""
    if not isinstance(value, list) or len(value) > _MOST_PARTS:
        return False
    return all(is_whole(item, least) and item <= most for item in value)


def _is_pooling(value: Any) -> bool:
    """Whether a value is a list of different views of a patient's record."""
    views = isinstance(value, list) and len(value) > 0 and all(isinstance(view, str) for view in value)
    return views and set(value) <= set(POOLING) and len(set(value)) == len(value)


def _check_network(path: str, arguments: Any, sizes: Mapping[str, int] | None) -> dict[str, Any]:
    """Returns the arguments of MiME; raises InputError unless these are some, of these sizes."""
    arguments = _check_values(path, arguments, _ARGUMENTS)
    for name in (*VOCABULARY_SIZES, "max_dx_per_visit", OUTCOMES):
        if sizes is not None and arguments[name] != sizes.get(name, 1):
            raise InputError(f"{path}: {name} is {arguments[name]}; {CONFIG} has {sizes.get(name, 1)}")
    return arguments


def _check_values(path: str, arguments: Any, right: Mapping[str, Callable[[Any], bool]]) -> dict[str, Any]:
    """Returns arguments; raises InputError unless they have the names and the values that are right."""
    other = "damaged, or written by another version of this program"
    arguments = arguments if isinstance(arguments, dict) else {}
    if set(arguments) != set(right):
        raise InputError(f"{path}: too many or missing: {show(sorted(set(arguments) ^ set(right)))}; {other}")
    for name, is_right in right.items():
        if not is_right(arguments[name]):
            raise InputError(f"{path}: {name}: found {show(arguments[name])}; {other}")
    return arguments


def _are_attributes(value: Any) -> bool:
    """Whether a value is as `mime_tf.regression.attributes.Attributes.config` returns it."""
    if not (isinstance(value, dict) and set(value) == {"age", "sexes"}):
        return False
    age, sexes = value["age"], value["sexes"]
    numbers = isinstance(age, list) and len(age) in (0, 2) and all(type(number) in (int, float) for number in age)
    words = isinstance(sexes, list) and len(sexes) <= MOST_SEXES and all(isinstance(sex, str) for sex in sexes)
    numbers = numbers and all(map(math.isfinite, age)) and all(deviation > 0 for deviation in age[1:])
    return numbers and words and bool(age or sexes)
