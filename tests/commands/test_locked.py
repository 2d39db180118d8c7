"""A second writer of an output is refused in one line, and an output that is an input too."""

import importlib.util
import os
import shutil

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


@pytest.mark.parametrize(
    ("argv", "output"),
    [
        (["train", "c", "out/", "log"], "log.log"),
        (["pack", "--data", "c", "--output", "link.parquet", "--overwrite"], "link.parquet"),
        (["convert", "--source", "fhir", "--input", "x", "--output", "out", "--overwrite"], "out/patients.csv"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_an_output_that_is_an_input_is_refused(argv, output, tmp_path, monkeypatch, capsys):
    if argv[0] == "convert" and importlib.util.find_spec("ibis") is None:
        pytest.skip("no ibis")
    monkeypatch.chdir(tmp_path)
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", f"c.{kind}")
    os.mkdir("out")
    os.mkdir("x")
    os.link("c.seqs", "x/bundle.json")
    os.symlink(os.path.abspath("c.seqs"), output)
    before = (tmp_path / "c.seqs").read_bytes()
    assert main(argv) == 2
    assert f"mime-tf: {output}: is read as well" in capsys.readouterr().err
    assert (tmp_path / "c.seqs").read_bytes() == before
    assert os.path.islink(output)


def test_a_cohort_is_not_packed_into_its_own_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["pack", "--data", COHORT, "--output", "parts/1.parquet"]) == 0
    assert main(["pack", "--data", "parts", "--output", "parts/all.parquet"]) == 2
    assert "parts/all.parquet: is in the folder that is read" in capsys.readouterr().err
    assert os.listdir("parts") == ["1.parquet"]
