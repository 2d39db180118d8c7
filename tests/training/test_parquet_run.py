"""A Parquet cohort is trained on like the pickles it was made of."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from support.whole_runs import COHORT, MEAN, SMALL, TRAIN, arguments, command, environment, read_table, run

from mime_tf.data import parquet, pickled
from mime_tf.runs.folder import PREDICTIONS

ONE = dataclasses.replace(SMALL, split_seeds=(0,), tensorboard=False)
SAME = ("history.csv", "metrics.json", "codes.json")


@pytest.fixture(scope="module")
def from_pickles(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pickles")
    return folder, run(ONE, folder)


@pytest.mark.parametrize("layout", ["file", "folder"])
def test_parquet_trains_to_the_same_lines_and_files(from_pickles, tmp_path, layout):
    store, labels = pickled.read(COHORT)
    ids = np.array([f"P{row:03}" for row in range(len(store))], object)
    source = tmp_path / ("cohort.parquet" if layout == "file" else "cohort")
    if layout == "file":
        parquet.write(source, store, labels, ids)
    else:
        source.mkdir()
        for name, rows in (("a", slice(0, 50)), ("b", slice(50, None))):
            rows = np.arange(len(store))[rows]
            parquet.write(source / f"{name}.parquet", store.select(rows), labels[rows], ids[rows])
    folder, expected = from_pickles
    got = run(ONE, tmp_path / "run", cohort=source)
    assert got.out == expected.out
    for name in SAME:
        assert (tmp_path / "run" / "r0s0" / name).read_bytes() == (folder / "r0s0" / name).read_bytes(), name
    for name in PREDICTIONS.values():
        rows = read_table(tmp_path / "run" / "r0s0" / name)
        assert [row.pop("patient_id") for row in rows] == [f"P{int(row['row']):03}" for row in rows]
        assert rows == read_table(folder / "r0s0" / name)


def test_the_command_takes_parquet_and_knows_it_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store, labels = pickled.read(COHORT)
    parquet.write(tmp_path / "cohort.parquet", store, labels)
    (tmp_path / "vocabulary.csv").write_text("kind,index,system,code,display\ndx,0,ICD-10,I10,hypertension\n")
    argv = ["cohort.parquet", "./", "./out", *arguments(ONE)]
    done = command(*argv)
    assert done.code == 0, done.err
    assert MEAN.fullmatch(done.out[-1])
    assert any(line.startswith("devices: ") for line in done.err)
    assert (tmp_path / "r0s0" / "vocabulary.csv").exists()
    parquet.write(tmp_path / "cohort.parquet", store, 1 - labels)
    done = command(*argv)
    assert done.code == 2
    assert done.err[-1].startswith("train.py: ./run.json: a finished run with other flags or data: the data")


def test_a_missing_cohort_names_both_forms(tmp_path):
    done = subprocess.run(
        [sys.executable, TRAIN[1], "nothing", "./", "./out"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("train.py: ")]
    assert "prefix of .seqs and .labels, a .parquet file or a folder of .parquet files" in line
    assert list(tmp_path.iterdir()) == []
