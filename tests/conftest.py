"""What all tests share: a quiet TensorFlow, and the two parity cohorts."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mime_tf.data import pickled

PARITY = Path(__file__).resolve().parents[1] / "testdata" / "parity"


@pytest.fixture(scope="session", params=["a", "b"])
def reference_cohort(request):
    """One parity cohort: its folder, patients, labels, configuration, splits and the reference program's arrays."""
    folder = PARITY / request.param
    store, labels = pickled.read(folder / "cohort")
    with np.load(folder / "model.npz") as file:
        arrays = dict(file)
    with np.load(folder / "run_initial_weights.npz") as file:
        starts = {int(name.removeprefix("starts")): file[name] for name in file if name.startswith("starts")}
    config = json.loads((folder / "config.json").read_text())
    splits = {int(seed): split for seed, split in json.loads((folder / "splits.json").read_text()).items()}
    return SimpleNamespace(
        folder=folder, store=store, labels=labels, config=config, splits=splits, arrays=arrays, starts=starts
    )
