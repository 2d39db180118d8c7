"""MiME for TensorFlow 2: multilevel medical embedding of electronic health records.

Importing this package imports neither TensorFlow nor Keras; naming one of its Keras classes does, and so does
importing `keras` after it, so that `keras.models.load_model` knows them.
"""

import importlib

from mime_tf import loading

_HOMES = {
    "AuxiliaryHeads": "mime_tf.layers",
    "DxObjectEmbedding": "mime_tf.layers",
    "FusedAdam": "mime_tf.optimizer",
    "GRUV1": "mime_tf.layers",
    "GRUV1Cell": "mime_tf.layers",
    "InputError": "mime_tf.errors",
    "LogLoss": "mime_tf.losses",
    "MiME": "mime_tf.model",
    "Store": "mime_tf.data.store",
    "TrainConfig": "mime_tf.config",
    "VisitEmbedding": "mime_tf.layers",
    "train": "mime_tf.training",
}
__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


loading.register_with_keras()
