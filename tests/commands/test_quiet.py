"""Commands print their own lines and nothing else, and answer mistakes before they import TensorFlow.

Each in a real process, on a machine without a GPU.
"""

import os
import re
import subprocess
import sys

import pytest
from support.whole_runs import COHORT, SMALL, TRAIN, arguments, environment

from mime_tf.terminal.environment import has_gpu

pytestmark = [pytest.mark.slow, pytest.mark.skipif(has_gpu(), reason="TensorFlow has news of a GPU")]
PROGRAM = [sys.executable, "-m", "mime_tf"]


def start(*argv):
    """Runs a command line as from a shell in which nobody has set TensorFlow's variables."""
    variables = {name: value for name, value in environment().items() if not name.startswith("TF_")}
    return subprocess.run([*map(str, argv)], env=variables, capture_output=True, text=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    done = start(*TRAIN, COHORT, f"{folder}/", folder / "log", *arguments(SMALL), "--split_seeds=0")
    assert done.returncode == 0, done.stderr
    return folder, done


def test_train(trained):
    first, sets, *others = trained[1].stderr.splitlines()
    assert first.startswith("devices: CPU")
    size = r"\d+ patients, \d+ cases"
    assert re.fullmatch(rf".*/r0s0: train {size}; valid {size}; test {size}", sets)
    warned = r"warning: .*/r0s0: the (model|loss) "
    assert all(re.match(rf"r0s\d: iteration \d|{warned}", line) for line in others), others
    assert all(line.startswith(("round:", "valid_loss:", "mean_")) for line in trained[1].stdout.splitlines())


def test_predict(trained, tmp_path):
    argv = [*PROGRAM, "predict", "--model", trained[0] / "r0s0", "--data", COHORT, "--output", tmp_path / "scores.csv"]
    done = start(*argv)
    progress = done.stderr.splitlines()
    assert done.returncode == 0
    assert all(re.match(r"reading |scored \d", line) for line in progress), progress
    assert done.stdout.startswith(f"{tmp_path}/scores.csv: 120 patients")
    assert os.listdir(tmp_path) == ["scores.csv"]


@pytest.mark.parametrize(
    ("command", "argv", "says"),
    [
        ("explain", ["--patient", "b7"], "patient: found 'b7'; "),
        ("explain", ["--row", "120"], "row: found 120; "),
        ("evaluate", ["--subgroup", "age:40,30"], "subgroup: found 'age:40,30'"),
        ("evaluate", ["--subgroup", "sex"], "patients.csv: is not there"),
        ("predict", ["--output", "/dev/null/scores.csv"], "can't be written"),
        ("train", ["--batch_size=121"], "batch_size is 121"),
        ("train", ["--num_dx=3"], "num_dx is 3"),
        ("ablate", ["--output", "out", "--batch_size", "121"], "batch_size is 121"),
        ("report", ["--output", "out.html", "--subgroup", "sex"], "patients.csv: is not there"),
    ],
)
def test_mistakes_are_told_without_tensorflow(command, argv, says, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    where = {"train": [COHORT, "out/", "log"], "ablate": ["--data", COHORT]}
    where = where.get(command, ["--model", trained[0] / "r0s0", "--data", COHORT])
    done = start(sys.executable, "-X", "importtime", "-m", "mime_tf", command, *where, *argv)
    *_, line = (line for line in done.stderr.splitlines() if not line.startswith("import time:"))
    assert (done.returncode, done.stdout) == (2, "")
    assert line.startswith("mime-tf: ") and says in line
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"tensorflow", "keras"}
    assert os.listdir() == []
