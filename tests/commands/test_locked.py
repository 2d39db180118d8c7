"""A second writer of an output is refused in one line, by every command that is told its output at once."""

import importlib.util
import os

import pytest
from support.whole_runs import COHORT

from mime_tf.__main__ import main
from mime_tf.terminal import outputs

# A command line, and the output that another process writes meanwhile.
COMMANDS = {
    "convert": (["--source", "fhir", "--input", ".", "--output", "out"], "out/convert.json"),
    "pack": (["--data", COHORT, "--output", "out.parquet"], "out.parquet"),
    "simulate": (["--patients", "10", "--output", "out/c"], "out/c_truth.json"),
    "evaluate": (["--model", ".", "--data", COHORT, "--output", "out"], "out/metrics.json"),
    "predict": (["--model", ".", "--data", COHORT, "--output", "out.csv"], "out.csv"),
    "explain": (["--model", ".", "--data", COHORT, "--patient", "a", "--output", "out.png"], "out.png"),
    "report": (["--model", ".", "--output", "out.html", "--plots", "plots"], "plots/curves.csv"),
    "ablate": (["--data", COHORT, "--output", "out"], "out/ablation.json"),
}
NEEDED = {"convert": "ibis", "explain": "matplotlib", "report": "matplotlib", "ablate": "matplotlib"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_second_writer_is_refused(name, tmp_path, monkeypatch, capsys):
    if importlib.util.find_spec(NEEDED.get(name, "os")) is None:
        pytest.skip(f"no {NEEDED[name]}")
    monkeypatch.chdir(tmp_path)
    argv, output = COMMANDS[name]
    with outputs.locked(output):
        before = sorted(path.name for path in tmp_path.rglob("*"))
        assert main([name, *argv]) == 2
        assert sorted(path.name for path in tmp_path.rglob("*")) == before
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"mime-tf: {output}: is being written by process {os.getpid()} on ")
    assert line.endswith("; wait for it, or give another")
