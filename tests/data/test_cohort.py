"""Tests of mime_tf.data.cohort: which cohort a path names, and the files beside it."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
# One patient; read from `.seqs` it is told by its diagnosis, 1, from Parquet by 2.
PICKLED, PARQUET = [[[[1, [0], []]]]], [[[[2, [], [0]]]], [[]]]


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_pickles(prefix):
    os.makedirs(os.path.dirname(prefix) or ".", exist_ok=True)
    pickled.write(prefix, PICKLED, [1])


def write_parquet(path, ids=("a", "b")):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    parquet.write(path, pickled.from_lists(PARQUET), [0, 1], ids)


# Which cohort a path names.


def check_pickles(source, prefix, folder):
    cohort = Cohort.open(source)
    assert (pickled.to_lists(cohort.store), cohort.labels.tolist(), cohort.patient_ids) == (PICKLED, [1], None)
    assert cohort.files == [f"{prefix}.seqs", f"{prefix}.labels"]
    assert (cohort.path, cohort.name, cohort.folder) == (str(source), f"{prefix}.seqs", folder)


def check_parquet(source, paths, folder, times=1):
    cohort = Cohort.open(source)
    assert pickled.to_lists(cohort.store) == PARQUET * times
    assert cohort.labels.tolist() == [0, 1] * times
    assert cohort.patient_ids.tolist() == ["a", "b"] * times
    assert (cohort.files, cohort.path, cohort.name, cohort.folder) == (paths, str(source), str(source), folder)


@pytest.mark.parametrize("prefix", ["x", "./x", "d/x", "d/", "./", "x.y"])
def test_a_prefix(prefix):
    write_pickles(prefix)
    check_pickles(prefix, prefix, os.path.dirname(prefix))


def test_a_prefix_as_a_path(tmp_path):
    write_pickles("d/x")
    check_pickles(tmp_path / "d" / "x", f"{tmp_path}/d/x", f"{tmp_path}/d")


@pytest.mark.parametrize("path", ["x.parquet", "d/x.parquet", "./x.parquet"])
def test_a_parquet_file(path):
    write_parquet(path)
    check_parquet(path, [path], os.path.dirname(path))
    check_parquet(Path(path), [str(Path(path))], os.path.dirname(Path(path)))


@pytest.mark.parametrize("folder", ["d", "d/e", "d/", "d.parquet", "d.parquet/", ".", "a[b]"])
def test_a_folder_of_parquet_files(folder):
    for name in ("2.parquet", "1.parquet"):
        write_parquet(os.path.join(folder, name))
    check_parquet(folder, [os.path.join(folder, name) for name in ("1.parquet", "2.parquet")], folder, times=2)


def test_a_prefix_beside_a_folder_of_parquet_files():
    write_parquet("x/1.parquet")
    write_pickles("x")
    check_pickles("x", "x", "")
    check_parquet("x/", ["x/1.parquet"], "x/")


def test_a_prefix_in_a_folder_of_parquet_files():
    write_parquet("x/1.parquet")
    write_pickles("x/")
    check_pickles("x/", "x/", "x")
    check_parquet("x", ["x/1.parquet"], "x")


def test_a_name_that_ends_in_parquet_is_parquet():
    write_pickles("x.parquet")
    with pytest.raises(InputError, match=r"^x\.parquet: can't be read \(No such file or directory\); a Parquet file"):
        Cohort.open("x.parquet")


@pytest.mark.parametrize("source", ["x", "d", "d/", "d/x"])
def test_nothing_of_that_name(source):
    os.makedirs("d/e.parquet.d")
    with pytest.raises(InputError) as caught:
        Cohort.open(source)
    assert str(caught.value) == (
        f"{source}.seqs: can't be read (No such file or directory); "
        "a cohort is a prefix of .seqs and .labels, a .parquet file or a folder of .parquet files"
    )


def test_a_prefix_without_labels():
    write_pickles("x")
    os.remove("x.labels")
    with pytest.raises(InputError, match=r"^x\.labels: can't be read"):
        Cohort.open("x")


def test_a_folder_that_is_named_parquet_and_empty():
    os.mkdir("x.parquet")
    with pytest.raises(InputError, match=r"^x\.parquet: no file \*\.parquet in this folder"):
        Cohort.open("x.parquet")


def test_pickles_are_read_without_arrow():
    write_pickles("x")
    code = """
import sys
from mime_tf.data.cohort import Cohort
cohort = Cohort.open("x")
for name in ("files", "name", "folder", "vocabulary", "attributes", "conversion", "patient_ids"):
    getattr(cohort, name)
cohort.digests()
print([name for name in ("pyarrow", "tensorflow", "keras") if name in sys.modules])
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")


# Files beside a cohort.


def test_a_cohort_alone():
    write_pickles("x")
    cohort = Cohort.open("x")
    assert [cohort.vocabulary, cohort.attributes, cohort.conversion, cohort.patient_ids] == [None] * 4


@pytest.mark.parametrize("folder", ["d", ""])
def test_files_beside_a_cohort(folder):
    write_pickles(os.path.join(folder, "x"))
    parent = Path(folder)
    (parent / "vocabulary.csv").write_text("kind,index,system,code,display\ndx,1,ICD-10-CM,I10,Hypertension\n")
    (parent / "patients.csv").write_text("patient_id,sex\np,F\n")
    (parent / "linkage.json").write_text("[1]")
    cohort = Cohort.open(os.path.join(folder, "x"))
    assert cohort.vocabulary.by_index["dx", 1]["code"] == "I10"
    assert cohort.attributes.columns == {"patient_id": ["p"], "sex": ["F"]}
    assert (cohort.patient_ids.tolist(), cohort.stored_ids) == (["p"], None)
    assert (cohort.conversion.rules, cohort.conversion.linkage) == (None, [1])
    (parent / "convert.json").write_text(json.dumps({"rules": {}}))
    assert Cohort.open(os.path.join(folder, "x")).conversion.rules == {"rules": {}}


def test_files_beside_are_read_once():
    write_pickles("x")
    Path("patients.csv").write_text("sex\nF\n")
    cohort = Cohort.open("x")
    before = cohort.attributes, cohort.digests()
    for name in ("patients.csv", "x.seqs"):
        Path(name).write_text("changed")
    assert (cohort.attributes, cohort.digests()) == before


def test_ids_stored_with_the_patients_come_before_those_of_a_table():
    write_parquet("x.parquet")
    Path("patients.csv").write_text("patient_id\nc\nc\n")
    cohort = Cohort.open("x.parquet")
    assert cohort.patient_ids.tolist() == ["a", "b"]
    write_parquet("x.parquet", ids=None)
    cohort = Cohort.open("x.parquet")
    assert (cohort.patient_ids.tolist(), cohort.stored_ids) == (["c", "c"], None)


def test_an_attribute():
    write_parquet("x.parquet")
    with pytest.raises(InputError, match=r"^patients\.csv: is not there; the column sex is looked for in it"):
        Cohort.open("x.parquet").attribute("sex")
    Path("patients.csv").write_text("sex\nF\nM\n")
    cohort = Cohort.open("x.parquet")
    assert cohort.attribute("sex") == ["F", "M"]
    with pytest.raises(InputError, match=r"^patients\.csv: no column age; found sex"):
        cohort.attribute("age")
    Path("patients.csv").write_text("sex\nF\n")
    with pytest.raises(InputError, match=r"^patients\.csv: 1 rows; must be 2, one for each row of x\.parquet"):
        Cohort.open("x.parquet").attribute("sex")


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def test_digests():
    write_pickles("d/x")
    digests = {f"{kind}_sha256": sha256(f"d/x.{kind}") for kind in ("seqs", "labels")}
    assert Cohort.open("d/x").digests() == digests
    for name in ("2.parquet", "1.parquet"):
        write_parquet(f"e/{name}")
    assert list(Cohort.open("e").digests().items()) == [
        (f"{name}_sha256", sha256(f"e/{name}")) for name in ("1.parquet", "2.parquet")
    ]


# Cohorts made in memory.


def test_a_cohort_in_memory():
    cohort = Cohort(pickled.from_lists(PARQUET), np.array([0, 1]))
    assert (cohort.path, cohort.folder, cohort.files, cohort.name) == (None, None, [], "the cohort")
    assert [cohort.vocabulary, cohort.attributes, cohort.conversion, cohort.patient_ids] == [None] * 4
    with pytest.raises(InputError, match="not read from a file"):
        cohort.attribute("sex")


def test_digests_in_memory_tell_cohorts_apart():
    def digests(patients, labels):
        return Cohort(pickled.from_lists(patients), np.array(labels)).digests()

    assert digests(PARQUET, [0, 1]) == digests(PARQUET, [0, 1])
    assert digests(PARQUET, [0, 1]) != digests(PARQUET, [1, 1])
    assert digests(PARQUET, [0, 1]) != digests([PARQUET[0], [[[2, [], [0]]]]], [0, 1])


def test_representations_are_one_line():
    write_parquet("x.parquet")
    Path("patients.csv").write_text("sex\nF\nM\n")
    cohort = Cohort.open("x.parquet")
    assert repr(cohort) == "Cohort('x.parquet', 2 patients, 1 of label 1)"
    assert repr(Cohort.open("x.parquet", labelled=False)) == "Cohort('x.parquet', 2 patients, no labels)"
    assert repr(cohort.store) == "Store(2 patients, 2 visits, 1 Dx-objects; 1 dx, 0 rx, 1 pr)"
    assert repr(cohort.attributes) == "PatientTable('patients.csv', 2 rows of sex)"
