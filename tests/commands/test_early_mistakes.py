"""Commands answer mistakes before they import TensorFlow, in real processes."""

import dataclasses
import os
import subprocess
import sys

import pytest
from support.whole_runs import COHORT, SMALL, environment, run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    run(dataclasses.replace(SMALL, split_seeds=(0,)), folder)
    return folder


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
    where = where.get(command, ["--model", trained / "r0s0", "--data", COHORT])
    start = [sys.executable, "-X", "importtime", "-m", "mime_tf", command]
    done = subprocess.run([*start, *map(str, where), *argv], env=environment(), capture_output=True, text=True)
    *_, line = (line for line in done.stderr.splitlines() if not line.startswith("import time:"))
    assert (done.returncode, done.stdout) == (2, "")
    assert line.startswith("mime-tf: ") and says in line
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert not imported & {"tensorflow", "keras"}
    assert os.listdir() == []
