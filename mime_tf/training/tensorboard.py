"""Files for TensorBoard: curves, hyperparameters with results, and the embeddings with the names of their codes."""

import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from tensorboard.plugins import projector
from tensorboard.plugins.hparams import api as hparams

from mime_tf.config import FIELDS, TrainConfig
from mime_tf.data.code_matrix import count_by_code
from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.store import CODE_KINDS
from mime_tf.data.vocabulary import Vocabulary, code_name
from mime_tf.model import MiME
from mime_tf.splits.split import Part
from mime_tf.terminal import environment, files

EMBEDDINGS = "embeddings"
TRAIN, VALID = "train", "valid"
# Group of the results of the model that is kept, one point each; TensorBoard sorts groups by name, and it is the last.
_KEPT = "written_model"


class Curves(keras.callbacks.Callback):
    """Writes the curves of a split: losses of training, and the figures of valid that `Evaluation` adds to the logs.

    Both are runs of TensorBoard's, in the folders `TRAIN` and `VALID`, so that it draws `loss` of both in one card.
    Steps are iterations, as in the printed lines; Keras's own callback counts epochs.

    Args:
        folder: of the events.
        eval_period: number of iterations in an epoch.
    """

    def __init__(self, folder: str, eval_period: int):
        super().__init__()
        self.folder, self.eval_period = folder, eval_period

    def on_train_begin(self, logs=None):
        with environment.naming(self.folder):
            paths = {name: os.path.join(self.folder, name) for name in (TRAIN, VALID)}
            self.writers = {name: tf.summary.create_file_writer(path) for name, path in paths.items()}

    def on_epoch_end(self, epoch, logs=None):
        iteration = (epoch + 1) * self.eval_period
        with environment.naming(self.folder):
            for name, value in logs.items():
                run, figure = (VALID, name.removeprefix("val_")) if name.startswith("val_") else (TRAIN, name)
                with self.writers[run].as_default():
                    tf.summary.scalar(figure, value, step=iteration)
            for writer in self.writers.values():
                writer.flush()

    def on_train_end(self, logs=None):
        with environment.naming(self.folder):
            for writer in self.writers.values():
                writer.close()


def write_hyperparameters(folder: str, config: TrainConfig, results: Mapping[str, float], iteration: int) -> None:
    """Writes a row of the HParams table, which begins with the flags that differ from their defaults.

    Splits with the same configuration share one.

    Args:
        folder: of the events.
        config: the flags.
        results: dict of floats.
        iteration: of the evaluation that gave them.
    """
    plain = (bool, int, float, str)
    values = {key: value for key, value in dataclasses.asdict(config).items() if value is not None}
    names = sorted(values, key=lambda name: values[name] == FIELDS[name].default)
    row = {name: values[name] if isinstance(values[name], plain) else str(values[name]) for name in names}
    writer = tf.summary.create_file_writer
    with environment.naming(folder), writer(folder, filename_suffix=".hparams").as_default():
        hparams.hparams(row)
        for key, value in results.items():
            tf.summary.scalar(f"{_KEPT}/{key}", value, step=iteration)


def write_embeddings(
    folder: str, model: MiME, train: Part, vocabulary: Vocabulary | None, hierarchy: Hierarchy | None = None
) -> None:
    """Writes the three code embeddings for the projector, with a table of their codes.

    Its columns are the name, system and code; whether training patients have the code, how many, and how often; and,
    with a hierarchy, its family. The embedding of a code that none has is as it was drawn.

    Args:
        folder: of the events.
        model: the model.
        train: the training patients.
        vocabulary: names of the codes, or None.
        hierarchy: ancestors of the codes, or None. The farthest of each, such as its chapter, is the family.
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
        columns = _columns(kind, len(rows), train, vocabulary, hierarchy)
        fields = ([str(value) for value in column] for column in columns.values())
        lines = ("\t".join(map(_one_field, row)) for row in zip(*fields, strict=True))
        _write_lines(folder, entry.metadata_path, ["\t".join(columns), *lines])
    with environment.naming(folder):
        projector.visualize_embeddings(folder, config)


def _columns(
    kind: str, size: int, train: Part, vocabulary: Vocabulary | None, hierarchy: Hierarchy | None
) -> dict[str, Sequence]:
    """Returns the columns of the table of codes, by name, each with a value per row of the embedding."""
    counted = count_by_code(train.store, train.rows, kind)
    patients, occurrences = (np.pad(counts, (0, size))[:size].tolist() for counts in counted)
    known = [(vocabulary.by_index.get((kind, index)) if vocabulary else None) or {} for index in range(size)]
    columns: dict[str, Sequence] = {
        "name": [code_name(vocabulary, kind, index) for index in range(size)],
        "system": [row.get("system", "") for row in known],
        "code": [row.get("code", "") for row in known],
        "in training": ["yes" if count else "no" for count in patients],
        "patients": patients,
        "count": occurrences,
    }
    if vocabulary is not None and hierarchy is not None:
        families = hierarchy.families(vocabulary, kind)
        columns["family"] = [families.get(index, "") for index in range(size)]
    return columns


def _one_field(name: str) -> str:
    """Returns a name without tabs and line breaks, as a field of a table."""
    return " ".join(name.split())


def _write_lines(folder: str, path: str, lines: Iterable[str]) -> None:
    with files.replacing(os.path.join(folder, path), "w") as file:
        file.writelines(f"{line}\n" for line in lines)
