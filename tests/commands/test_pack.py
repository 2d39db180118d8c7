"""Tests of the command `pack`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mime_tf.__main__ import main
from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort

ROOT = Path(__file__).resolve().parents[2]
# One patient; read from `.seqs` it is told by its diagnosis, 1, from Parquet by 2.
PICKLED, PARQUET = [[[[1, [0], []]]]], [[[[2, [], [0]]]], [[]]]
VOCABULARY = "kind,index,system,code,display\ndx,1,ICD-10-CM,I10,Essential (primary) hypertension\n"


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write_pickles(prefix):
    os.makedirs(os.path.dirname(prefix) or ".", exist_ok=True)
    pickled.write(prefix, PICKLED, [1])


def write_parquet(path, ids=("a", "b")):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    parquet.write(path, pickled.from_lists(PARQUET), [0, 1], ids)


def listing():
    return {str(path): path.read_bytes() if path.is_file() else None for path in Path().rglob("*")}


def check_parquet(path, times=1):
    cohort = Cohort.open(path)
    assert pickled.to_lists(cohort.store) == PARQUET * times
    assert cohort.labels.tolist() == [0, 1] * times
    assert cohort.stored_ids.tolist() == ["a", "b"] * times


# The command.


def environment():
    return os.environ | {"PYTHONPATH": str(ROOT)}


def pack(capsys, *argv):
    """Runs `mime-tf pack ARGV` in this process: its exit status, its stdout and its stderr."""
    status = main(["pack", *argv])
    return status, *capsys.readouterr()


def check_refused(capsys, *argv, says):
    before = listing()
    status, out, err = pack(capsys, *argv)
    assert (status, out) == (2, "")
    assert err == f"mime-tf: {says}\n"
    assert listing() == before


def test_pack_as_a_process():
    write_pickles("d/x")
    Path("d/vocabulary.csv").write_text(VOCABULARY)
    argv = [sys.executable, "-m", "mime_tf", "pack", "--data", "d/x", "--output", "made/x.parquet"]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    size = os.path.getsize("made/x.parquet")
    assert done.stdout.splitlines() == [
        f"made/x.parquet: 1 patients, 1 visits, 1 Dx-objects, {size} bytes",
        "made/vocabulary.csv: copied",
    ]
    assert sorted(os.listdir("made")) == ["vocabulary.csv", "x.parquet"]
    assert Path("made/vocabulary.csv").read_text() == VOCABULARY
    cohort = Cohort.open("made/x.parquet")
    assert (pickled.to_lists(cohort.store), cohort.labels.tolist(), cohort.patient_ids) == (PICKLED, [1], None)


def test_the_sample():
    argv = ["--data", str(ROOT / "sample"), "--output", "sample.parquet"]
    assert main(["pack", *argv]) == 0
    store, labels = pickled.read(ROOT / "sample")
    cohort = Cohort.open("sample.parquet")
    assert pickled.to_lists(cohort.store) == pickled.to_lists(store)
    assert cohort.labels.tolist() == labels.tolist()
    assert os.path.getsize("sample.parquet") < os.path.getsize(ROOT / "sample.seqs") / 5


def test_files_of_a_folder_become_one(capsys):
    write_parquet("d/1.parquet")
    write_parquet("d/2.parquet")
    assert pack(capsys, "--data", "d", "--output", "x.parquet")[0] == 0
    check_parquet("x.parquet", times=2)


def test_a_vocabulary_that_is_there_stays(capsys):
    write_pickles("d/x")
    Path("d/vocabulary.csv").write_text(VOCABULARY)
    Path("vocabulary.csv").write_text("mine")
    status, out, _ = pack(capsys, "--data", "d/x", "--output", "x.parquet")
    assert (status, out.splitlines()[1:]) == (0, ["vocabulary.csv: left as it is"])
    assert Path("vocabulary.csv").read_text() == "mine"


def test_a_hierarchy_goes_with_the_vocabulary(capsys):
    write_pickles("d/x")
    Path("d/hierarchy.csv").write_text(
        "kind,system,code,ancestor_system,ancestor,ancestor_class,level,name\ndx,s,a,f,1,,1,\n"
    )
    assert pack(capsys, "--data", "d/x", "--output", "y/x.parquet")[1].splitlines()[1:] == ["y/hierarchy.csv: copied"]
    assert [row.ancestor for row in Cohort.open("y/x.parquet").hierarchy.rows] == ["1"]


def test_nothing_is_said_of_a_vocabulary_that_is_not_concerned(capsys):
    write_pickles("d/x")
    assert len(pack(capsys, "--data", "d/x", "--output", "y/x.parquet")[1].splitlines()) == 1
    Path("d/vocabulary.csv").write_text(VOCABULARY)
    assert len(pack(capsys, "--data", "d/x", "--output", "d/x.parquet")[1].splitlines()) == 1
    assert sorted(os.listdir("d")) == ["vocabulary.csv", "x.labels", "x.parquet", "x.seqs"]


def test_what_belongs_to_the_cohort_goes_along(capsys):
    write_pickles("d/x")
    own = {"patients.csv": "patient_id,sex\np7,F\n", "visits.csv": "row,visit,days_before\n0,0,3\n"}
    own |= {"linkage.json": "{}", "convert.json": '{"rules": {}}'}
    for name, content in own.items():
        Path("d", name).write_text(content)
    status, out, _ = pack(capsys, "--data", "d/x", "--output", "y/x.parquet")
    assert (status, out.splitlines()[1:]) == (0, [f"y/{name}: copied" for name in own])
    assert {name: Path("y", name).read_text() for name in own} == own
    cohort = Cohort.open("y/x.parquet")
    assert (cohort.stored_ids.tolist(), cohort.visit_days.tolist()) == (["p7"], [3])
    Path("d/patients.csv").write_text("patient_id,sex\np8,F\n")
    argv = ["--data", "d/x", "--output", "y/z.parquet"]
    right = "another folder is right, or --overwrite replaces it"
    check_refused(capsys, *argv, says=f"y/patients.csv: is of another cohort; {right}")
    assert pack(capsys, *argv, "--overwrite")[0] == 0
    assert Path("y/patients.csv").read_text() == "patient_id,sex\np8,F\n"


def test_an_output_that_exists(capsys):
    write_pickles("x")
    Path("x.parquet").write_text("mine")
    argv = ["--data", "x", "--output", "x.parquet"]
    check_refused(capsys, *argv, says="x.parquet: exists; --overwrite replaces it")
    assert pack(capsys, *argv, "--overwrite")[0] == 0
    check_again = Cohort.open("x.parquet")
    assert pickled.to_lists(check_again.store) == PICKLED


def test_a_file_packed_onto_itself(capsys):
    write_parquet("x.parquet")
    os.symlink("x.parquet", "y.parquet")
    for output in ("x.parquet", "y.parquet"):
        argv = ["--data", "x.parquet", "--output", output]
        says = f"{output}: is read as well (x.parquet); must be another file"
        check_refused(capsys, *argv, says=says)
        check_refused(capsys, *argv, "--overwrite", says=says)
    check_parquet("x.parquet")


def test_bad_outputs(capsys):
    write_pickles("x")
    name = "the name of the output ends in .parquet; y.pq.parquet would be right"
    check_refused(capsys, "--data", "x", "--output", "y.pq", says=f"y.pq: {name}")
    os.mkdir("y.parquet")
    for more in ([], ["--overwrite"]):
        argv = ["--data", "x", "--output", "y.parquet", *more]
        check_refused(capsys, *argv, says="y.parquet: is a folder; a file is written")
    shutil.copy("x.seqs", "file")
    check_refused(
        capsys,
        "--data",
        "x",
        "--output",
        "file/y.parquet",
        says="file/y.parquet: can't be written; file is not a folder",
    )
    says = "file/z/y.parquet: can't be written; file is not a folder"
    check_refused(capsys, "--data", "x", "--output", "file/z/y.parquet", says=says)


def test_bad_inputs(capsys):
    expected = "a cohort is a prefix of .seqs and .labels, a .parquet file or a folder of .parquet files"
    says = f"no.seqs: can't be read (No such file or directory); {expected}"
    check_refused(capsys, "--data", "no", "--output", "made/y.parquet", says=says)
    write_pickles("x")
    Path("x.seqs").write_bytes(b"(l(l(l(lI-1\na(la(laaaa.")
    expected = "a diagnosis (dx) is a whole number from 0 to 2147483647"
    says = f"x.seqs: patient 0, visit 0, Dx-object 0: found -1; {expected}"
    check_refused(capsys, "--data", "x", "--output", "made/y.parquet", says=says)


@pytest.mark.parametrize(("argv", "says"), [([], "--data"), (["--data", "x"], "--output")])
def test_missing_arguments(capsys, argv, says):
    status, out, err = pack(capsys, *argv)
    assert (status, out) == (2, "")
    assert err.startswith("mime-tf pack: ") and says in err


def test_help(capsys):
    for argv in (["--help"], ["pack", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(argv)
        assert caught.value.code == 0
    printed = capsys.readouterr().out
    for part in ("pack", "example:", "mime-tf pack --data data/hf --output data/hf.parquet", "--overwrite"):
        assert part in printed
