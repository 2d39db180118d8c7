"""Which module may import which, read from the sources, and what importing the light ones costs."""

import os
import pathlib
import subprocess
import sys

import pytest
from support.import_graph import Package, imported, is_in, source_files

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The packages and modules of mime_tf from the ground up. Each imports those of the lines above it, and itself.
FLOORS = (
    ("errors",),
    ("constraints", "terminal"),
    ("config",),
    ("data", "pages"),
    ("splits",),
    ("batches", "assess", "ehr", "simulate"),
    ("regression",),
    ("layers", "losses", "optimizer"),
    ("joint_training",),
    ("model",),
    ("blend",),
    ("tf1_weights", "runs"),
    ("loading", "scoring", "explain"),
    ("training", "export"),
    ("report", "ablation", "validation", "monitor", "tripod", "serve"),
    ("commands",),
)
# These start in milliseconds and serve users of other frameworks.
WITHOUT_TENSORFLOW = (
    *("errors", "constraints", "config", "terminal", "data", "pages"),
    *("splits", "batches", "assess", "ehr", "simulate", "regression"),
)
# These load TensorFlow all the same, and no light module imports them; the last does in one function, for commands.
WITH_TENSORFLOW = ("batches.datasets", "batches.cohort_datasets", "terminal.environment")
FRAMEWORKS = ("tensorflow", "keras")
# These import each other and nothing else of the package, and know nothing of files and flags.
MATHEMATICS = ("layers", "losses", "optimizer", "joint_training", "model", "blend")
STORAGE = ("os", "io", "pathlib", "shutil", "tempfile", "csv", "json", "pickle", "argparse", "absl")
# These use trained models, and never train one.
WITHOUT_TRAINING = ("scoring", "explain", "export", "report", "validation", "monitor", "tripod", "serve")


def imports_of_a_higher_floor(root):
    package = Package(root)
    floor_of = {name: floor for floor, names in enumerate(FLOORS) for name in names}
    for module, names in package.imports.items():
        room = module.split(".")[1] if "." in module else None
        if room not in floor_of:
            if room not in (None, "__main__"):
                yield f"{module}: on no floor"
            continue
        for name in names & package.imports.keys() - {"mime_tf"}:
            other = name.split(".")[1]
            if other != room and floor_of.get(other, len(FLOORS)) >= floor_of[room]:
                yield f"{module} -> {name}"


def frameworks_in_light_packages(root):
    package = Package(root)
    heavy = set(package.modules(*WITH_TENSORFLOW))
    for module in package.modules(*WITHOUT_TENSORFLOW):
        for name, chain in package.chains(module).items():
            if is_in(name, FRAMEWORKS) and not heavy & set(chain):
                yield " -> ".join(chain)
            if name in heavy and module not in heavy:
                yield " -> ".join(chain)


def foreign_imports_in_mathematics(root):
    package = Package(root)
    allowed = {"mime_tf", *package.modules(*MATHEMATICS)}
    for module in package.modules(*MATHEMATICS):
        for name, chain in package.chains(module).items():
            if name in package.imports and name not in allowed:
                yield " -> ".join(chain)
        for name in package.imports[module]:
            if is_in(name, STORAGE):
                yield f"{module} -> {name}"


def training_where_models_are_used(root):
    package = Package(root)
    for module in package.modules(*WITHOUT_TRAINING):
        for name, chain in package.chains(module).items():
            if is_in(name, ["mime_tf.training"]):
                yield " -> ".join(chain)


def flags_outside_train(root):
    for path in source_files(root, "mime_tf", "benchmarks"):
        if path != root / "train.py":
            defining = (root / "flags.py", root / "mime_tf" / "commands" / "train.py")
            forbidden = ["flags"] if path in defining else ["flags", "absl.flags"]
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
    imports_of_a_higher_floor,
    frameworks_in_light_packages,
    foreign_imports_in_mathematics,
    training_where_models_are_used,
    flags_outside_train,
    imports_of_train,
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_rule_holds(rule):
    assert list(rule(ROOT)) == []


NAMED = {
    *WITHOUT_TENSORFLOW,
    *WITH_TENSORFLOW,
    *MATHEMATICS,
    *WITHOUT_TRAINING,
    *(name for names in FLOORS for name in names),
}


@pytest.mark.parametrize("name", sorted(NAMED))
def test_rules_name_what_exists(name):
    assert Package(ROOT).modules(name)


@pytest.mark.parametrize("name", ["train.py", "flags.py"])
def test_rules_are_about_scripts_that_exist(name):
    assert (ROOT / name).exists()


# The rules themselves, on made-up packages.

CLEAN = {
    "train.py": "import flags\nfrom mime_tf.commands import train",
    "flags.py": "from absl import flags\nfrom mime_tf.commands import train",
    "mime_tf/__init__.py": "import importlib",
    "mime_tf/loading.py": "from mime_tf import model",
    "mime_tf/errors.py": "import numpy as np",
    "mime_tf/constraints.py": "from mime_tf.errors import InputError",
    "mime_tf/config/__init__.py": "from mime_tf.constraints import at_least",
    "mime_tf/commands/__init__.py": "",
    "mime_tf/commands/train.py": "from absl import flags\nfrom mime_tf.config import TrainConfig",
    "mime_tf/data/__init__.py": "",
    "mime_tf/data/store.py": "import numpy as np",
    "mime_tf/data/pickled.py": "from mime_tf import errors\nfrom mime_tf.data.store import Store",
    "mime_tf/batches/__init__.py": "",
    "mime_tf/batches/tables.py": "from mime_tf.data.store import Store",
    "mime_tf/batches/datasets.py": "import tensorflow as tf\nfrom mime_tf.batches import tables",
    "mime_tf/ehr/__init__.py": "",
    "mime_tf/losses.py": "import keras",
    "mime_tf/layers/__init__.py": "from mime_tf.layers.cell import Cell",
    "mime_tf/layers/cell.py": "import tensorflow as tf",
    "mime_tf/model.py": "from mime_tf import losses\nfrom mime_tf.layers import Cell",
    "mime_tf/scoring/__init__.py": "",
    "mime_tf/scoring/scorer.py": "import tensorflow as tf\nfrom mime_tf.batches import datasets",
    "mime_tf/training/__init__.py": "from mime_tf.training.run import train",
    "mime_tf/training/run.py": "from mime_tf.model import MiME\nfrom mime_tf.scoring import scorer",
    "tests/test_run.py": "from mime_tf.training import train",
}

LIGHT, HIGHER, MATH = frameworks_in_light_packages, imports_of_a_higher_floor, foreign_imports_in_mathematics
BREACHES = [
    (classes_by_way_of_the_package, "data/pickled", "from mime_tf import MiME", "mime_tf.data.pickled -> mime_tf.MiME"),
    (HIGHER, "data/store", "from mime_tf.batches import tables", "mime_tf.data.store -> mime_tf.batches"),
    (HIGHER, "batches/tables", "def f():\n    from mime_tf import ehr", "mime_tf.batches.tables -> mime_tf.ehr"),
    (HIGHER, "errors", "from mime_tf.config import TrainConfig", "mime_tf.errors -> mime_tf.config"),
    (HIGHER, "losses", "from mime_tf.model import MiME", "mime_tf.losses -> mime_tf.model"),
    (HIGHER, "novelty", "import os", "mime_tf.novelty: on no floor"),
    (LIGHT, "data/store", "import tensorflow as tf", "mime_tf.data.store -> tensorflow"),
    (LIGHT, "data/store", "import keras.ops", "mime_tf.data.store -> keras.ops"),
    (LIGHT, "data/store", "def f():\n    from tensorflow import data", "-> tensorflow"),
    (LIGHT, "batches/tables", "from . import datasets", "mime_tf.batches.tables -> mime_tf.batches.datasets"),
    (LIGHT, "data/pickled", "from mime_tf.scoring import scorer", "mime_tf.scoring.scorer -> tensorflow"),
    # A module takes its package with it, here all layers.
    (LIGHT, "errors", "import mime_tf.layers", "mime_tf.layers.cell -> tensorflow"),
    (LIGHT, "__init__", "import keras", "mime_tf.errors -> mime_tf -> keras"),
    (LIGHT, "ehr/fhir/read", "from ...layers.cell import Cell", "mime_tf.ehr.fhir.read -> mime_tf.layers.cell"),
    (MATH, "losses", "from mime_tf import config", "losses -> mime_tf.config"),
    (MATH, "model", "from mime_tf.training import run", "mime_tf.model -> mime_tf.training"),
    (MATH, "layers/cell", "from .. import data", "mime_tf.layers.cell -> mime_tf.data"),
    (MATH, "layers/cell", "import os.path", "mime_tf.layers.cell -> os.path"),
    (MATH, "model", "from absl import flags", "mime_tf.model -> absl"),
    (
        training_where_models_are_used,
        "scoring/scorer",
        "from mime_tf.training import train",
        "scorer -> mime_tf.training",
    ),
    (training_where_models_are_used, "export/__init__", "import mime_tf.training.run", "export -> mime_tf.training"),
    (training_where_models_are_used, "scoring/prediction", "from .. import training", "prediction -> mime_tf.training"),
    (flags_outside_train, "data/pickled", "import flags", "mime_tf/data/pickled.py -> flags"),
    (flags_outside_train, "data/pickled", "from absl import flags", "mime_tf/data/pickled.py -> absl.flags"),
    (flags_outside_train, "../score", "from flags import config", "score.py -> flags"),
    (flags_outside_train, "train", "import flags", "mime_tf/train.py -> flags"),
    (flags_outside_train, "commands/train", "import flags", "mime_tf/commands/train.py -> flags"),
    (flags_outside_train, "commands/pack", "from absl import flags", "mime_tf/commands/pack.py -> absl.flags"),
    (imports_of_train, "data/pickled", "import train", "mime_tf/data/pickled.py -> train"),
    (imports_of_train, "../tests/test_run", "from train import main", "tests/test_run.py -> train"),
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
    found = list(rule(write_package(tmp_path, CLEAN | {os.path.normpath(f"mime_tf/{name}.py"): text})))
    assert any(complaint in chain for chain in found), found


# What the rules are for.


def test_light_packages_load_no_framework():
    code = """
import sys
import mime_tf, mime_tf.data.pickled, mime_tf.batches.tables, mime_tf.splits.split
print(*(name for name in ("tensorflow", "keras", "sklearn") if name in sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
