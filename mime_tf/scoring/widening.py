"""A model with room for further codes, which have nothing but their ancestors."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mime_tf.data.store import CODE_KINDS
from mime_tf.errors import InputError
from mime_tf.regression.lineage import FIRST, Lineage
from mime_tf.runs.fitted_split import FittedSplit

Slots = Mapping[str, Sequence[tuple[int, ...]]]


def takes_ancestors(model: Any) -> bool:
    """Whether a code that a model has no room for can be shown to it by ancestors: all its parts know them.

    A regression beside networks may have been chosen without; it then knows nothing of such a code.
    """
    networks = _networks(model)
    if not networks:
        return model.regression.above is not None
    return all(network.dxobject_embedding.shared is not None for network in networks)


def check_lineage(fitted: FittedSplit, lineage: Lineage) -> None:
    """Raises InputError unless a model has the ancestors of a lineage, made from the tables in its folder."""
    model = fitted.model
    same = [
        np.array_equal(
            network.dxobject_embedding.shared.relations[kind].numpy(),
            lineage.relations(kind, fitted.sizes[f"num_{kind}"]),
        )
        for network in _networks(model)
        for kind in CODE_KINDS
    ]
    above = getattr(getattr(model, "regression", None), "above", None)
    if above is not None:
        same += [
            np.array_equal(weight.numpy(), values[kind])
            for kind in CODE_KINDS
            for weight, values in zip(above.by_kind[kind], (lineage.offsets, lineage.ancestors), strict=True)
        ]
    if not all(same):
        raise InputError(
            f"{fitted.folder}: its hierarchy.csv and vocabulary.csv give codes other ancestors than its model has; "
            "those that training wrote are needed"
        )


def widened(model: Any, sizes: Mapping[str, int], slots: Slots) -> Any:
    """Returns a model with further codes, numbered after its own; it scores all others as before.

    Args:
        model: MiME or Blend whose parts know ancestors.
        sizes: dict of the sizes that it was built with.
        slots: by kind, the ancestors of each further code, numbered from 0, the nearest first.
    """
    config = json.loads(json.dumps(model.get_config()))  # Keras's lists lead to the model, so `copy` would copy that
    for network in config["kinds"] if hasattr(model, "networks") else [config]:
        for index, kind in enumerate(CODE_KINDS):
            network[f"num_{kind}"] += len(slots[kind])
            network["ancestors"][2 * index + 1] += sum(map(len, slots[kind]))
    above = getattr(getattr(model, "regression", None), "above", None)
    offsets, ancestors = {}, {}
    if above is not None:
        for kind in CODE_KINDS:
            ends, numbers = (weight.numpy() for weight in above.by_kind[kind])
            offsets[kind], ancestors[kind] = _appended(ends, numbers, sizes[f"num_{kind}"], slots[kind])
        config["ancestors"] = [size for kind in CODE_KINDS for size in (len(offsets[kind]) - 1, len(ancestors[kind]))]
    wider = type(model).from_config(config)
    for new, old in zip(wider.weights, model.weights, strict=True):
        values = np.zeros(new.shape, old.dtype)
        common = tuple(slice(size) for size in np.minimum(new.shape, old.shape))
        values[common] = old.numpy()[common]
        new.assign(values)
    for network, old in zip(_networks(wider), _networks(model), strict=True):
        for kind in CODE_KINDS:
            first = sizes[f"num_{kind}"]
            own = old.dxobject_embedding.shared.relations[kind].numpy()
            pairs = [(first + slot, ancestor) for slot, line in enumerate(slots[kind]) for ancestor in line]
            further = np.array(pairs, np.int64).reshape(-1, 2)
            network.dxobject_embedding.shared.relations[kind].assign(np.concatenate([own, further]))
    if above is not None:
        wider.regression.above.assign(offsets, ancestors)
    return wider


def _networks(model: Any) -> list[Any]:
    return getattr(model, "networks", [model])


def _appended(
    offsets: np.ndarray, ancestors: np.ndarray, codes: int, slots: Sequence[tuple[int, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns offsets and ancestors, as `CodeAncestors` has them, of the first codes and then of the slots."""
    inside = offsets[np.minimum(np.arange(codes + 1), len(offsets) - 1)]
    further = np.array([ancestor for above in slots for ancestor in above], np.int64)
    ends = inside[-1] + np.cumsum([len(above) for above in slots], dtype=np.int64)
    return np.concatenate([inside, ends]), np.concatenate([ancestors[: inside[-1]], FIRST + further])
