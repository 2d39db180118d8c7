"""Opens saved Keras models that are made of this package's classes."""

import os

import keras

from mime_tf import model  # noqa: F401  (importing it registers every class of the package with Keras)
from mime_tf.errors import InputError, show
from mime_tf.runs.folder import MODEL


def load_model(path, compile=False):
    """Opens a saved model.

    It is `keras.models.load_model` with the classes of this package registered. Keras knows them once `mime_tf.model`
    has been imported, which `import mime_tf` alone does not do, because that would import TensorFlow.

    Args:
        path: a `.keras` file, or the folder of a fitted split, such as `r0s0`.
        compile: whether to restore the optimizer, loss and metrics that the model was compiled with, to train on or to
            evaluate. By default it is not compiled, as predicting needs none of them, and as a model of `train.py` was
            compiled for the loop of `train.py`, with many steps per execution.

    Returns:
        `MiME`, or the other Keras model that was saved.

    Raises:
        InputError: the file is missing, is no `.keras` file, or can't be opened.
    """
    path = os.fspath(path)
    file = os.path.join(path, MODEL) if os.path.isdir(path) else path
    if not (file.endswith(".keras") and os.path.isfile(file)):
        problem = "missing" if file.endswith(".keras") else "not named .keras"
        raise InputError(f"{file}: {problem}; a .keras file or the folder of a fitted split is needed")
    try:
        return keras.saving.load_model(file, compile=compile)
    except Exception as error:  # damaged files make zipfile, h5py and Keras raise nearly anything
        raise InputError(f"{file}: not a model that can be opened: {show(error)}") from error
