"""What the folders of a run's splits hold, read without opening a model."""

import csv
import dataclasses
import glob
import os

import numpy as np

from mime_tf.assess.scores import Scores
from mime_tf.errors import InputError, show
from mime_tf.runs.folder import CONFIG, HISTORY, METRICS, PREDICTIONS, is_ours, read_json, split_folder

RECORD = "run.json"


@dataclasses.dataclass(frozen=True)
class Split:
    """A finished split.

    Attributes:
        folder: its path.
        config: dict, what config.json holds.
        iteration: of the best evaluation, whose model was kept.
        history: dict from a column of history.csv to float64 (evaluations,), nan where it is empty.
        rows: int64 (T,), the position in the input of each test patient.
        patients: whose row each is, object (T,) of str; None where the cohort has no ids.
        labels: int64 (T,).
        probabilities: float64 (T,).
        valid: number of patients in valid.
    """

    folder: str
    config: dict
    iteration: int
    history: dict
    rows: np.ndarray
    patients: np.ndarray | None
    labels: np.ndarray
    probabilities: np.ndarray
    valid: int

    @property
    def name(self):
        """What to call the split: its folder's name."""
        return os.path.basename(os.path.abspath(self.folder))


def find(model):
    """Returns the folders of a run's splits, finished or not.

    Args:
        model: the folder of a split; or what names all splits of a run: the output prefix that train.py was given, the
            folder that its run.json is in, or that file.

    Returns:
        List of paths, in the order in which the splits were trained.

    Raises:
        InputError: it is none of these, or a folder in which there are several runs.
    """
    model = os.fspath(model)
    if is_ours(model):
        return [model]
    path = _record(model)
    record = read_json(path)
    try:
        flags = record["flags"]
        numbers = range(flags.get("folds", 0)) or flags["split_seeds"]
        prefix = path.removesuffix(RECORD)
        return [split_folder(prefix, flags["random_seed"], int(number)) for number in numbers]
    except (AttributeError, KeyError, TypeError, ValueError):
        raise InputError(f"{path}: found {show(record)}; not the record of a run of this program") from None


def _record(model):
    """The path of the run.json that is meant."""
    for path in (f"{model}{RECORD}", os.path.join(model, RECORD), model):
        if os.path.basename(path).endswith(RECORD) and os.path.isfile(path):
            return path
    inside = sorted(glob.glob(os.path.join(glob.escape(model), f"*{RECORD}")))
    if len(inside) == 1:
        return inside[0]
    if inside:
        prefixes = ", ".join(path.removesuffix(RECORD) for path in inside[:4])
        raise InputError(f"{model}: holds {len(inside)} runs; give one of the prefixes, such as {prefixes}")
    raise InputError(
        f"{model}: neither the folder of a split, such as r0s0, nor the output prefix of a run, for there is no "
        f"{model}{RECORD}"
    )


def is_finished(folder):
    """Whether a split's results are there: they are written last."""
    return os.path.exists(os.path.join(folder, METRICS))


def read(folder):
    """Reads a finished split.

    Returns:
        Split.

    Raises:
        InputError: a file is missing, or is not what train.py writes.
    """
    config = read_json(os.path.join(folder, CONFIG))
    metrics = read_json(os.path.join(folder, METRICS))
    if not (isinstance(config, dict) and all(isinstance(config.get(name), dict) for name in ("flags", "sizes"))):
        raise InputError(f"{folder}: found no configuration of a run in {CONFIG}; damaged")
    if not (isinstance(metrics, dict) and type(metrics.get("iteration")) is int):
        raise InputError(f"{os.path.join(folder, METRICS)}: found {show(metrics)}; the results of a split")
    path = os.path.join(folder, PREDICTIONS["test"])
    table = _read_table(path, ("row", "label", "probability"))
    rows, labels = _numbers(path, "row", table), _numbers(path, "label", table)
    probabilities = _numbers(path, "probability", table)
    if not (len(rows) and ((rows >= 0) & (rows % 1 == 0)).all()):
        raise InputError(f"{path}: column row: needs a position from 0 for each test patient, and one patient or more")
    try:
        scores = Scores(labels, probabilities)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    patients = np.array(table["patient_id"], object) if "patient_id" in table else None
    valid = _read_table(os.path.join(folder, PREDICTIONS["valid"]), ("row",))
    return Split(
        folder=folder,
        config=config,
        iteration=metrics["iteration"],
        history=_history(os.path.join(folder, HISTORY)),
        rows=rows.astype(np.int64),
        patients=patients,
        labels=scores.labels,
        probabilities=scores.probabilities,
        valid=len(valid["row"]),
    )


def _history(path):
    """The columns of history.csv; none where there is no such file, as of an imported model."""
    if not os.path.exists(path):
        return {}
    table = _read_table(path, ("iteration", "valid_loss"))
    return {name: _numbers(path, name, table) for name in table}


def _read_table(path, needed):
    """Returns the columns of a CSV file, each a list of str."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            header, *rows = csv.reader(file)
        if missing := [name for name in needed if name not in header]:
            raise InputError(f"{path}: found the columns {', '.join(header)}; {missing[0]} is needed")
        return {name: list(column) for name, column in zip(header, _columns(rows, len(header)), strict=True)}
    except FileNotFoundError:
        raise InputError(f"{path}: missing; a finished split of train.py has it") from None
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: damaged: not a table as train.py writes it: {error}") from error


def _columns(rows, count):
    return zip(*rows, strict=True) if rows else [()] * count


def _numbers(path, name, table):
    """Returns a column as float64, nan where it is empty."""
    try:
        return np.array([float(value) if value else np.nan for value in table[name]], np.float64)
    except ValueError as error:
        raise InputError(f"{path}: column {name}: {error}; must be numbers") from error
