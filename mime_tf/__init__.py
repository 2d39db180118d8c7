"""MiME for TensorFlow 2: multilevel medical embedding of electronic health records.

Importing this package imports neither TensorFlow nor Keras; using a public name imports the module that defines it.
"""

from importlib import import_module as _import_module

_HOMES = {
    "AuxiliaryHeads": "mime_tf.layers",
    "Cohort": "mime_tf.data.cohort",
    "DxObjectEmbedding": "mime_tf.layers",
    "FittedSplit": "mime_tf.runs.fitted_split",
    "FusedAdam": "mime_tf.optimizer",
    "GRUV1": "mime_tf.layers",
    "GRUV1Cell": "mime_tf.layers",
    "InputError": "mime_tf.errors",
    "LogLoss": "mime_tf.losses",
    "MiME": "mime_tf.model",
    "Run": "mime_tf.runs.run",
    "Store": "mime_tf.data.store",
    "TrainConfig": "mime_tf.config",
    "VisitEmbedding": "mime_tf.layers",
    "VisitPooling": "mime_tf.layers",
    "VisitTransform": "mime_tf.layers",
    "datasets": "mime_tf.batches.cohort_datasets",
    "explain_patients": "mime_tf.explain.patients",
    "load_model": "mime_tf.loading",
    "predict": "mime_tf.scoring.prediction",
    "train": "mime_tf.training",
}
__all__ = sorted(_HOMES)
__version__ = "0.1.0"


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(_import_module(_HOMES[name]), name)


def __dir__():
    return sorted({*globals(), *__all__})
