"""Whole runs of train.py, small ones, and the comparison of their files."""

import contextlib
import csv
import functools
import io
import json
import os
import pickle
import re
import runpy
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import h5py
import numpy as np
from absl.testing import flagsaver

from mime_tf.config import TrainConfig
from mime_tf.runs.folder import TENSORBOARD
from mime_tf.terminal.locks import LOCK
from mime_tf.training import train

ROOT = Path(__file__).resolve().parents[2]
PARITY = ROOT / "testdata" / "parity"
COHORT = str(PARITY / "b" / "cohort")

SIZES = {"dx_emb_size": 3, "rx_emb_size": 3, "pr_emb_size": 3, "dxobj_emb_size": 4, "visit_emb_size": 4, "rnn_size": 4}
# Two splits of three evaluations; the learning rate is high, so that the best evaluation is not always the last one.
SMALL = TrainConfig(
    **SIZES,
    batch_size=5,
    num_iter=9,
    eval_period=3,
    split_seeds=(0, 1),
    learning_rate=0.1,
    aux_lambda=0.1,
    jit_compile="off",
)

NUMBER = r"(?:\d+\.\d{6}|nan)"
ROUND = re.compile(rf"round:(\d+), valid_loss:({NUMBER}), valid_auc:({NUMBER}), valid_aucpr:({NUMBER})")
NAMES = ("valid_loss", "test_loss", "valid_auc", "test_auc", "valid_aucpr", "test_aucpr")
SPLIT = re.compile(", ".join(rf"{name}:({NUMBER})" for name in NAMES))
MEAN = re.compile(", ".join(rf"mean_{name}:({NUMBER})" for name in NAMES))


# Everything in a finished split's folder, but for TensorBoard's.
SPLIT_FILES = {
    *("model.keras", "codes.json", "config.json", "flags.txt", "history.csv", "metrics.json", "population.json"),
    *("code_counts.json", "predictions_valid.csv", "predictions_test.csv"),
}


def parity_config(name, **changes):
    """The TrainConfig of the reference's whole run on a parity cohort."""
    settings = json.loads((PARITY / name / "config.json").read_text())
    values = settings["train"] | {size: settings["cohort"][size] for size in ("num_dx", "num_rx", "num_pr")}
    values |= {key: settings["run"][key] for key in ("num_iter", "eval_period")}
    values |= {"init_from": str(PARITY / name / "run_initial_weights.npz"), "eval_drop_remainder": True}
    return TrainConfig(**(values | {"jit_compile": "off"} | changes))


def arguments(config):
    """The command-line flags that make a TrainConfig, those with the default left out."""
    default = TrainConfig()
    for name, value in vars(config).items():
        if value != getattr(default, name):
            yield f"--{name}={','.join(map(str, value)) if isinstance(value, tuple) else value}"


@functools.cache
def train_script():
    """The names that train.py defines."""
    return runpy.run_path(str(ROOT / "train.py"))


def command(*argv):
    """Runs `python train.py ARGV` in this process: its exit status, and the lines it wrote."""
    stdout, stderr = io.StringIO(), io.StringIO()
    script = train_script()
    with flagsaver.flagsaver(), contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = script["main"](["train.py", *map(str, argv)])
        except SystemExit as exit:
            code = exit.code
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def run(config, folder, cohort=COHORT, **options):
    """Calls `train` as `train.py COHORT FOLDER/ FOLDER/log` does; returns its output and the means."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        mean = train(config, str(cohort), f"{folder}/", f"{folder}/log", **options)
    return SimpleNamespace(mean=mean, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def write_cohort(prefix, patients, labels):
    """Pickles anything as a cohort, right or wrong."""
    for kind, value in (("seqs", patients), ("labels", labels)):
        Path(f"{prefix}.{kind}").write_bytes(pickle.dumps(value, 2))


def read_table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def change(path, *keys, to):
    """Sets one value in a JSON file."""
    content = json.loads(path.read_text())
    inner = content
    for key in keys[:-1]:
        inner = inner[key]
    inner[keys[-1]] = to
    path.write_text(json.dumps(content))


def weights(path):
    """The weights in a .keras file, an array a variable, without making a model of them."""
    values = {}
    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(lambda name, item: values.update({name: item[()]} if isinstance(item, h5py.Dataset) else {}))
    return values


def contents(folder):
    """The files of a run in `folder`, without times of day and the folder's own name: comparable with `==`.

    That is every file's bytes but of models, whose weights are compared, of run.json's log, of TensorBoard, and of
    a lock that a kill left.
    """
    files = {}
    for path in sorted(Path(folder).rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or TENSORBOARD in path.parts or path.name.endswith(LOCK):
            continue
        if path.suffix == ".keras":
            files[name] = {
                key: (value.dtype.name, value.shape, value.tobytes()) for key, value in weights(path).items()
            }
        elif path.name == "run.json":
            files[name] = re.sub(rb'^ "log": .*\n', b"", path.read_bytes(), flags=re.MULTILINE)
        else:
            files[name] = path.read_bytes()
    return files


def check_same(folder, other, but=()):
    """Asserts that two runs left the same, bit for bit; `but` are names of files that one may have more."""
    got, expected = contents(folder), contents(other)
    assert got.keys() - expected.keys() <= set(but)
    assert expected.keys() - got.keys() <= set(but)
    different = [name for name in got.keys() & expected.keys() if got[name] != expected[name]]
    assert different == []


def check_split_files(folder, config, more=()):
    """Asserts that a finished split's folder holds its files and no others, such as a temporary one."""
    expected = SPLIT_FILES | ({"tensorboard"} if config.tensorboard else set()) | set(more)
    assert {path.name for path in folder.iterdir()} == expected
    stray = [path.name for path in folder.rglob("*") if path.name.endswith((".tmp", ".npz")) or ".keras." in path.name]
    assert stray == []


def in_row_order(part, values):
    """Values of a part's patients, in the order of its predictions file."""
    return np.asarray(values)[np.argsort(part.rows)]


def environment():
    """Of a subprocess that imports the project from elsewhere."""
    return os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def shell_environment():
    """As `environment`, and as in a shell in which nobody has set TensorFlow's variables."""
    return {name: value for name, value in environment().items() if not name.startswith("TF_")}


TRAIN = [sys.executable, str(ROOT / "train.py")]
