"""Bad input of training: one line on stderr, exit status 2, and nothing made."""

import dataclasses
import os
import pickle
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.whole_runs import (
    COHORT,
    PARITY,
    SMALL,
    TRAIN,
    arguments,
    command,
    environment,
    parity_config,
    write_cohort,
)

from mime_tf.data import pickled

ONE = dataclasses.replace(SMALL, split_seeds=(0,), num_iter=1, eval_period=1, tensorboard=False)
FLAGS = list(arguments(ONE))


@pytest.fixture
def cohort(tmp_path, monkeypatch):
    """Puts a good cohort, `c`, into a folder of its own, and works there; its patients and its labels."""
    monkeypatch.chdir(tmp_path)
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", f"c.{kind}")
    return pickled.to_lists(pickled.read_seqs("c.seqs")), pickled.read_labels("c.labels").tolist()


def check_refused(*argv, says):
    """Runs `train.py ARGV` in the current folder; asserts that it is refused with `says`, and that nothing is made."""
    before = listing()
    done = command(*argv)
    assert done.code == 2, done
    assert done.out == []
    assert len(done.err) == 1, done.err
    assert done.err[0].startswith("train.py: ")
    for part in says:
        assert part in done.err[0]
    assert listing() == before


def listing():
    return {str(path): path.read_bytes() if path.is_file() else None for path in Path().rglob("*")}


def refused(*flags, says, input_prefix="c"):
    check_refused(input_prefix, "out/", "log", *FLAGS, *flags, says=says)


def test_the_cohort_is_good(cohort):
    assert command("c", "out/", "log", *FLAGS).code == 0


# Files.


def test_missing_files(cohort):
    refused(input_prefix="nothing", says=["nothing.seqs", "No such file"])
    os.remove("c.labels")
    refused(says=["c.labels", "No such file"])


class Malicious:
    """In a pickle it would make a folder."""

    def __reduce__(self):
        return os.mkdir, ("ha",)


FILES = {
    "not a pickle": b"patient,label\n0,1\n",
    "empty": b"",
    "truncated": Path(f"{COHORT}.seqs").read_bytes()[:-100],
    "code": pickle.dumps([Malicious()], 2),
    "code among patients": pickle.dumps([[[[0, [0], [Malicious()]]]]]),
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_bad_pickle(content, cohort):
    Path("c.seqs").write_bytes(content)
    refused(says=["c.seqs"])
    assert not Path("ha").exists()


def test_bad_labels_pickle(cohort):
    Path("c.labels").write_bytes(pickle.dumps([Malicious()], 2))
    refused(says=["c.labels"])
    assert not Path("ha").exists()


def replaced(patients, place, value):
    """`patients` with `value` at `place`, a path of positions."""
    *path, last = place
    inner = patients
    for position in path:
        inner = inner[position]
    inner[last] = value
    return patients


BAD_PATIENTS = {
    "negative code": ((7, 0, 0, 0), -1, ["patient 7", "visit 0", "Dx-object 0", "-1"]),
    "string code": ((7, 0, 0, 0), "I10", ["patient 7", "visit 0", "Dx-object 0", "I10"]),
    "half a code": ((7, 0, 0, 1), [0.5], ["patient 7", "visit 0", "Dx-object 0", "0.5"]),
    "two parts": ((7, 0, 0), [0, [1]], ["patient 7", "visit 0", "Dx-object 0", "[dx, [rx ...], [pr ...]]"]),
    "no visits": ((7,), [], ["patient 7", "visit"]),
    "no list": ((7, 0), 3, ["patient 7", "visit 0"]),
}


@pytest.mark.parametrize(("place", "value", "says"), BAD_PATIENTS.values(), ids=BAD_PATIENTS)
def test_bad_patients(place, value, says, cohort):
    write_cohort("c", replaced(cohort[0], place, value), cohort[1])
    refused(says=["c.seqs", *says])


def test_bad_labels(cohort):
    patients, labels = cohort
    write_cohort("c", patients, [*labels[:5], 2, *labels[6:]])
    refused(says=["c.labels", "5", "found 2", "0 or 1"])
    write_cohort("c", patients, labels[:-1])
    refused(says=["c.labels", "119", "120"])
    write_cohort("c", [], [])
    refused(says=["c.seqs", "no patient"])


BAD_VOCABULARIES = {
    "no CSV": (b"\xff\xfe\x00", ["vocabulary.csv"]),
    "a column missing": (b"kind,index,code\ndx,0,I10\n", ["vocabulary.csv", "system"]),
    "an unknown kind": (b"kind,index,system,code,display\nlab,0,LOINC,1,a\n", ["line 2", "lab"]),
    "a negative index": (b"kind,index,system,code,display\ndx,0,ICD,1,a\ndx,-1,ICD,1,a\n", ["line 3", "-1"]),
    "an index twice": (b"kind,index,system,code,display\ndx,0,ICD,1,a\ndx,0,ICD,2,b\n", ["line 3", "dx 0"]),
    "a comma too many": (b"kind,index,system,code,display\ndx,0,ICD,1,a\ndx,1,ICD,2,Diabetes, type 2\n", ["line 3"]),
    "a column too few": (b"kind,index,system,code,display\ndx,0,ICD,1,a\ndx,1,ICD\n", ["line 3"]),
    "an index of 5000 digits": (b"kind,index,system,code,display\ndx," + b"9" * 5000 + b",ICD,1,a\n", ["line 2"]),
}


@pytest.mark.parametrize(("content", "says"), BAD_VOCABULARIES.values(), ids=BAD_VOCABULARIES)
def test_bad_vocabulary(content, says, cohort):
    Path("vocabulary.csv").write_bytes(content)
    refused("--tensorboard", says=["vocabulary.csv", *says])


# Flags that do not go with the data.


def test_sizes_too_small_for_the_data(cohort):
    store = pickled.read_seqs("c.seqs")
    for kind, sizes in (("dx", 31), ("rx", 9), ("pr", 13)):
        codes = getattr(store, kind)
        largest = int(codes.max())
        assert largest + 1 == sizes
        refused(
            f"--num_{kind}={largest}", says=["c.seqs", "patient", "Dx-object", f"num_{kind} is {largest}", str(sizes)]
        )
    for name, largest in (("max_dx_per_visit", 6), ("max_rx_per_dx", 2), ("max_pr_per_dx", 5)):
        refused(f"--{name}={largest - 1}", says=["c.seqs", "patient", "visit", name, str(largest)])


def test_sizes_that_are_found_are_accepted(cohort):
    sizes = {"num_dx": 31, "num_rx": 9, "num_pr": 13, "max_dx_per_visit": 6, "max_rx_per_dx": 2, "max_pr_per_dx": 5}
    assert command("c", "out/", "log", *FLAGS, *(f"--{name}={size}" for name, size in sizes.items())).code == 0


def test_a_code_too_large_to_be_a_code(cohort):
    write_cohort("c", replaced(cohort[0], (3, 0, 0, 0), 5_000_000), cohort[1])
    refused(says=["patient 3, visit 0, Dx-object 0", "5000000", "num_dx"])


BAD_FOR_THE_DATA = {
    "a batch larger than train": (["--batch_size=25"], ["batch_size", "24", "25"]),
    "nobody with so many visits": (["--min_threshold=100", "--max_threshold=200"], ["no patient", "min_threshold"]),
    "nobody so associated": (["--association_threshold=1.5"], ["no patient", "association_threshold"]),
    "nobody to train on": (["--train_ratio=0.01"], ["train_ratio"]),
    "no test patient": (["--test_fraction=0.001", "--valid_fraction=0.001"], ["test_fraction", "120"]),
    "a batch larger than valid": (
        ["--batch_size=10", "--valid_fraction=0.05", "--eval_drop_remainder"],
        ["valid", "batch_size", "10"],
    ),
}


@pytest.mark.parametrize(("given", "says"), BAD_FOR_THE_DATA.values(), ids=BAD_FOR_THE_DATA)
def test_flags_that_do_not_go_with_the_data(given, says, cohort):
    refused(*given, says=says)


# Flags that are wrong whatever the data.

BAD_FLAGS = {
    "--pr_emb_size=5": ["dx_emb_size, rx_emb_size, pr_emb_size", "3, 3, 5", "equal"],
    "--visit_emb_size=5": ["dxobj_emb_size, visit_emb_size", "4, 5", "equal"],
    "--split_seeds=0,x": ["split_seeds", "0,x"],
    "--split_seeds=": ["split_seeds"],
    "--split_seeds=1,1": ["split_seeds", "different"],
    "--split_seeds=-1": ["split_seeds", "-1"],
    "--random_seed=-1": ["random_seed", "-1"],
    "--batch_size=0": ["batch_size", "0"],
    "--eval_period=0": ["eval_period"],
    "--eval_period=2": ["num_iter", "eval_period"],
    "--learning_rate=0": ["learning_rate"],
    "--learning_rate=nan": ["learning_rate", "nan"],
    "--aux_lambda=-1": ["aux_lambda"],
    **{f"--{name}=inf": [name, "inf"] for name in ("learning_rate", "regularize", "aux_lambda")},
    "--train_ratio=1.5": ["train_ratio"],
    "--test_fraction=0.6": ["test_fraction", "valid_fraction"],
    "--max_threshold=1": ["max_threshold", "min_threshold"],
    "--num_dx=0": ["num_dx"],
    # The parser's.
    "--emb_activation=swish": ["emb_activation", "swish", "relu"],
    "--rnn_cell=rnn": ["rnn_cell", "gru_v1"],
    "--batch_size=many": ["batch_size", "many"],
    "--bacth_size=5": ["bacth_size"],
    "--flagfile=nothing": ["nothing"],
}


@pytest.mark.parametrize(("flag", "says"), BAD_FLAGS.items(), ids=BAD_FLAGS)
def test_bad_flag(flag, says, cohort):
    refused(flag, says=says)


@pytest.mark.parametrize("positional", [[], ["c"], ["c", "out/"], ["c", "out/", "log", "more"]])
def test_number_of_arguments(positional, cohort):
    check_refused(*positional, *FLAGS, says=["DATA, OUTPUT and LOG", f"found {len(positional)}"])


def test_loss_that_is_never_a_number(cohort):
    """This comes to light in training only; it is one line all the same."""
    done = command("c", "out/", "log", *FLAGS, "--learning_rate=1e30")
    assert done.code == 2
    (line,) = [line for line in done.err if line.startswith("train.py: ")]
    assert "learning_rate" in line
    assert not Path("out/r0s0/metrics.json").exists()


# Initial weights.


def broken_weights(name):
    """Writes a file that no model can start from, and returns its path."""
    path = "w.npz"
    good = PARITY / "b" / "run_initial_weights.npz"
    if name == "truncated":
        Path(path).write_bytes(good.read_bytes()[:3000])
    elif name == "text":
        Path(path).write_text("hello")
    elif name == "one array":
        with open(path, "wb") as file:
            np.save(file, np.zeros(3))
    elif name == "objects":
        np.savez(path, W_emb_dx=np.array([None]))
    elif name == "other arrays":
        np.savez(path, weights=np.zeros(3))
    elif name == "a variable missing":
        with np.load(good) as arrays:
            np.savez(path, **{key: arrays[key] for key in arrays if not key.endswith("W_dr/bias")})
    return path


BROKEN_WEIGHTS = {
    "missing": ["w.npz", "No such file"],
    **{name: ["w.npz"] for name in ("truncated", "text", "one array", "objects", "other arrays")},
    "a variable missing": ["w.npz", "W_dr/bias"],
}
PARITY_FLAGS = list(arguments(parity_config("b", split_seeds=(0,), num_iter=1, eval_period=1, tensorboard=False)))


@pytest.mark.parametrize(("name", "says"), BROKEN_WEIGHTS.items(), ids=BROKEN_WEIGHTS)
def test_bad_initial_weights(name, says, cohort):
    check_refused("c", "out/", "log", *PARITY_FLAGS, f"--init_from={broken_weights(name)}", says=says)


@pytest.mark.parametrize(
    "source", ["run_initial_weights.npz", "tf1_checkpoint/r0s0/model-120"], ids=["npz", "checkpoint"]
)
def test_initial_weights_of_another_model(source, cohort):
    refused(f"--init_from={PARITY / 'b' / source}", says=[source, "W_emb_dx", "[31, 6]", "[31, 3]"])
    lstm = [*PARITY_FLAGS, f"--init_from={PARITY / 'b' / source}", "--rnn_cell=lstm"]
    check_refused("c", "out/", "log", *lstm, says=[source, "gru_v1", "lstm"])


@pytest.mark.parametrize(
    ("part", "damage"),
    [
        ("index", "missing"),
        ("index", "truncated"),
        ("data-00000-of-00001", "missing"),
        pytest.param("data-00000-of-00001", "truncated"),
    ],
)
def test_bad_checkpoint(part, damage, cohort):
    for each in ("index", "data-00000-of-00001"):
        content = (PARITY / "b" / "tf1_checkpoint" / "r0s0" / f"model-120.{each}").read_bytes()
        if each != part:
            Path(f"model.{each}").write_bytes(content)
        elif damage == "truncated":
            Path(f"model.{each}").write_bytes(content[: len(content) // 2])
    check_refused("c", "out/", "log", *PARITY_FLAGS, "--init_from=model", says=["model"])


# Places to write to.


def test_missing_folders_are_made(cohort):
    assert command("c", "new/folder/a_", "logs/of/mine", *FLAGS).code == 0
    assert Path("new/folder/a_r0s0/metrics.json").exists()
    assert len(Path("logs/of/mine.log").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("output", "log", "says"),
    [
        ("c.seqs/", "log", ["c.seqs"]),
        ("/dev/null/x/", "log", ["/dev/null/x"]),
        ("here_", "c.seqs/log", ["c.seqs"]),
        pytest.param("new/", "c.seqs/log", ["c.seqs"]),
        ("taken/", "log", ["run.json"]),
        ("here_", "taken", ["taken.log"]),
    ],
)
def test_places_that_cannot_be_written(output, log, says, cohort):
    Path("taken/run.json").mkdir(parents=True)
    Path("taken.log").mkdir()
    check_refused("c", output, log, *FLAGS, says=says)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
@pytest.mark.parametrize(("output", "log"), [("closed/", "log"), ("out/", "closed/log"), ("closed/new/", "log")])
def test_closed_folder(output, log, cohort):
    Path("closed").mkdir(mode=0o555)
    check_refused("c", output, log, *FLAGS, says=["closed"])


# As a process.


@pytest.mark.slow
def test_as_a_process(cohort):
    """One line on stderr, and none of TensorFlow's."""
    write_cohort("c", replaced(cohort[0], (7, 0, 0, 0), -1), cohort[1])
    before = listing()
    for argv, says in (
        (["c", "out/", "log"], "patient 7, visit 0, Dx-object 0"),
        (["c", "--rnn_cell=rnn"], "rnn_cell"),
    ):
        done = subprocess.run([*TRAIN, *argv], env=environment(), capture_output=True, text=True)
        assert done.returncode == 2
        assert done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("train.py: ")
        assert says in line
        assert listing() == before
