"""What TensorBoard shows of a run: curves, hyperparameters with results, and the embeddings with their names."""

import dataclasses
import os

import keras
import tensorflow as tf
from tensorboard.plugins import projector
from tensorboard.plugins.hparams import api as hparams

from mime_tf.data.vocabulary import code_name
from mime_tf.terminal import files

EMBEDDINGS = "embeddings"


def scalars(folder):
    """Returns the callback that writes the curves: losses of training, and what `Evaluation` adds to the logs."""
    return keras.callbacks.TensorBoard(folder, write_graph=False, update_freq="epoch", profile_batch=0)


def write_hyperparameters(folder, config, results, iteration):
    """Writes a row of the HParams table; splits with the same configuration share one.

    Args:
        folder: of the events.
        config: a dataclass of numbers, strings, tuples and None.
        results: dict of floats.
        iteration: at which they were had.
    """
    plain = (bool, int, float, str)
    values = dataclasses.asdict(config).items()
    row = {key: value if isinstance(value, plain) else str(value) for key, value in values if value is not None}
    with tf.summary.create_file_writer(folder, filename_suffix=".hparams").as_default():
        hparams.hparams(row)
        for key, value in results.items():
            tf.summary.scalar(f"best/{key}", value, step=iteration)


def write_embeddings(folder, model, vocabulary):
    """Writes the three code embeddings and the names of their rows for the projector.

    Args:
        folder: of the events.
        model: MiME.
        vocabulary: `Vocabulary`, or None where codes have no names.
    """
    layer = model.dxobject_embedding
    tables = {"dx": layer.dx_embeddings, "rx": layer.rx_embeddings, "pr": layer.pr_embeddings}
    os.makedirs(os.path.join(folder, EMBEDDINGS), exist_ok=True)
    config = projector.ProjectorConfig()
    for kind, table in tables.items():
        entry = config.embeddings.add()
        entry.tensor_name = f"{kind}_embeddings"
        entry.tensor_path = os.path.join(EMBEDDINGS, f"{kind}.tsv")
        entry.metadata_path = os.path.join(EMBEDDINGS, f"{kind}_names.tsv")
        rows = keras.ops.convert_to_numpy(table).tolist()
        _write_lines(folder, entry.tensor_path, ("\t".join(f"{x:.6g}" for x in row) for row in rows))
        names = (" ".join(code_name(vocabulary, kind, index).split()) for index in range(len(rows)))
        _write_lines(folder, entry.metadata_path, names)
    projector.visualize_embeddings(folder, config)


def _write_lines(folder, path, lines):
    with files.replacing(os.path.join(folder, path), "w") as file:
        file.writelines(f"{line}\n" for line in lines)
