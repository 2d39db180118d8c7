"""Exported models: a SavedModel that needs TensorFlow alone and scores as `predict` does, and its model card."""

import contextlib
import csv
import dataclasses
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from support.served_runs import KNOWN, all_patients, as_json, check_same, padded, predicted, write_vocabulary
from support.whole_runs import COHORT, SMALL, environment
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.errors import InputError
from mime_tf.export.card import TO_FILL_IN, gather, model_card
from mime_tf.export.example import example_patient
from mime_tf.export.saved_model import export
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.terminal.folders import replacing_folder
from mime_tf.training.build import build_model

# What runs differ in from that of `trained`.
OTHERS = {
    "gru": {"rnn_cell": "gru", "pooling": ("last", "sum", "max", "distinct"), "emb_activation": "linear"},
    "lstm": {"rnn_cell": "lstm"},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A split's folder, of which training is said to have held the codes `KNOWN`."""
    folder = tmp_path_factory.mktemp("trained")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    write_vocabulary(folder / "vocabulary.csv")
    train_run(dataclasses.replace(SMALL, split_seeds=(0,), tensorboard=False), folder, folder / "cohort")
    codes = json.loads((folder / "r0s0" / "codes.json").read_text()) | {"known": KNOWN}
    (folder / "r0s0" / "codes.json").write_text(json.dumps(codes))
    return folder / "r0s0"


@pytest.fixture(scope="module")
def cells(trained, tmp_path_factory):
    """Folders of runs; all but one have their first weights, not trained ones."""
    found = {"gru_v1": trained}
    for cell, changes in OTHERS.items():
        folder = found[cell] = tmp_path_factory.mktemp(cell) / "r0s0"
        shutil.copytree(trained, folder)
        config = json.loads((folder / "config.json").read_text())
        config["flags"] |= changes
        (folder / "config.json").write_text(json.dumps(config))
        build_model(dataclasses.replace(SMALL, **changes), config["sizes"]).save(folder / "model.keras")
    return found


@pytest.fixture(scope="module")
def exported(cells, tmp_path_factory):
    """The exports of these runs: one by the command, as a user starts it, the others by the function."""
    base = tmp_path_factory.mktemp("exported")
    argv = ["export", "--model", cells["gru_v1"], "--output", "served/gru_v1", "--bootstrap", "20"]
    done = subprocess.run(
        [sys.executable, "-m", "mime_tf", *map(str, argv)], cwd=base, env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "served/gru_v1",
        "served/gru_v1/MODEL_CARD.md",
    ]
    assert "2 pr codes" not in done.stderr  # pr 5 and 6 have names by their systems
    for cell in OTHERS:
        export(FittedSplit.open(cells[cell]), base / "served" / cell, bootstrap=0)
    assert sorted(path.name for path in (base / "served").iterdir()) == sorted(["gru_v1", *OTHERS])
    return base / "served"


@pytest.fixture(scope="module")
def opened(trained):
    return FittedSplit.open(trained)


# Without mime_tf.

ALONE = """
import json, sys
sys.modules["mime_tf"] = None
import tensorflow as tf
request = json.load(open("request.json"))
for cell in request["cells"]:
    served = tf.saved_model.load(f"{request['folder']}/{cell}").signatures
    for _ in range(2):
        by_json = served["json"](patients=tf.constant(request["texts"]))
    codes = {name: tf.constant(value, tf.int32) for name, value in request["codes"].items()}
    by_code = served["serving_default"](**codes)
    answers = [{name: value.numpy().tolist() for name, value in found.items()} for found in (by_json, by_code)]
    json.dump(answers, open(f"{cell}.json", "w"))
assert not any(name.startswith("mime_tf.") for name in sys.modules)
"""


@pytest.mark.slow
def test_scores_as_predict_does_with_tensorflow_alone(cells, exported, tmp_path):
    patients = all_patients()
    codes = {name: value.tolist() for name, value in padded(patients, more=1).items()}
    request = {"cells": list(cells), "folder": str(exported), "texts": list(map(as_json, patients)), "codes": codes}
    (tmp_path / "request.json").write_text(json.dumps(request))
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", ALONE], cwd=tmp_path, env=alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for cell, folder in cells.items():
        expected = predicted(FittedSplit.open(folder), patients)
        assert expected["dropped_codes"].sum() > 100 and 0 < expected["empty"].sum() < 30
        assert np.ptp(expected["probability"]) > 0.01
        for found in json.loads((tmp_path / f"{cell}.json").read_text()):
            check_same(found, expected)


# The card.


def blocks(card, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", card, re.DOTALL | re.MULTILINE)


def test_the_card_s_calls_work(exported):
    card = (exported / "gru_v1" / "MODEL_CARD.md").read_text()
    (python,) = blocks(card, "python")
    answers, calls = [], python.replace('"FOLDER"', repr(str(exported / "gru_v1")))
    calls = re.sub(r"^served\.signatures", "answers += [served.signatures", calls, flags=re.MULTILINE)
    calls = re.sub(r"\)$(?=\n\n|\n\Z)", ")]", calls, flags=re.MULTILINE)
    exec(calls, {"answers": answers})
    stated = json.loads(re.search(r"answered, as tensors: `(.*?)`", card).group(1))
    assert len(answers) == 2
    for answer in answers:
        check_same(answer, stated)
    (shell,) = blocks(card, "sh")
    signatures = tf.saved_model.load(str(exported / "gru_v1")).signatures
    commands = [shlex.split(line) for line in shell.splitlines() if line.startswith("curl")]
    assert len(commands) == 2
    for command in commands:
        request = json.loads(command[command.index("-d") + 1])
        kinds = signatures[request["signature_name"]].structured_input_signature[1]
        inputs = {name: tf.constant(value, kinds[name].dtype) for name, value in request["inputs"].items()}
        check_same(signatures[request["signature_name"]](**inputs), stated)


def test_the_card_has_the_facts_of_the_run(trained, opened, exported):
    card = (exported / "gru_v1" / "MODEL_CARD.md").read_text()
    metrics = json.loads((trained / "metrics.json").read_text())
    data = json.loads((trained / "config.json").read_text())["data"]
    for value in (*data.values(), *opened.versions.values()):
        assert value in card
    assert f"| ROC AUC | {metrics['valid_auc']:.4f} | {metrics['test_auc']:.4f} |" in card
    assert f"at iteration {metrics['iteration']}." in card
    with open(trained / "predictions_test.csv", newline="") as file:
        labels = [int(row["label"]) for row in csv.DictReader(file)]
    assert f"| test set | {len(labels)} rows, {sum(labels)} of label 1 ({np.mean(labels):.1%}) |" in card
    assert "| diagnoses | 17 of 31 | 17 |" in card and "| procedures | LOCAL | 1 |" in card
    assert "| `rnn_size` | 4 | 256 |" in card and "`eval_batch_size`" not in card
    assert card.count(TO_FILL_IN) > 10


def test_the_card_of_a_run_that_knows_little(opened, tmp_path):
    run = dataclasses.replace(opened, folder=str(tmp_path), input=None, data=None, known=None, vocabulary=None)
    answer = {"probability": [0.5], "dropped_codes": [0], "empty": [False]}
    card = model_card(run, gather(run), example_patient(run), answer)
    for words in ("has no results", "cohort | not recorded", "does not say which codes", "no vocabulary"):
        assert words in card
    assert "nan" not in card and "None |" not in card


def test_the_card_counts_patients_of_whom_nothing_is_known(opened):
    facts = dataclasses.replace(gather(opened, 0), unknown={"valid": 2, "test": 1})
    card = model_card(opened, facts, example_patient(opened), {"probability": [0.5]})
    assert "(so are 2 of valid and 1 of test, in the measures above as well)" in card
    assert "reads the order of visits, and does not read age, sex, measurements, free text or the time" in card


def test_names_in_a_card_are_no_markup_and_no_commands(opened):
    hostile = "'; rm -rf ~; '`x`|<img src=x> # h ```"
    rows = [
        row | {"system": hostile, "code": hostile} if row["kind"] == "dx" else row for row in opened.vocabulary.rows
    ]
    rows = [row for row in rows if (row["kind"], row["index"]) != ("dx", "1")][:1]
    vocabulary = dataclasses.replace(opened.vocabulary, rows=rows, by_index={("dx", 0): rows[0]})
    run = dataclasses.replace(opened, vocabulary=vocabulary)
    example = example_patient(run)
    card = model_card(run, gather(run, 0), example, {"probability": [0.5]})
    assert example.patient["visits"][0][0]["dx"] == hostile
    (shell,), (python,) = blocks(card, "sh"), blocks(card, "python")
    command = shlex.split(shell.splitlines()[1])
    assert len(command) == 4 and json.loads(json.loads(command[3])["inputs"]["patients"][0]) == example.patient
    compile(python, "card", "exec")
    text = re.sub(r"^```.*?^```$", "", card, flags=re.DOTALL | re.MULTILINE)
    assert "\\<img src=x\\>" in text and not re.search(r"[^\\]<img|[^\\]`x`", text)


# The folder.


def command(*argv):
    """Runs `python -m mime_tf export ARGV` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            status = main(["export", *map(str, argv)])
        except SystemExit as exit:
            status = exit.code
    return SimpleNamespace(code=status, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def files_under(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def check_refused(tmp_path, *argv, says):
    before = files_under(tmp_path)
    done = command(*argv)
    assert (done.code, done.out) == (2, []), done
    assert says in done.err[-1] and done.err[-1].startswith(("mime-tf: ", "mime-tf export: "))
    assert files_under(tmp_path) == before


def test_a_folder_that_is_in_use(trained, exported, tmp_path):
    asked = ["--model", trained, "--bootstrap", "0", "--output"]
    folder = tmp_path / "mime" / "1"
    shutil.copytree(exported / "gru", folder)
    check_refused(tmp_path, *asked, folder, says="exists; --overwrite replaces it")
    done = command(*asked, f"{folder}/", "--overwrite")
    assert done.code == 0, done
    assert "the authors' GRU" in (folder / "MODEL_CARD.md").read_text()
    assert "Keras's GRU" in (exported / "gru" / "MODEL_CARD.md").read_text()
    assert [path.name for path in folder.parent.iterdir()] == ["1"]
    with open(folder / "MODEL_CARD.md", "r+") as file:
        card = file.read()
        file.seek(0)
        file.write(card.replace(TO_FILL_IN, "heart failure", 1))
        file.truncate()
    check_refused(tmp_path, *asked, folder, "--overwrite", says="MODEL_CARD.md: was changed")
    (folder / "notes.txt").write_text("mine")
    check_refused(tmp_path, *asked, folder, "--overwrite", says="no folder that this command wrote")


def test_a_folder_that_is_not_an_export(trained, tmp_path):
    asked = ["--model", trained, "--overwrite", "--output"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "saved_model.pb").write_text("mine")
    check_refused(tmp_path, *asked, tmp_path / "mine", says="no folder that this command wrote")
    check_refused(tmp_path, *asked, tmp_path / "mine" / "saved_model.pb", says="no folder that this command wrote")
    check_refused(tmp_path, *asked, tmp_path / "mine" / "saved_model.pb" / "1", says="not a folder")
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    check_refused(tmp_path, *asked, tmp_path / "link", says="no folder that this command wrote")


def test_what_a_killed_export_left_needs_no_hand_work(trained, exported, tmp_path):
    """A half-written folder, and the earlier export, which was about to be replaced."""
    asked = ["--model", trained, "--bootstrap", "0", "--output", tmp_path / "1"]
    shutil.copytree(exported / "gru_v1", tmp_path / "1.earlier")
    (tmp_path / "1.0123abcd.tmp").mkdir()
    assert "exists; --overwrite" in command(*asked).err[-1]
    assert {path.name for path in tmp_path.iterdir()} == {"1"}
    (tmp_path / "1").rename(tmp_path / "1.earlier")
    assert command(*asked, "--overwrite").code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"1"}


def test_bad_input_is_one_line(trained, tmp_path):
    output = ["--output", tmp_path / "out" / "1"]
    check_refused(tmp_path, "--model", tmp_path, *output, says="neither the folder of a fitted split")
    check_refused(tmp_path, "--model", trained, *output, "--bootstrap", "-1", says="bootstrap")
    folder = tmp_path / "r0s0"
    shutil.copytree(trained, folder)
    (folder / "predictions_test.csv").write_text("row,label\n0,1\n")
    check_refused(tmp_path, "--model", folder, *output, says="predictions_test.csv: damaged")
    (folder / "predictions_test.csv").write_text("")
    check_refused(tmp_path, "--model", folder, *output, says="predictions_test.csv")
    assert not (tmp_path / "out").exists()


def test_weights_that_are_no_numbers_leave_nothing(trained, tmp_path):
    run = FittedSplit.open(trained)
    run.model.set_weights([np.full_like(weight, np.nan) for weight in run.model.get_weights()])
    with pytest.raises(InputError, match="not numbers"):
        export(run, tmp_path / "1", bootstrap=0)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_export_leaves_the_earlier_one(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "old").write_text("old")
    with pytest.raises(KeyboardInterrupt), replacing_folder(tmp_path / "1") as folder:
        Path(folder, "new").write_text("new")
        raise KeyboardInterrupt
    assert {path.name for path in tmp_path.rglob("*")} == {"1", "old"}
    with replacing_folder(tmp_path / "1") as folder:
        Path(folder, "new").write_text("new")
    assert {path.name for path in tmp_path.rglob("*")} == {"1", "new"}


def test_help_has_an_example_and_is_quick():
    argv = [sys.executable, "-X", "importtime", "-m", "mime_tf", "export", "--help"]
    done = subprocess.run(argv, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0
    assert "mime-tf export --model" in done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert imported & {"tensorflow", "keras", "sklearn"} == set()
