"""Keeps what TensorFlow has traced for the later tests of a process: tracing takes most of the time of a small model.

A fitter serves one split after another by design, and a model that was read from a file is only read again. So runs in
this process share fitters, and the commands in it share the models of equal files. Processes that tests start share
nothing, and neither do tests that make a `Fitter`, or call `model_file.load`, themselves.
"""

import collections
import dataclasses
import functools
import hashlib
import sys
from pathlib import Path
from types import SimpleNamespace

from mime_tf.config import TrainConfig
from mime_tf.runs import fitted_split, model_file

MOST = 12  # fitters, and models, of a process

# Flags that a Fitter reads from `config` when it is used, or never: they are in neither the model nor a graph.
OUTSIDE_THE_GRAPH = (
    *("split_seeds", "folds", "group_column", "split_by", "split_dates", "test_fraction", "valid_fraction"),
    *("min_threshold", "max_threshold", "association_threshold", "train_ratio", "refit"),
    *("patience", "patience_from_gain", "choose_by", "members", "eval_drop_remainder", "eval_batch_size"),
    "tensorboard",
)
DEFAULTS = {name: getattr(TrainConfig(), name) for name in OUTSIDE_THE_GRAPH}


class Kept(collections.OrderedDict):
    """The values that were asked for last, by key."""

    def get_or_make(self, key, make):
        """Returns the value of `key`, made now if it is not kept."""
        self[key] = self.pop(key) if key in self else make()
        if len(self) > MOST:
            self.popitem(last=False)
        return self[key]


_FITTERS, _MODELS, _TRACED = Kept(), Kept(), Kept()
_LENT = []  # models, and the weights of their files, since `restore_models`


def keep():
    """Lets training and `FittedSplit` take what earlier tests made; called when all tests of a process are imported."""
    fitted_split.model_file = SimpleNamespace(check=model_file.check, load=_load)
    # What no test file imports is not kept, so that a process of quick tests does without TensorFlow.
    for module, name, keep_one in (
        ("mime_tf.training.fitter", "Fitter", _fitter),
        ("mime_tf.scoring.prediction", "Scorer", _traced),
        ("mime_tf.explain.attribution", "Stages", _traced),
    ):
        if module in sys.modules:
            make = getattr(sys.modules[module], name)
            setattr(sys.modules[module], name, functools.partial(keep_one, make))


def _fitter(make, config, sizes, store=None, kinship=None, *beside):
    """As `Fitter`, perhaps one of an earlier run with the same graphs."""
    if config.init_from or config.init_embeddings != "random" or config.distribute != "none":
        return make(config, sizes, store, kinship, *beside)  # its weights are not of the flags alone
    graph = dataclasses.replace(config, **DEFAULTS)
    key = (graph, tuple(sizes.items()), kinship and kinship.digest, *(str(each.arguments) for each in beside))
    fitter = _FITTERS.get_or_make(key, lambda: make(config, sizes, store, kinship, *beside))
    fitter.config = config
    return fitter


def _load(path, sizes):
    """As `model_file.load`, perhaps of a file whose bytes are those of an earlier one."""
    key = (hashlib.sha256(Path(path).read_bytes()).hexdigest(), tuple(sizes.items()))
    model, weights = _MODELS.get_or_make(key, lambda: _with_weights(model_file.load(path, sizes)))
    if _is_changed(model, weights):  # by this test; others find it restored
        _MODELS[key] = model, weights = _with_weights(model_file.load(path, sizes))
    _LENT.append((model, weights))
    return model


def _with_weights(model):
    return model, model.get_weights()


def _is_changed(model, weights):
    return any(new.tobytes() != old.tobytes() for new, old in zip(model.get_weights(), weights, strict=True))


def restore_models():
    """Gives the models that a test took, and may have changed, the weights of their files again."""
    while _LENT:
        model, weights = _LENT.pop()
        if _is_changed(model, weights):
            model.set_weights(weights)


def _traced(make, model):
    """As `make(model)`, a Scorer or Stages; perhaps what an earlier test made of a kept model, with its graphs."""
    if not any(model is part for kept, _ in _MODELS.values() for part in (kept, *getattr(kept, "networks", ()))):
        return make(model)
    _, traced = _TRACED.get_or_make((make, id(model)), lambda: (model, make(model)))  # its model keeps its id
    return traced
