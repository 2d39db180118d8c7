"""A trained model and what is known of it, read from the folder that a run left.

Such a folder may come from a stranger, so it is data: nothing in it is run, and Keras builds a model only after every
class that the model's file names was found to be one that MiME is made of.
"""

import dataclasses
import glob
import json
import os
import zipfile
from typing import Any

import numpy as np

from mime_tf import run_folder, sources
from mime_tf.cohort import CODE_KINDS
from mime_tf.config import ACTIVATIONS, RNN_CELLS, TrainConfig
from mime_tf.errors import InputError, show
from mime_tf.vocabulary import Vocabulary

VOCABULARY_SIZES = tuple(f"num_{kind}" for kind in CODE_KINDS)


@dataclasses.dataclass(frozen=True)
class Run:
    """The run of one split.

    Attributes:
        folder: its path.
        model: MiME, not compiled.
        sizes: dict of the sizes that the model was built with, `mime_tf.config.SIZE_NAMES`.
        known: dict of boolean arrays `"dx"`, `"rx"` and `"pr"` of shape (num_dx,), (num_rx,) and (num_pr,): did
            training hold this code? None where the run does not say.
        vocabulary: `mime_tf.vocabulary.Vocabulary`, or None.
        config: `TrainConfig`, the flags.
        split_seed: seed of the split, or the number of the fold that was its test.
        data: dict of the SHA-256 of what was trained on, in the order in which it was read; None where the run does
            not say.
        versions: dict of the versions of what computed it.
        notes: list of str, what whoever uses the run should be told.
        unknown_flags: names of flags of the run that this version does not have.
    """

    folder: str
    model: Any
    sizes: dict
    known: dict | None
    vocabulary: Vocabulary | None
    config: TrainConfig
    split_seed: int
    data: dict | None
    versions: dict
    notes: list
    unknown_flags: list

    @classmethod
    def open(cls, folder):
        """Opens the folder of a run that `train.py` or `import_tf1` made.

        Raises:
            InputError: it is not such a folder, a file is missing or damaged, the files do not fit each other, or the
                model is made of something that MiME is not.
        """
        folder = os.fspath(folder)
        record = _read_record(folder)
        sizes, data = record["sizes"], record["data"]
        notes = _unfinished(folder, imported=data is None)
        model = os.path.join(folder, run_folder.MODEL)
        check_model(model, sizes)
        known = _read_known(os.path.join(folder, run_folder.CODES), sizes)
        names = os.path.join(folder, run_folder.VOCABULARY)
        flags = record["flags"]
        return cls(
            folder=folder,
            vocabulary=Vocabulary.read(names) if os.path.exists(names) else None,
            config=_config(flags, os.path.join(folder, run_folder.CONFIG)),
            model=_build_model(model),
            sizes=sizes,
            known=known,
            split_seed=record["split_seed"],
            data=data,
            versions=record["versions"],
            notes=notes,
            unknown_flags=sorted(set(flags) - set(TrainConfig.__dataclass_fields__)),
        )

    @property
    def name(self):
        """What to call the run: its folder's name."""
        return os.path.basename(os.path.abspath(self.folder))

    @property
    def usable(self):
        """The codes that new patients keep, as `known`; where the run does not say, all that the model has room for."""
        return self.known or {kind: np.ones(self.sizes[f"num_{kind}"], bool) for kind in CODE_KINDS}

    def check_codes(self, cohort):
        """Checks that the codes of a cohort mean what they meant in training, where both name them.

        Args:
            cohort: `mime_tf.sources.Cohort`.

        Raises:
            InputError: an index that both vocabularies have is of different codes.
        """
        there = Vocabulary.beside(cohort.source) if self.vocabulary and cohort.source is not None else None
        if there is None:
            return
        for (kind, index), row in there.by_index.items():
            ours = self.vocabulary.by_index.get((kind, index))
            if ours and row["code"] and ours["code"] and row["code"] != ours["code"]:
                right = "the cohort must be made with that vocabulary (convert --vocabulary)"
                raise InputError(
                    f"{sources.name(cohort.source)}: its vocabulary.csv says that {kind} {index} is {show(row['code'])}"
                    f", that of {self.folder} says {show(ours['code'])}; {right}"
                )

    def trained_on(self, source):
        """Whether a cohort is the one that the run divided into train, valid and test, byte by byte.

        Args:
            source: as `mime_tf.sources` says. Its files may have been moved or renamed.
        """
        initial = os.path.basename(self.config.init_from)
        others = (run_folder.GROUPS, *((f"{initial}_sha256", f"{initial}.") if initial else ()))
        recorded = [value for name, value in (self.data or {}).items() if not name.startswith(others)]
        return recorded == list(run_folder.digests(source).values())


def _read(path, what, missing):
    """Returns the dict in a JSON file of a run."""
    try:
        content = run_folder.read_json(path)
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply for {what}") from error
    if content is None:
        raise InputError(f"{path}: missing; {missing}")
    if not isinstance(content, dict):
        raise InputError(f"{path}: found {show(content)}; {what} is needed")
    return content


def _read_record(folder):
    """Returns what config.json holds, checked."""
    path = os.path.join(folder, run_folder.CONFIG)
    if not os.path.isfile(path):
        raise InputError(f"{folder}: not a run folder, for it has no {run_folder.CONFIG}{_hint(folder)}")
    record = _read(path, "the configuration of a run", "")
    needed = (*VOCABULARY_SIZES, "max_dx_per_visit")
    expected = {
        "split_seed": lambda seed: _is_whole(seed, 0) and seed < 2**32,
        "sizes": lambda found: isinstance(found, dict) and all(_is_whole(found.get(name), 1) for name in needed),
        "flags": lambda found: isinstance(found, dict),
        "data": lambda found: found is None or isinstance(found, dict),
        "versions": lambda found: isinstance(found, dict),
    }
    for name, is_right in expected.items():
        if name not in record or not is_right(record[name]):
            found = show(record[name]) if name in record else "nothing"
            raise InputError(f"{path}: {name}: found {found}; damaged, or written by another version of this program")
    return record


def _hint(folder):
    """Names the runs inside a folder that is none itself."""
    inside = sorted(glob.glob(os.path.join(glob.escape(folder), "r*s*", run_folder.CONFIG)))
    return f"; {os.path.dirname(inside[0])} is one" if inside else "; train.py writes one for each split, such as r0s0"


def _is_whole(value, least):
    return type(value) is int and value >= least


def _config(flags, path):
    """Returns the flags as a `TrainConfig`; those that this version does not have are left out."""
    known = {name: flags[name] for name in TrainConfig.__dataclass_fields__ if name in flags}
    if isinstance(known.get("split_seeds"), list):
        known["split_seeds"] = tuple(known["split_seeds"])
    try:
        return TrainConfig(**known)
    except (InputError, TypeError) as error:
        raise InputError(f"{path}: flags: {' '.join(str(error).split())[:300]}") from error


def _unfinished(folder, imported):
    """Returns the notes on a run without results; raises InputError where it has no model either."""
    metrics = os.path.join(folder, run_folder.METRICS)
    if os.path.exists(metrics):
        _read(metrics, "the results of a run", "")
        return []
    if not os.path.exists(os.path.join(folder, run_folder.MODEL)):
        raise InputError(
            f"{folder}: unfinished, and without a {run_folder.MODEL} yet; the command that started it goes on with it"
        )
    if imported:
        return []
    return [f"{folder}: unfinished, for it has no {run_folder.METRICS}; this is the best model when it was interrupted"]


def _read_known(path, sizes):
    """Returns the codes that training held, from codes.json; None where it does not say."""
    codes = _read(path, "the codes of a run", "without it the codes that training held are not known")
    for name in VOCABULARY_SIZES:
        if codes.get(name) != sizes[name]:
            raise InputError(f"{path}: {name}: found {show(codes.get(name))}; {run_folder.CONFIG} has {sizes[name]}")
    known = codes.get("known")
    if known is None and "known" in codes:
        return None
    if not isinstance(known, dict):
        raise InputError(f"{path}: known: found {show(known)}; lists of dx, rx and pr codes are needed")
    return {kind: _read_codes(path, kind, known.get(kind), sizes[f"num_{kind}"]) for kind in CODE_KINDS}


def _read_codes(path, kind, codes, size):
    """Returns a list of codes as a boolean array of shape (size,)."""
    if not (isinstance(codes, list) and all(type(code) is int and 0 <= code < size for code in codes)):
        raise InputError(f"{path}: known: {kind}: found {show(codes)}; a list of whole numbers below {size} is needed")
    known = np.zeros(size, bool)
    known[codes] = True
    return known


# The model.

# What a model's file may name, as Keras writes it: module, class and registered name. train.py compiles with the rest.
CLASSES = {
    ("mime_tf.model", "MiME", "mime_tf>MiME"),
    ("keras", "DTypePolicy", None),
    ("mime_tf.losses", "LogLoss", "mime_tf>LogLoss"),
    ("mime_tf.adam", "FusedAdam", "mime_tf>FusedAdam"),
    ("keras.optimizers", "Adam", None),
    ("keras.optimizers", "LossScaleOptimizer", None),
    *(("keras.optimizers.schedules", name, None) for name in ("CosineDecay", "ExponentialDecay", "PolynomialDecay")),
}
_NAMING = ("module", "class_name", "registered_name")
_MEMBERS = ["config.json", "metadata.json", "model.weights.h5"]
_LONGEST_CONFIG = 1 << 20

_SIZES = (*VOCABULARY_SIZES, "emb_size", "dxobj_emb_size", "rnn_size", "max_dx_per_visit")
_ARGUMENTS = {
    **{name: lambda value: _is_whole(value, 1) for name in _SIZES},
    **{name: lambda value: value in ACTIVATIONS for name in ("emb_activation", "order_activation")},
    **{name: lambda value: type(value) in (int, float) and value >= 0 for name in ("regularize", "aux_lambda")},
    "rnn_cell": lambda value: value in RNN_CELLS,
    "dropout": lambda value: type(value) in (int, float) and 0 <= value < 1,
    "aux_heads": lambda value: type(value) is bool,
    "name": lambda value: isinstance(value, str),
    "trainable": lambda value: type(value) is bool,
    "dtype": lambda value: isinstance(value, dict),
}
# What models of earlier versions do not name, and what those versions did.
_LATER = {"dropout": 0.0}


def check_model(path, sizes):
    """Checks what a model is made of, and builds nothing.

    Args:
        path: of the `.keras` file.
        sizes: dict of the sizes that it should have.

    Raises:
        InputError: the file is missing or damaged, holds anything but MiME, or a model of other sizes.
    """
    config = _read_config(path)
    for names in _named_classes(config):
        if names not in CLASSES:
            raise InputError(f"{path}: names {show(names)}; refused, for MiME is not made of that")
    if config.get("registered_name") != "mime_tf>MiME":
        raise InputError(f"{path}: found {show(config.get('class_name'))}; a MiME is needed")
    _check_arguments(path, config.get("config"), sizes)


def _build_model(path):
    """Returns the model in a file that was checked: MiME, not compiled."""
    import keras

    from mime_tf import model  # noqa: F401  (registers MiME)

    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what h5py and Keras make of damaged weights is any exception
        raise InputError(f"{path}: damaged: its weights can't be read: {show(error)}") from error


def _read_config(path):
    """Returns the configuration in a `.keras` file."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = sorted(archive.namelist())
            if found != _MEMBERS:
                raise InputError(f"{path}: holds {show(found)}; a model has {', '.join(_MEMBERS)} and nothing else")
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


def _named_classes(value):
    """Yields the names of every class, function or other object that a configuration would have Keras find."""
    if isinstance(value, dict):
        if any(name in value for name in _NAMING):
            names = tuple(value.get(name) for name in _NAMING)
            yield tuple(name if name is None or isinstance(name, str) else show(name) for name in names)
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _named_classes(item)


def _check_arguments(path, arguments, sizes):
    """Raises InputError unless these are arguments of this version's MiME, of these sizes, and the file is as large."""
    other = "damaged, or written by another version of this program"
    arguments = _LATER | arguments if isinstance(arguments, dict) else {}
    if set(arguments) != set(_ARGUMENTS):
        raise InputError(f"{path}: too many or missing: {show(sorted(set(arguments) ^ set(_ARGUMENTS)))}; {other}")
    for name, is_right in _ARGUMENTS.items():
        if not is_right(arguments[name]):
            raise InputError(f"{path}: {name}: found {show(arguments[name])}; {other}")
    for name in (*VOCABULARY_SIZES, "max_dx_per_visit"):
        if arguments[name] != sizes[name]:
            raise InputError(f"{path}: {name} is {arguments[name]}; {run_folder.CONFIG} has {sizes[name]}")
    # Keras would make room for the weights before it looks for them: a size of 10**12 must not get so far.
    codes = sum(arguments[name] for name in VOCABULARY_SIZES)
    least = (codes + arguments["dxobj_emb_size"]) * arguments["emb_size"] + arguments["rnn_size"] ** 2
    if 4 * least > os.path.getsize(path):
        raise InputError(f"{path}: damaged: {os.path.getsize(path)} bytes; weights of these sizes take {4 * least}")
