"""Folder of a fitted split: the names of its files, whether this program made it, and how it is emptied."""

import contextlib
import os

from mime_tf.data.conversion import LINKAGE, RULES
from mime_tf.terminal import files

MODEL = "model.keras"
CONFIG = "config.json"
CODES = "codes.json"
HISTORY = "history.csv"
METRICS = "metrics.json"
FLAGS = "flags.txt"
VOCABULARY = "vocabulary.csv"
POPULATION = "population.json"
CODE_COUNTS = "code_counts.json"
RECALIBRATION = "recalibration.json"
HIERARCHY = "hierarchy.csv"
PREDICTIONS = {"valid": "predictions_valid.csv", "test": "predictions_test.csv"}
STATE = "state.npz"
TENSORBOARD = "tensorboard"
NETWORKS = "networks"  # folder of those of a blend, each with the files of a fitted split but its configuration
FILES = (
    *(METRICS, STATE, MODEL, CODES, HISTORY, FLAGS, VOCABULARY, HIERARCHY, POPULATION, CODE_COUNTS, RULES, LINKAGE),
    RECALIBRATION,
    *PREDICTIONS.values(),
    CONFIG,
)


def is_finished(folder: str | os.PathLike) -> bool:
    """Whether a fitted split's results are in its folder: they are written last."""
    return os.path.exists(os.path.join(folder, METRICS))


def is_fitted(folder: str | os.PathLike) -> bool:
    """Whether a folder has a model, of a split that is finished or that was interrupted."""
    return all(os.path.isfile(os.path.join(folder, name)) for name in (CONFIG, MODEL))


def remove_state(folder: str) -> None:
    """Removes the state of a split that is finished."""
    files.remove_leftovers(os.path.join(folder, STATE))
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(folder, STATE))


def discard(folder: str) -> None:
    """Removes a fitted split's files, the configuration last, and the folder if nothing else is in it.

    The configuration tells that the folder is of this program, so a discard that was killed can be done again.
    """
    networks = os.path.join(folder, NETWORKS)
    for name in os.listdir(networks) if os.path.isdir(networks) else ():
        discard(os.path.join(networks, name))
    with contextlib.suppress(OSError):
        os.rmdir(networks)
    events = os.path.join(folder, TENSORBOARD)
    for parent, _, names in os.walk(events, topdown=False):
        for name in names:
            if "tfevents" in name or name.endswith((".tsv", "projector_config.pbtxt")):
                os.remove(os.path.join(parent, name))
        with contextlib.suppress(OSError):
            os.rmdir(parent)
    for name in FILES:
        files.remove_leftovers(os.path.join(folder, name))
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(folder, name))
    with contextlib.suppress(OSError):
        os.rmdir(folder)
