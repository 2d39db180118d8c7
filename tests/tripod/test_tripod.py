"""The checklists of `tripod`: items of both guidelines, answered from the files of a run that the test writes."""

import contextlib
import csv
import dataclasses
import io
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics
from support.pages import browser_faults, structure_faults

from mime_tf.__main__ import main
from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.recalibration import Recalibration
from mime_tf.config import TrainConfig
from mime_tf.data.conversion import Conversion
from mime_tf.errors import InputError
from mime_tf.runs import adjustment
from mime_tf.runs.configuration import Configuration
from mime_tf.tripod.answers import _FROM_RUN, _NOT_DONE, FOR_YOU, FROM_RUN, NOT_DONE
from mime_tf.tripod.checklist import Checklists
from mime_tf.tripod.facts import Facts
from mime_tf.tripod.items import PROBAST, TRIPOD

QUICK = True
SIZES = {"num_dx": 7, "num_rx": 3, "num_pr": 2, "max_dx_per_visit": 2, "max_rx_per_dx": 1, "max_pr_per_dx": 1}
LABELS = [1, 0, 0, 1, 0, 0, 0, 1]
SCORES = [0.8, 0.3, 0.4, 0.35, 0.1, 0.2, 0.6, 0.7]
CONVERT = {
    "arguments": {"source": "omop", "input": "/mnt/secret/cdm", "unlinked": "drop"},
    "rules": {"target": "outcome", "design": "cohort", "prediction_at": "visit:2", "horizon_days": 90},
    "outcome": [{"system": "S", "code": "N17", "display": "Acute <b>kidney</b> failure | x"}],
    "export": {"last_event": "2021-03-04"},
    "flow": {
        "patients of the export": {"patients": 1234, "rows": None},
        "with a visit": {"patients": 900, "rows": 950},
    },
    "audit": None,
}
COUNTS = (("all", 40, 10), ("train", 24, 5), ("valid", 8, 2), ("test", 8, 3))
POPULATION = {
    "counts": {name: {"rows": rows, "cases": cases} for name, rows, cases in COUNTS},
    "columns": {"prediction_time": {"known": 40, "years": [2010, 2013]}},
    "content": "0" * 64,
    "visits": [1, 2, 3],
}


def write_split(folder, **flags):
    """Writes the files of a finished split, without its model."""
    config = dataclasses.asdict(TrainConfig(**flags))
    configuration = Configuration(0, SIZES, "/mnt/secret/hf", {"seqs_sha256": "ab" * 32}, config, {"python": "3.11.1"})
    configuration.write(str(folder))
    Conversion("", "", CONVERT, None).write(str(folder))
    (folder / "population.json").write_text(json.dumps(POPULATION))
    for name in ("valid", "test"):
        rows = zip(range(len(LABELS)), LABELS, SCORES, [1] + [0] * 7, strict=True)
        with open(folder / f"predictions_{name}.csv", "w", newline="") as file:
            csv.writer(file).writerows([("row", "label", "probability", "empty"), *rows])
    (folder / "metrics.json").write_text('{"iteration": 300}')
    return folder


@pytest.fixture
def split(tmp_path):
    return write_split(tmp_path / "r0s0", class_weight="3", group_column="patient_id")


def answered(path):
    facts = Facts.of(path, None, Bootstrap(0))
    checklists = Checklists.of(facts, "r0s0")
    return {answer.item.key: answer for of in checklists.answered.values() for answer in of}, checklists


def test_the_items_are_those_of_the_guidelines():
    numbers = [item.key for item in TRIPOD]
    assert sorted({int(re.match(r"\d+", key)[0]) for key in numbers}) == list(range(1, 28)) and len(numbers) == 52
    letters = {number: "".join(key[len(number) :] for key in numbers if re.match(r"\d+", key)[0] == number)
               for number in map(str, range(1, 28))}  # fmt: skip
    # As in the statement's checklist; the other items have no letters.
    several = {"3": "abc", "5": "ab", "6": "abc", "8": "abc", "9": "abc", "12": "abcdefg", "18": "abcdef"}
    several |= {"20": "abc", "23": "ab", "27": "abc"}
    assert {number: text for number, text in letters.items() if text} == several
    assert len({item.key for item in (*TRIPOD, *PROBAST)}) == len(TRIPOD) + len(PROBAST)
    assert {*_FROM_RUN, *_NOT_DONE} <= {item.key for item in (*TRIPOD, *PROBAST)}
    assert all(item.topic and item.left for item in (*TRIPOD, *PROBAST))


def test_answers_are_of_the_run(split):
    answers, checklists = answered(split)
    of = {key: answer.text for key, answer in answers.items()}
    question = "Acute <b>kidney</b> failure | x (N17) within 90 days of the second visit"
    assert answers["8a"].state == FROM_RUN and of["8a"] == question
    assert of["5a"] == "OMOP export cdm, with records up to 2021-03-04"
    assert of["5b"] == "prediction times in 2010 to 2013; records up to 2021-03-04"
    assert (
        of["10"]
        == "40 rows with 10 cases: train 24 rows with 5 cases, valid 8 rows with 2 cases, test 8 rows with 3 cases"
    )
    assert of["20a"] == "patients of the export 1,234; with a visit 900 (950 rows)"
    assert "7 diagnoses, 3 medications, 2 procedures" in of["9a"]
    assert "label 1 weighs 3 in training; not recalibrated" in of["13"] and of["13"] == of["d_imbalance"]
    assert "rows with one patient_id are in one set" in of["d_leakage"]
    adjusted = [5 / 24, *SCORES[1:]]  # nothing is known of the first, who is scored by the share of cases in train
    auc = metrics.roc_auc_score(LABELS, adjusted)
    assert f"ROC AUC {auc:.3f}; " in of["23a"] and "r0s0 8 rows with 3 cases" in of["23a"]
    assert "of 1 of 8 test rows the model knows no code" in of["11"] and "20.8%" in of["11"]
    assert [answers[key].state for key in ("17", "18a", "25")] == [FOR_YOU] * 3
    assert [answers[key].state for key in ("12f", "14", "16", "24", "e_fair")] == [NOT_DONE] * 5
    assert sum(sum(counts.values()) for counts in checklists.counts.values()) == len(TRIPOD) + len(PROBAST)


def test_what_was_done_is_no_longer_not_done(split):
    adjustment.write(str(split), Recalibration("logistic", 0.1, 0.9), 0.25, {})
    answers, _ = answered(split)
    assert answers["12f"].state == answers["24"].state == FROM_RUN
    assert answers["24"].text == "recalibrated: r0s0 (logistic)"
    assert answers["13"].text.endswith("; recalibrated")


def test_a_run_that_knows_little_leaves_it_to_a_person(split):
    for name in ("convert.json", "population.json"):
        (split / name).unlink()
    answers, _ = answered(split)
    assert {answers[key].state for key in ("5a", "5b", "8a", "10", "20a", "20b", "d_outcome")} == {FOR_YOU}


def test_several_splits_have_a_mean_and_a_range(tmp_path):
    one, other = (Facts.of(write_split(tmp_path / f"r0s{seed}"), None, Bootstrap(0)) for seed in (0, 1))
    both = dataclasses.replace(one, splits=one.splits + other.splits, assessments=one.assessments + other.assessments)
    auc = one.assessments[0].values["auc"]
    assert both.performance.startswith(f"ROC AUC {auc:.3f} (splits {auc:.3f} to {auc:.3f})")
    assert both.division.startswith("2 random splits, test_fraction 0.4") and both.sets.endswith("(of r0s0)")
    assert not np.isnan(auc)


def site(name, set_name="all", **changes):
    estimates = {"calibration_slope": {"value": 0.5, "low": 0.25, "high": 0.75}}
    estimates["observed_to_expected"] = {"value": 1.5, "low": 1.25, "high": 2}
    estimates["auc"] = {"value": None, "low": None, "high": None}
    mix = {"unknown_codes": 0.125}
    return {"name": name, "set": set_name, "rows": 200, "ones": 50, "metrics": estimates, "case_mix": mix} | changes


def test_a_validation_answers_the_items_on_other_sites(split, tmp_path):
    own, other = site("own", "test"), site("north")
    (tmp_path / "validate.json").write_text(json.dumps({"trained_on": "0" * 64, "sites": [own, other]}))
    facts = Facts.of(split, None, Bootstrap(0), validation=str(tmp_path))
    answers = {answer.item.key: answer for of in Checklists.of(facts, "r").answered.values() for answer in of}
    assert {answers[key].state for key in ("12d", "16", "20c", "23b", "e_source")} == {FROM_RUN}
    assert answers["20c"].text == "north: 200 rows with 50 cases (25.0%), 12.5% of codes unknown"
    assert "observed / expected 1.500 (1.250 to 2.000)" in answers["23b"].text
    assert "north: ROC AUC –, " in answers["23b"].text and "own" not in answers["23b"].text


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "the validate.json of mime-tf validate is needed"),
        ({"sites": []}, "the validate.json of mime-tf validate is needed"),
        ({"trained_on": "1" * 64, "sites": []}, "trained on other data"),
        ({"trained_on": "0" * 64, "sites": [site("a", rows=0)]}, "sites: ZeroDivisionError"),
        ({"trained_on": "0" * 64, "sites": [site("a", case_mix=3)]}, "sites: TypeError"),
        ({"trained_on": "0" * 64, "sites": [{"set": "all"}]}, "sites: KeyError"),
    ],
)
def test_a_file_that_is_no_validation_of_the_run(content, says, split, tmp_path):
    path = tmp_path / "validate.json"
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=says) as raised:
        Facts.of(split, None, Bootstrap(0), validation=str(path))
    assert "\n" not in str(raised.value) and "validate.json" in str(raised.value)
    with pytest.raises(InputError, match="missing"):
        Facts.of(split, None, Bootstrap(0), validation=str(tmp_path / "nothing"))


def test_a_division_by_time_is_told(tmp_path):
    folder = write_split(tmp_path / "r0s0", split_by="time")
    periods = {"train": ["2010-01-01", "2011-06-07"], "valid": ["2011-06-08", "2012-01-01"]}
    content = POPULATION | {"periods": periods | {"test": ["2012-01-02", "2013-12-31"]}}
    (folder / "population.json").write_text(json.dumps(content))
    answers, _ = answered(folder)
    days = "train 2010-01-01 to 2011-06-07, valid 2011-06-08 to 2012-01-01, test 2012-01-02 to 2013-12-31"
    assert f"by prediction time: train is before valid, and valid before test ({days})" in answers["12a"].text
    assert "divided by time" in answers["16"].text


@pytest.mark.slow
def test_the_page_can_be_heard_and_read_on_a_phone(split, tmp_path):
    page = answered(split)[1].page()
    assert structure_faults(page) == []
    assert browser_faults(page, tmp_path) == []


def test_the_command_writes_both_forms_with_names_as_they_are(split, tmp_path):
    def command(*argv):
        stdout, stderr = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = main(list(map(str, argv)))
        return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())

    argv = ("tripod", "--model", split, "--output", tmp_path / "t", "--bootstrap", 5)
    done = command(*argv)
    assert done.code == 0 and done.out[0].startswith("TRIPOD+AI: ") and " for you to say, 7 not done" in done.out[0]
    page, markdown = ((tmp_path / "t" / name).read_text() for name in ("tripod.html", "tripod.md"))
    assert "<b>kidney" not in page + markdown and "&lt;b&gt;kidney" in page and "secret" not in page + markdown
    rows = [line for line in markdown.splitlines() if line.startswith("| 8a |")]
    assert len(rows) == 1 and len(re.findall(r"(?<!\\)\|", rows[0])) == 6 and r"failure \| x" in rows[0]
    assert command(*argv).code == 2 and command(*argv, "--overwrite").code == 0
