"""A fitted regression as the layer `CodeRegression`."""

from typing import Any

import numpy as np

from mime_tf.regression.columns import Columns
from mime_tf.regression.linear import Linear


def regression_layer(fitted: Linear) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the arguments and the weights of the layer, as `mime_tf.blend.Blend` and its `set_regression` take them.

    Pairs of diagnoses without a coefficient, nearly all of them, are left out.

    Args:
        fitted: a regression on columns, perhaps on sequences and attributes.
    """
    columns = fitted.columns
    assert columns is not None
    presence, log_count = _by_form(columns, fitted.weights[: len(columns)])
    scale = np.concatenate([np.zeros(0), *(columns.scale(keys) for keys in columns.keys)])
    arguments: dict[str, Any] = {"windows": list(columns.windows), "sizes": [len(keys) for keys in columns.keys]}
    arguments["fading"] = columns.fading
    weights: dict[str, Any] = {
        "keys": np.concatenate([np.zeros(0, np.int64), *columns.keys]),
        "presence": presence * scale,
        "log_count": log_count * scale,
        "bias": fitted.intercept,
    }
    if columns.lineage is not None:
        arguments["ancestors"] = columns.lineage.sizes
        weights["above"] = columns.lineage.offsets, columns.lineage.ancestors
    rest = fitted.weights[len(columns) :]
    if fitted.attributes is not None:
        rest, weights["attribute_weights"] = np.split(rest, [len(rest) - len(fitted.attributes)])
    if fitted.sequences is not None:
        both, order = rest.reshape(2, -1)
        kept = np.flatnonzero((both != 0) | (order != 0))
        if len(kept):
            arguments["sequences"] = len(kept)
            weights |= {"pairs": fitted.sequences.pairs[kept], "both": both[kept], "order": order[kept]}
    return arguments, weights


def _by_form(columns: Columns, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Divides the weights of columns, window by window, into those of presence and those of log counts."""
    ends = np.cumsum([len(keys) for keys in columns.keys for _ in ("presence", "log count")])[:-1]
    blocks = np.split(weights, ends)
    return np.concatenate(blocks[::2]), np.concatenate(blocks[1::2])
