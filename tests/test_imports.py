"""Which module may import which, read from the sources, and what importing the light ones costs."""

import pathlib
import subprocess
import sys

import pytest
from import_graph import Package, imported, is_in, source_files

ROOT = pathlib.Path(__file__).resolve().parents[1]

# These start in milliseconds and serve users of other frameworks.
LIGHT = (
    *("records", "parquet", "sources", "pickles", "store", "unlinking", "splitting", "cohort", "groups", "distinct"),
    *("batching",),
    *("simulation", "simulated_patients", "simulation_files"),
    *("shapes", "sizes", "config", "vocabulary", "patient_table", "files", "errors", "ehr"),
)
FRAMEWORKS = ("tensorflow", "keras")
# What the mathematics is made of: these import each other and nothing else of the package.
MATHEMATICS = ("layers", "losses", "metrics", "adam", "model")
STORAGE = ("os", "io", "pathlib", "shutil", "tempfile", "csv", "json", "pickle", "argparse", "absl")
# What uses a trained model.
USES = (
    *(
        "evaluation",
        "runs",
        "prediction",
        "assessment",
        "paired",
        "export",
        "serving",
        "serving_example",
        "model_card",
        "resampling",
        "operating_points",
    ),
    *("decision_curve", "curves", "subgroups", "assessment_table", "report", "plotting"),
    *("attribution", "explanation", "pair_effects", "explanation_table", "timeline", "explanation_page"),
)


def frameworks_in_light_modules(root):
    package = Package(root)
    for module in package.modules(*LIGHT):
        for name, chain in package.chains(module).items():
            if is_in(name, FRAMEWORKS):
                yield " -> ".join(chain)


def foreign_imports_in_mathematics(root):
    package = Package(root)
    allowed = {"mime_tf", "mime_tf.keras_classes", *package.modules(*MATHEMATICS)}
    for module in package.modules(*MATHEMATICS):
        for name, chain in package.chains(module).items():
            if name in package.imports and name not in allowed:
                yield " -> ".join(chain)
        for name in package.imports[module]:
            if is_in(name, STORAGE):
                yield f"{module} -> {name}"


def training_in_uses(root):
    package = Package(root)
    for module in package.modules(*USES):
        for name, chain in package.chains(module).items():
            if is_in(name, ["mime_tf.training"]):
                yield " -> ".join(chain)


def flags_outside_train(root):
    for path in source_files(root, "mime_tf", "benchmarks"):
        if path.name != "train.py" or path.parent != root:
            forbidden = ["flags"] if path == root / "flags.py" else ["flags", "absl.flags"]
            for name in imported(root, path):
                if is_in(name, forbidden):
                    yield f"{path.relative_to(root)} -> {name}"


def imports_of_train(root):
    for path in source_files(root, "mime_tf", "tests", "benchmarks"):
        if is_in("train", imported(root, path)):
            yield f"{path.relative_to(root)} -> train"


def classes_by_way_of_the_package(root):
    """`from mime_tf import MiME` would load TensorFlow where no other rule sees it."""
    package = Package(root)
    for module, names in package.imports.items():
        for name in names - package.imports.keys():
            if name.startswith("mime_tf.") and name.rpartition(".")[0] == "mime_tf":
                yield f"{module} -> {name}"


RULES = (
    classes_by_way_of_the_package,
    frameworks_in_light_modules,
    foreign_imports_in_mathematics,
    training_in_uses,
    flags_outside_train,
    imports_of_train,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds(rule):
    assert list(rule(ROOT)) == []


def test_rules_cover_modules_that_exist():
    package = Package(ROOT)
    for name in (*LIGHT[:-1], "layers", "losses", "model", "evaluation", "training"):
        assert package.modules(name), name
    for name in ("train.py", "flags.py"):
        assert (ROOT / name).exists()


# The rules themselves, on made-up packages.

CLEAN = {
    "train.py": "import flags\nfrom mime_tf import training",
    "flags.py": "from absl import flags\nfrom mime_tf.config import TrainConfig",
    "mime_tf/__init__.py": "from mime_tf import keras_classes",
    "mime_tf/keras_classes.py": "import sys",
    "mime_tf/errors.py": "import numpy as np",
    "mime_tf/config.py": "from mime_tf.errors import InputError",
    "mime_tf/store.py": "import numpy as np",
    "mime_tf/records.py": "from mime_tf import errors\nfrom mime_tf.store import Store",
    "mime_tf/losses.py": "import keras",
    "mime_tf/layers/__init__.py": "from mime_tf.layers.cell import Cell",
    "mime_tf/layers/cell.py": "import tensorflow as tf",
    "mime_tf/model.py": "from mime_tf import losses\nfrom mime_tf.layers import Cell",
    "mime_tf/evaluation.py": "import tensorflow as tf",
    "mime_tf/training/__init__.py": "from mime_tf.training.run import train",
    "mime_tf/training/run.py": "from mime_tf import evaluation, records\nfrom mime_tf.model import MiME",
    "tests/test_run.py": "from mime_tf.training import train",
}

BREACHES = [
    (
        classes_by_way_of_the_package,
        "mime_tf/records.py",
        "from mime_tf import MiME",
        "mime_tf.records -> mime_tf.MiME",
    ),
    (frameworks_in_light_modules, "mime_tf/store.py", "import tensorflow as tf", "mime_tf.store -> tensorflow"),
    (frameworks_in_light_modules, "mime_tf/store.py", "import keras.ops", "mime_tf.store -> keras.ops"),
    (frameworks_in_light_modules, "mime_tf/store.py", "def f():\n    from tensorflow import data", "-> tensorflow"),
    (
        frameworks_in_light_modules,
        "mime_tf/records.py",
        "from mime_tf import evaluation",
        "mime_tf.records -> mime_tf.evaluation -> tensorflow",
    ),
    (
        frameworks_in_light_modules,
        "mime_tf/records.py",
        "def f():\n    from . import evaluation",
        "mime_tf.records -> mime_tf.evaluation -> tensorflow",
    ),
    # A module takes its package with it, here all layers.
    (frameworks_in_light_modules, "mime_tf/errors.py", "import mime_tf.layers", "mime_tf.layers.cell -> tensorflow"),
    (frameworks_in_light_modules, "mime_tf/__init__.py", "import keras", "mime_tf.store -> mime_tf -> keras"),
    (
        frameworks_in_light_modules,
        "mime_tf/ehr/fhir.py",
        "from ..layers.cell import Cell",
        "mime_tf.ehr.fhir -> mime_tf.layers.cell -> tensorflow",
    ),
    (foreign_imports_in_mathematics, "mime_tf/losses.py", "from mime_tf import config", "losses -> mime_tf.config"),
    (
        foreign_imports_in_mathematics,
        "mime_tf/model.py",
        "from mime_tf.training import run",
        "mime_tf.model -> mime_tf.training",
    ),
    (foreign_imports_in_mathematics, "mime_tf/layers/cell.py", "from .. import records", "cell -> mime_tf.records"),
    (foreign_imports_in_mathematics, "mime_tf/layers/cell.py", "import os.path", "mime_tf.layers.cell -> os.path"),
    (foreign_imports_in_mathematics, "mime_tf/model.py", "from absl import flags", "mime_tf.model -> absl"),
    (training_in_uses, "mime_tf/evaluation.py", "from mime_tf.training import train", "mime_tf.evaluation -> mime_tf."),
    (training_in_uses, "mime_tf/export.py", "import mime_tf.training.run", "mime_tf.export -> mime_tf.training.run"),
    (training_in_uses, "mime_tf/prediction.py", "from . import training", "mime_tf.prediction -> mime_tf.training"),
    (flags_outside_train, "mime_tf/records.py", "import flags", "mime_tf/records.py -> flags"),
    (flags_outside_train, "mime_tf/records.py", "from absl import flags", "mime_tf/records.py -> absl.flags"),
    (flags_outside_train, "score.py", "from flags import config", "score.py -> flags"),
    (flags_outside_train, "mime_tf/train.py", "import flags", "mime_tf/train.py -> flags"),
    (imports_of_train, "mime_tf/records.py", "import train", "mime_tf/records.py -> train"),
    (imports_of_train, "tests/test_run.py", "from train import main", "tests/test_run.py -> train"),
]


def write_package(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    return root


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_passes_a_clean_package(rule, tmp_path):
    assert list(rule(write_package(tmp_path, CLEAN))) == []


@pytest.mark.parametrize(("rule", "name", "text", "complaint"), BREACHES)
def test_rule_finds_a_breach(rule, name, text, complaint, tmp_path):
    found = list(rule(write_package(tmp_path, CLEAN | {name: text})))
    assert any(complaint in chain for chain in found), found


# What the rules are for.


def test_light_modules_load_no_framework_and_load_fast():
    code = """
import sys, time
start = time.perf_counter()
import mime_tf, mime_tf.records, mime_tf.batching, mime_tf.cohort
seconds = time.perf_counter() - start
print(seconds, *(name for name in ("tensorflow", "keras", "sklearn") if name in sys.modules))
"""
    times = []
    for _ in range(3):  # the first one may read from a cold disk
        run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        seconds, *loaded = run.stdout.split()
        assert loaded == []
        times.append(float(seconds))
    assert min(times) < 1.5
