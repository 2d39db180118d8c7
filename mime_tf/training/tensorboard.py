"""Files for TensorBoard: curves, hyperparameters with results, and the embeddings with the names of their codes."""

import dataclasses
import os
from collections.abc import Iterable, Mapping

import keras
import tensorflow as tf
from tensorboard.plugins import projector
from tensorboard.plugins.hparams import api as hparams

from mime_tf.config import TrainConfig
from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.store import CODE_KINDS
from mime_tf.data.vocabulary import Vocabulary, code_name
from mime_tf.model import MiME
from mime_tf.terminal import environment, files

EMBEDDINGS = "embeddings"


def scalars(folder: str) -> keras.callbacks.Callback:
    """Returns the callback that writes the curves: the losses of training, and the figures of each evaluation."""
    return _Curves(folder, write_graph=False, update_freq="epoch", profile_batch=0)


class _Curves(keras.callbacks.TensorBoard):
    """Keras's callback, which names the folder where TensorFlow can't write."""

    def set_model(self, model):
        with environment.naming(self.log_dir):
            super().set_model(model)

    def on_epoch_end(self, epoch, logs=None):
        with environment.naming(self.log_dir):
            super().on_epoch_end(epoch, logs)

    def on_train_end(self, logs=None):
        with environment.naming(self.log_dir):
            super().on_train_end(logs)


def write_hyperparameters(folder: str, config: TrainConfig, results: Mapping[str, float], iteration: int) -> None:
    """Writes a row of the HParams table; splits with the same configuration share one.

    Args:
        folder: of the events.
        config: the flags.
        results: dict of floats.
        iteration: of the evaluation that gave them.
    """
    plain = (bool, int, float, str)
    values = dataclasses.asdict(config).items()
    row = {key: value if isinstance(value, plain) else str(value) for key, value in values if value is not None}
    writer = tf.summary.create_file_writer
    with environment.naming(folder), writer(folder, filename_suffix=".hparams").as_default():
        hparams.hparams(row)
        for key, value in results.items():
            tf.summary.scalar(f"best/{key}", value, step=iteration)


def write_embeddings(
    folder: str, model: MiME, vocabulary: Vocabulary | None, hierarchy: Hierarchy | None = None
) -> None:
    """Writes the three code embeddings and the names of their rows for the projector, with their families if any.

    Args:
        folder: of the events.
        model: the model.
        vocabulary: names of the codes, or None.
        hierarchy: ancestors of the codes, or None. The farthest of each, such as its chapter, is a column.
    """
    layer = model.dxobject_embedding
    tables = {kind: layer.table(kind) for kind in CODE_KINDS}
    os.makedirs(os.path.join(folder, EMBEDDINGS), exist_ok=True)
    config = projector.ProjectorConfig()
    for kind, table in tables.items():
        entry = config.embeddings.add()
        entry.tensor_name = f"{kind}_embeddings"
        entry.tensor_path = os.path.join(EMBEDDINGS, f"{kind}.tsv")
        entry.metadata_path = os.path.join(EMBEDDINGS, f"{kind}_names.tsv")
        rows = keras.ops.convert_to_numpy(table).tolist()
        _write_lines(folder, entry.tensor_path, ("\t".join(f"{x:.6g}" for x in row) for row in rows))
        names = [_one_field(code_name(vocabulary, kind, index)) for index in range(len(rows))]
        if vocabulary is not None and hierarchy is not None:
            families = hierarchy.families(vocabulary, kind)
            fields = (f"{name}\t{_one_field(families.get(index, ''))}" for index, name in enumerate(names))
            names = ["name\tfamily", *fields]
        _write_lines(folder, entry.metadata_path, names)
    with environment.naming(folder):
        projector.visualize_embeddings(folder, config)


def _one_field(name: str) -> str:
    """Returns a name without tabs and line breaks, as a field of a table."""
    return " ".join(name.split())


def _write_lines(folder: str, path: str, lines: Iterable[str]) -> None:
    with files.replacing(os.path.join(folder, path), "w") as file:
        file.writelines(f"{line}\n" for line in lines)
