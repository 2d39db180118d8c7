"""A fitted split as a SavedModel that needs nothing but TensorFlow, with a model card beside it."""

import numpy as np
import tensorflow as tf

from mime_tf.errors import InputError
from mime_tf.export.card import gather, model_card
from mime_tf.export.example import example_patient
from mime_tf.export.folder import check, write_card
from mime_tf.export.service import Service
from mime_tf.scoring.substitution import Substitution
from mime_tf.terminal import environment, outputs
from mime_tf.terminal.folders import replacing_folder, restore


def export(fitted, output, overwrite=False, bootstrap=1000, progress=None, title=None, unknown_codes="drop"):
    """Writes the model of a fitted split as a SavedModel, and its model card.

    Before the folder appears the SavedModel is loaded again and scores an example.

    Args:
        fitted: `mime_tf.runs.fitted_split.FittedSplit`.
        output: the folder to make.
        overwrite: replace an earlier export.
        bootstrap: number of resamples for the intervals in the card.
        progress: function that is given a text now and then, such as `Console.progress`.
        title: name of the outcome, in place of the one that the run has; or None.
        unknown_codes: `"drop"`, or `"ancestor"` to show the model the nearest ancestors that it knows in place of a
            code that vocabulary.csv names and training did not hold.

    Returns:
        The text of the card.

    Raises:
        InputError: the folder can't be made (`mime_tf.export.folder.check`), the model's weights are not numbers, or
            the tables of predictions in its folder are damaged.
    """
    with outputs.locked(output):
        restore(output)
        check(output, overwrite)
        substitution = Substitution.of(fitted, fitted) if unknown_codes == "ancestor" else None
        return _export(fitted, output, bootstrap, progress, title, substitution)


def _export(fitted, output, bootstrap, progress, title, substitution):
    """Writes the folder, and returns the text of the card."""
    if not all(np.isfinite(weight).all() for weight in fitted.model.get_weights()):
        raise InputError(f"{fitted.folder}: weights that are not numbers; damaged, or training diverged")
    facts = gather(fitted, bootstrap, progress, title)
    with replacing_folder(output) as folder:
        if progress:
            progress("writing the SavedModel")
        service = Service(fitted, substitution)
        with environment.naming(output):
            tf.saved_model.save(service, folder, signatures=service.signatures())
        example = example_patient(fitted)
        text = model_card(fitted, facts, example, _answer(tf.saved_model.load(folder), example), substitution)
        write_card(folder, text)
    return text


def _answer(loaded, example):
    """Returns the answer of a loaded export for an example: dict of lists."""
    of_patient = {name: tf.constant(values) for name, values in example.of_patient.items()}
    answer = loaded.signatures["json"](patients=tf.constant([example.text]), **of_patient)
    names = ("probability", "dropped_codes", "ancestor_codes", "empty")
    return {name: answer[name].numpy().tolist() for name in names if name in answer}
