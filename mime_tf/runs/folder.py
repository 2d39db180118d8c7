"""What a run leaves on disk: the names of its files and how each is written."""

import contextlib
import glob
import hashlib
import json
import os

import numpy as np

from mime_tf.data import cohort
from mime_tf.errors import InputError
from mime_tf.terminal import files

MODEL = "model.keras"
CONFIG = "config.json"
CODES = "codes.json"
HISTORY = "history.csv"
METRICS = "metrics.json"
FLAGS = "flags.txt"
VOCABULARY = "vocabulary.csv"
PREDICTIONS = {"valid": "predictions_valid.csv", "test": "predictions_test.csv"}
STATE = "state.npz"
GROUPS = "groups_sha256"  # beside the digests of the data: that of what `group_column` says of them
TENSORBOARD = "tensorboard"
FILES = (METRICS, STATE, MODEL, CODES, HISTORY, FLAGS, VOCABULARY, *PREDICTIONS.values(), CONFIG)


def split_folder(output_prefix, random_seed, split_seed):
    """Returns the path of a split's folder, `<output>r<i>s<j>`."""
    return f"{output_prefix}r{random_seed}s{split_seed}"


def out_of_fold_path(output_prefix):
    """Returns the path of a cross-validation's predictions, `<output>out_of_fold.csv`."""
    return f"{output_prefix}out_of_fold.csv"


def write_predictions(path, part, probabilities, patient_ids=None):
    """Writes the probabilities of a part's patients with their row numbers in the input, in input order.

    Args:
        path: the file.
        part: `mime_tf.splits.split.Part`.
        probabilities: of its first patients, as many as there are probabilities.
        patient_ids: what the input's patients are called, a column more; None where they have no names.
    """
    order = np.argsort(part.rows[: len(probabilities)])
    rows = part.rows[order]
    columns = {"row": rows, "label": part.labels[order], "probability": probabilities[order]}
    if patient_ids is not None:
        columns = {"patient_id": patient_ids[rows]} | columns
    files.write_table(path, columns, zip(*(column.tolist() for column in columns.values()), strict=True))


def write_codes(path, sizes, known):
    """Writes the vocabulary sizes and the codes that training holds.

    Args:
        path: the file.
        sizes: dict of the resolved sizes.
        known: as in `cohort.Split`, or None where it is not known what training held.
    """
    codes = {kind: np.flatnonzero(known[kind]).tolist() for kind in known} if known else None
    files.write_json(path, {**{name: sizes[name] for name in ("num_dx", "num_rx", "num_pr")}, "known": codes})


def write_configuration(folder, record, split_seed, sizes):
    """Writes what a split's model is made of, and the flags as a file that `--flagfile` reads.

    Args:
        folder: the split's, made if need be.
        record: dict with the `flags`, `input`, `data` and `versions` of the run.
        split_seed: the split's seed, or the number of the fold.
        sizes: dict of the resolved sizes.
    """
    os.makedirs(folder, exist_ok=True)
    shared = {name: record[name] for name in ("input", "data", "flags", "versions")}
    files.write_json(os.path.join(folder, CONFIG), {"split_seed": split_seed, "sizes": sizes, **shared})
    with files.replacing(os.path.join(folder, FLAGS), "w") as file:
        for name, value in record["flags"].items():
            if value is not None:
                text = ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
                file.write(f"--{name}={text}\n")


def save_model(path, model):
    """Saves a Keras model to `path`, atomically."""
    temporary = f"{path}{files.TEMPORARY}.keras"
    try:
        model.save(temporary)
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(temporary)


def read_json(path):
    """Returns what a JSON file of a run holds, None where there is none.

    Raises:
        InputError: it is not readable JSON.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable as JSON: {error}") from error


def digests(source, init_from=""):
    """Returns the SHA-256 of what a run reads, to know it again: the cohort's files, and those of its first weights."""
    paths = cohort.paths(source)
    names = [os.path.basename(path) if cohort.is_parquet(source) else path.rpartition(".")[2] for path in paths]
    found = {f"{name}_sha256": _sha256(path) for name, path in zip(names, paths, strict=True)}
    weights = [init_from] if init_from.endswith(".npz") else sorted(glob.glob(glob.escape(init_from) + ".*"))
    return found | {f"{os.path.basename(path)}_sha256": _sha256(path) for path in weights if init_from}


def _sha256(path):
    result = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            result.update(block)
    return result.hexdigest()


def remove_state(folder):
    """Removes the state of a split that is finished."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(os.path.join(folder, STATE))


def is_ours(folder):
    """Whether a folder was written by this program: its configuration, which is written first, says so."""
    try:
        content = read_json(os.path.join(folder, CONFIG))
    except InputError:
        return False
    return isinstance(content, dict) and {"split_seed", "sizes", "flags", "versions"} <= set(content)


def discard(folder):
    """Removes what a run left in a split's folder, the configuration last, and the folder if nothing else is in it."""
    events = os.path.join(folder, TENSORBOARD)
    for place, _, names in os.walk(events, topdown=False):
        for name in names:
            if "tfevents" in name or name.endswith((".tsv", "projector_config.pbtxt")):
                os.remove(os.path.join(place, name))
        with contextlib.suppress(OSError):
            os.rmdir(place)
    for name in FILES:
        for left in (name, name + files.TEMPORARY, f"{name}{files.TEMPORARY}.keras"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(folder, left))
    with contextlib.suppress(OSError):
        os.rmdir(folder)
