"""Opens a saved MiME."""

import os

from mime_tf.errors import InputError
from mime_tf.runs import model_file
from mime_tf.runs.folder import MODEL


def load_model(path, compile=False):
    """Opens a saved model, which may come from a stranger: its file is vetted before Keras reads it.

    Args:
        path: a `.keras` file, or the folder of a fitted split, such as `r0s0`.
        compile: whether to restore the optimizer, loss and metrics that the model was compiled with, to train on or to
            evaluate. By default it is not compiled, as predicting needs none of them, and as a model of `train.py` was
            compiled for the loop of `train.py`, with many steps per execution.

    Returns:
        `MiME`.

    Raises:
        InputError: the file is missing, is no `.keras` file, or holds anything but the configuration and the weights of
            MiME, as SECURITY.md promises. `keras.saving.load_model` opens other models that have layers of this
            package, once `mime_tf.model` has been imported.
    """
    path = os.fspath(path)
    file = os.path.join(path, MODEL) if os.path.isdir(path) else path
    if not (file.endswith(".keras") and os.path.lexists(file)):
        problem = "missing" if file.endswith(".keras") else "not named .keras"
        raise InputError(f"{file}: {problem}; a .keras file or the folder of a fitted split is needed")
    return model_file.load(file, None, compile)
