"""Shared by all tests: a quiet TensorFlow, the quick tests, the number of workers, and the two parity cohorts."""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import gc
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import settings
from support import kept
from support.quick import is_quick

from mime_tf.data import pickled

# No test asserts a time: a busy machine takes longer for an example, and is not wrong.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# No test cuts the power: what a file's name shows after a kill does not depend on what the disk has.
os.fsync = lambda file: None

PARITY = Path(__file__).resolve().parents[1] / "testdata" / "parity"
MEMORY_PER_WORKER = 2.5e9  # bytes: a worker with TensorFlow, and a process that it starts


def pytest_xdist_auto_num_workers():
    """Returns the workers of `-n auto`: one per core that may be used, as far as the memory goes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return max(1, min(cores, int(memory / MEMORY_PER_WORKER)))


def pytest_ignore_collect(collection_path, config):
    """With `-m quick`, leaves out the files that have no quick test: importing them would load TensorFlow."""
    if config.option.markexpr == "quick" and collection_path.match("test_*.py") and not is_quick(collection_path):
        return True
    return None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Marks as quick every test of a quick file but those marked slow."""
    for item in items:
        if is_quick(item.path) and not item.get_closest_marker("slow"):
            item.add_marker("quick")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Imports the tests without a search for garbage, and exempts what they imported, a million objects, from it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_finish():
    """Lets tests share what TensorFlow traced."""
    kept.keep()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Fails a quick test that loads TensorFlow all the same, such as by a name of `mime_tf` itself."""
    loaded = "tensorflow" in sys.modules
    result = yield
    if item.get_closest_marker("quick") and not loaded and "tensorflow" in sys.modules:
        pytest.fail("a quick test loaded TensorFlow: mark it slow")
    return result


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown():
    """Undoes what a test did to models that it shares with others."""
    kept.restore_models()


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
