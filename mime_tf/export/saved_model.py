"""A run as a SavedModel that needs nothing but TensorFlow, with a model card beside it."""

import numpy as np
import tensorflow as tf

from mime_tf.errors import InputError
from mime_tf.export import card
from mime_tf.export.example import make
from mime_tf.export.folder import appearing, check, write_card
from mime_tf.export.service import Service


def export(run, output, overwrite=False, bootstrap=1000, progress=None):
    """Writes a run's model as a SavedModel, and its model card.

    What was written is loaded again and asked about an example before the folder appears.

    Args:
        run: `mime_tf.runs.fitted_split.FittedSplit`.
        output: the folder to make.
        overwrite: whether an earlier export may be there, which is then replaced.
        bootstrap: resamples behind the intervals in the card.
        progress: function that is given a text now and then, such as `Console.progress`.

    Returns:
        The text of the card.

    Raises:
        InputError: the folder can't be made (`mime_tf.export.folder.check`), the run's weights give no numbers, or
            the tables of predictions in its folder are damaged.
    """
    check(output, overwrite)
    if not all(np.isfinite(weight).all() for weight in run.model.get_weights()):
        raise InputError(f"{run.folder}: weights that are not numbers; damaged, or training went astray")
    facts = card.gather(run, bootstrap, progress)
    with appearing(output) as folder:
        if progress:
            progress("writing the SavedModel")
        service = Service(run)
        tf.saved_model.save(service, folder, signatures=service.signatures())
        example = make(run)
        text = card.text(run, facts, example, _answer(tf.saved_model.load(folder), example))
        write_card(folder, text)
    return text


def _answer(loaded, example):
    """Returns what a loaded export says of an example: dict of Python values."""
    found = loaded.signatures["json"](patients=tf.constant([example.text]))
    return {name: found[name].numpy().tolist() for name in ("probability", "dropped_codes", "empty")}
