"""`monitor`: one model over time, with intervals, bounds and an exit status, and rows whose outcomes are not known."""

import contextlib
import csv
import datetime
import io
import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from support.pages import browser_faults, structure_faults
from support.whole_runs import COHORT, SMALL, environment, read_table, write_cohort
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.data.cohort import Cohort

HOSTILE = "<b>flu</b>"
# Rows of each quarter of 2023, and the number of cases among the first of them.
SIZES = {"2023-Q1": (80, 24), "2023-Q2": (60, 12), "2023-Q3": (30, 2), "2023-Q4": (4, 1), "2024-Q2": (40, 0)}


def quarter_days(name, count):
    year, quarter = int(name[:4]), int(name[-1])
    first = datetime.date(year, 3 * quarter - 2, 1)
    return [str(first + datetime.timedelta(row % 85)) for row in range(count)]


def records(rows):
    """Rows of one diagnosis of training each; nine of ten rows have a code that training did not hold as well."""
    return [[[[row % 7, [row % 3], []], *([[900, [], []]] if row % 10 else [])]] * (1 + row % 4) for row in range(rows)]


def write_later(folder, labelled=True):
    """Writes later rows, two of each patient, and returns the table of what was written."""
    table = []
    for quarter, (count, cases) in SIZES.items():
        for row, day in enumerate(quarter_days(quarter, count)):
            number = len(table)
            table.append(
                (quarter, f"p{number // 2}", f"{day}T10:00:00Z", int(row < cases), 30 + number % 50, "FM"[number % 2])
            )
    folder.mkdir(exist_ok=True)
    write_cohort(folder / "later", records(len(table)), [row[3] for row in table])
    if not labelled:
        (folder / "later.labels").unlink()
    with open(folder / "patients.csv", "w", newline="") as file:
        csv.writer(file).writerows(
            [("patient_id", "prediction_time", "age", "sex"), *((r[1], r[2], r[4], r[5]) for r in table)]
        )
    names = "".join(f"dx,{index},,{index},{HOSTILE if index == 900 else f'd{index}'}\n" for index in (*range(30), 900))
    (folder / "vocabulary.csv").write_text(f"kind,index,system,code,display\n{names}")
    return table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of two splits, and later rows."""
    folder = tmp_path_factory.mktemp("monitored")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    train_run(SMALL, folder, folder / "cohort")
    write_later(folder / "labelled")
    write_later(folder / "unlabelled", labelled=False)
    return folder


def command(*argv):
    """Runs `mime-tf ARGV` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(list(map(str, argv)))
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def monitor(folder, data, output, *argv, model="r0s0", bootstrap=20):
    done = command("monitor", "--model", folder / model if model else f"{folder}/", "--data", folder / data, "--output",
                   output, "--bootstrap", bootstrap, *argv)  # fmt: skip
    record = json.loads((output / "monitor.json").read_text()) if done.code in (0, 3) else None
    return SimpleNamespace(done=done, record=record, output=output)


@pytest.fixture(scope="module")
def monitored(folder):
    bounds = ("--min_auc", 1, "--max_unknown_codes", 0.5, "--min_oe", 0.0001)
    return monitor(folder, "labelled/later", folder / "m", *bounds)


@pytest.fixture(scope="module")
def scores(folder):
    """Probability of each row, by `predict`."""
    path = folder / "scores.csv"
    data = folder / "labelled" / "later"
    assert command("predict", "--model", folder / "r0s0", "--data", data, "--output", path).code == 0
    return read_table(path)


def rows_of(quarter):
    start = 0
    for name, (count, _) in SIZES.items():
        if name == quarter:
            return slice(start, start + count)
        start += count
    raise AssertionError(quarter)


def period(monitored, name):
    return next(each for each in monitored.record["periods"] if each["period"] == name)


def test_counts_of_each_period(monitored):
    assert monitored.done.code == 3, monitored.done.err
    counts = [(each["period"], each["rows"], each["known"], each["cases"]) for each in monitored.record["periods"]]
    expected = [(name, rows, rows, cases) for name, (rows, cases) in SIZES.items()]
    assert counts == [*expected[:4], ("2024-Q1", 0, 0, 0), expected[4]]
    assert period(monitored, "2023-Q1")["patients"] == 40


def test_measures_by_the_scores_of_predict(monitored, scores):
    measures = period(monitored, "2023-Q1")["measures"]
    probabilities = np.array([float(row["probability"]) for row in scores[rows_of("2023-Q1")]])
    labels = np.arange(80) < 24
    assert measures["auc"]["value"] == pytest.approx(metrics.roc_auc_score(labels, probabilities), abs=1e-6)
    assert measures["brier"]["value"] == pytest.approx(metrics.brier_score_loss(labels, probabilities), abs=1e-6)
    assert measures["observed_to_expected"]["value"] == pytest.approx(24 / probabilities.sum(), rel=1e-5)
    assert measures["mean_probability"]["value"] == pytest.approx(probabilities.mean(), abs=1e-6)
    assert measures["auc"]["low"] <= measures["auc"]["value"] <= measures["auc"]["high"]
    assert "calibration_slope" in measures and period(monitored, "2023-Q1")["not_measured_because"] is None


def test_codes_age_and_sex_by_hand(monitored, scores, folder):
    measures = period(monitored, "2023-Q2")["measures"]
    of_period = scores[rows_of("2023-Q2")]
    store = Cohort.open(str(folder / "labelled" / "later")).store
    rows = np.arange(len(store))[rows_of("2023-Q2")]
    given = [1 + len(records(int(row) + 1)[row][0]) for row in rows]  # codes of a visit: its diagnoses and one order
    visits = [1 + row % 4 for row in rows]
    codes = sum(count * number for count, number in zip(given, visits, strict=True))
    dropped = sum(int(row["dropped_codes"]) for row in of_period)
    assert measures["unknown_codes"]["value"] == pytest.approx(dropped / codes)
    assert measures["nothing_known"]["value"] == pytest.approx(np.mean([row["empty"] == "1" for row in of_period]))
    assert measures["median_age"]["value"] == np.median(30 + rows % 50)
    assert "sex" not in measures  # the run's own data have no patients.csv


def test_codes_that_changed_most(monitored, folder):
    newest = period(monitored, "2024-Q2")
    code = next(code for code in newest["codes"] if code["index"] == 900)
    rows = np.arange(214)[rows_of("2024-Q2")]
    share = np.mean(rows % 10 > 0)
    assert (code["kind"], code["name"], code["known"]) == ("dx", f"{HOSTILE} (900)", False)
    assert (code["training"], code["share"]) == (0.0, pytest.approx(share))
    training = json.loads((folder / "r0s0" / "code_counts.json").read_text())
    counts = (share * 20, 20, 0, training["patients"])  # two rows of each patient
    expected = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert (code["low"], code["high"]) == pytest.approx(expected)
    shifts = [abs(code["share"] - code["training"]) for code in newest["codes"]]
    assert shifts == sorted(shifts, reverse=True) and len(shifts) == 20


def test_distance_of_codes_by_hand(folder, tmp_path):
    plain = monitor(folder, "labelled/later", tmp_path / "m", bootstrap=0)
    training = json.loads((folder / "r0s0" / "code_counts.json").read_text())
    ours = {}
    for row in np.arange(214)[rows_of("2023-Q3")].tolist():
        for kind, code in {("dx", row % 7), ("rx", row % 3), *([("dx", 900)] if row % 10 else [])}:
            ours[kind, code] = ours.get((kind, code), 0) + 1 / 30
    theirs = {
        (kind, code): count / training["rows"]
        for kind in ("dx", "rx", "pr")
        for code, count in enumerate(training[kind])
    }
    keys = {*ours, *theirs}
    differences = sum(abs(ours.get(key, 0) - theirs.get(key, 0)) for key in keys)
    expected = differences / (sum(ours.values()) + sum(theirs.values()))
    assert period(plain, "2023-Q3")["measures"]["code_distance"] == {
        "value": pytest.approx(expected),
        "low": None,
        "high": None,
    }


def test_periods_of_few_patients_or_cases(monitored):
    assert period(monitored, "2023-Q4")["measures"] == {}
    assert period(monitored, "2023-Q4")["not_measured_because"] == "too few: 2 patients, where 10 are needed"
    assert period(monitored, "2024-Q1")["not_measured_because"] == "no patients"
    few, none = period(monitored, "2023-Q3"), period(monitored, "2024-Q2")
    assert few["not_measured_because"] == "too few: 2 of label 1, where 10 are needed"
    assert none["not_measured_because"] == "the labels are all 0"
    for each, share, patients in ((few, 2 / 30, 15), (none, 0.0, 20)):
        assert "auc" not in each["measures"] and "calibration_in_the_large" not in each["measures"]
        low, high = proportion_confint(share * patients, patients, method="wilson")
        prevalence = each["measures"]["prevalence"]
        assert (prevalence["value"], prevalence["low"], prevalence["high"]) == pytest.approx((share, low, high))
        mean, ratio = each["measures"]["mean_probability"]["value"], each["measures"]["observed_to_expected"]
        assert (ratio["low"], ratio["high"]) == pytest.approx((low / mean, high / mean), rel=1e-5)
    line = period(monitored, "2023-Q2")
    assert "auc" in line["measures"] and "calibration_slope" not in line["measures"]
    assert line["not_measured_because"] == "too few for a calibration line: 12 of the rarer label, where 20 are needed"


def test_bounds_are_passed_by_whole_intervals(monitored):
    auc = [period(monitored, name)["measures"]["auc"] for name in ("2023-Q1", "2023-Q2")]
    passed = [name for name, each in zip(("2023-Q1", "2023-Q2"), auc, strict=True) if each["high"] < 1]
    assert [each["period"] for each in monitored.record["periods"] if "min_auc" in each["passed"]] == passed
    alarms = monitored.record["passed"]
    assert all(
        re.fullmatch(r"2023-Q[12]: ROC AUC [\d.]+ \([\d.]+ to [\d.]+\) is below min_auc 1", text) for text in alarms
    )
    assert alarms and set(alarms) <= set(monitored.done.out) and monitored.record["not_checked"] == []
    table = read_table(monitored.output / "monitor.csv")
    assert [row["period"] for row in table if row["passed"] == "min_auc"] == passed


def test_the_page_shows_names_as_they_are(monitored, folder):
    page = (monitored.output / "monitor.html").read_text()
    assert "<b>flu" not in page and "&lt;b&gt;flu&lt;/b&gt;" in page and str(folder) not in page
    assert page.count("<img ") == page.count("data:image/png") >= 10
    assert 'alt="ROC AUC. By quarter: first ' in page and "Bounds: min_auc 1; passed in 2023-Q" in page
    assert "when the model was made" in page and "Codes that changed most, 2024-Q2" in page


def test_the_page_can_be_heard_and_read_on_a_phone(monitored, tmp_path):
    page = (monitored.output / "monitor.html").read_text()
    assert structure_faults(page) == []
    assert browser_faults(page, tmp_path) == []


def test_data_without_labels(folder, monitored, tmp_path):
    drift = monitor(folder, "unlabelled/later", tmp_path / "m", "--max_unknown_codes", 0.001, "--period", "year")
    assert drift.done.code == 3 and "the data have no labels: drift alone is measured" in drift.done.err
    assert [each["period"] for each in drift.record["periods"]] == ["2023", "2024"]
    year = period(drift, "2024")
    assert (year["known"], year["cases"], year["not_measured_because"]) == (0, 0, "outcomes are not known yet")
    same = period(monitored, "2024-Q2")["measures"]
    assert year["measures"] == {name: same[name] for name in year["measures"]} and "score_psi" in year["measures"]
    assert not {"auc", "observed_to_expected", "prevalence"} & set(year["measures"])
    refused = monitor(folder, "unlabelled/later", tmp_path / "n", "--min_auc", 0.5)
    assert refused.done.code == 2 and "min_auc: " in refused.done.err[-1] and not (tmp_path / "n").exists()


def test_outcomes_that_are_not_known_yet(folder, tmp_path):
    later = write_later(tmp_path / "recent")
    rules = {"target": "outcome", "design": "cohort", "horizon_days": 90, "censoring": "exclude"}
    convert = {"rules": rules, "export": {"last_event": "2023-08-14"}, "flow": {}, "audit": None}
    (tmp_path / "recent" / "convert.json").write_text(json.dumps(convert))
    done = monitor(folder, tmp_path / "recent" / "later", tmp_path / "m", "--min_auc", 0, "--since", "2023-04-01")
    assert done.done.code == 0 and done.record["periods"][0]["period"] == "2023-Q2"
    quarter = [row for row in later if row[0] == "2023-Q2"]
    known = [row for row in quarter if row[2][:10] < "2023-05-17"]  # 90 days before the day after the last event
    each = period(done, "2023-Q2")
    assert (each["known"], each["cases"]) == (len(known), sum(row[3] for row in known)) and 0 < len(known) < 60
    assert period(done, "2024-Q2")["known"] == 0
    assert any("known of rows predicted before 2023-05-17, the last event" in note for note in done.record["notes"])
    assert any("--censoring negative keeps all of them" in note for note in done.record["notes"])
    asked = monitor(
        folder, tmp_path / "recent" / "later", tmp_path / "n", "--known_until", "2023-01-01", "--min_auc", 0
    )
    assert {each["known"] for each in asked.record["periods"]} == {0}
    assert asked.done.code == 0 and asked.record["not_checked"] == ["min_auc"]
    assert "not checked: min_auc 0: no period has an interval of it" in asked.done.out


def test_the_mean_of_a_run_and_its_own_data(folder, tmp_path):
    rows = "".join(f"2020-{1 + row % 12:02}-01\n" for row in range(120))
    (tmp_path / "own").mkdir()
    for kind in ("seqs", "labels"):
        shutil.copy(folder / f"cohort.{kind}", tmp_path / "own" / f"c.{kind}")
    (tmp_path / "own" / "patients.csv").write_text(f"prediction_time\n{rows}")
    done = monitor(folder, tmp_path / "own" / "c", tmp_path / "m", "--period", "year", model="", bootstrap=5)
    assert done.done.code == 0, done.done.err
    tables = [read_table(folder / name / "predictions_test.csv") for name in ("r0s0", "r0s1")]
    scores, labels = {}, {}
    for row in (row for table in tables for row in table):
        scores.setdefault(int(row["row"]), []).append(float(row["probability"]))
        labels[int(row["row"])] = int(row["label"])
    (year,) = done.record["periods"]
    auc = metrics.roc_auc_score([labels[row] for row in scores], [np.mean(each) for each in scores.values()])
    assert year["rows"] == len(scores) and year["measures"]["auc"]["value"] == pytest.approx(auc, abs=1e-6)
    assert done.record["when_made"]["auc"] == pytest.approx(auc, abs=1e-6)  # the same patients, by the same splits
    assert "the data that the model was trained on: test alone is watched" in done.done.err
    part = monitor(folder, tmp_path / "own" / "c", tmp_path / "n", "--since", "2020-12-01", model="", bootstrap=0)
    assert part.record["periods"][0]["rows"] == sum(row % 12 == 11 for row in scores)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--since", "2025-01-01"], "since: found 2025-01-01; the last of the data was predicted on 2024-05-10"),
        (["--since", "soon"], "since: found soon; must be a day such as 2024-01-31"),
        (["--min_auc", "1.5"], "min_auc: found 1.5; must be from 0 to 1"),
        (["--max_oe", "nan"], "max_oe: found nan; must be 0 or more"),
        (["--min_auc", "0.7", "--bootstrap", "0"], "bootstrap: found 0; must be at least 1"),
        (["--period", "week"], "period: found week"),
    ],
)
def test_bad_choices(folder, argv, says, tmp_path):
    refused = monitor(folder, "labelled/later", tmp_path / "m", *argv)
    assert refused.done.code == 2 and says in refused.done.err[-1] and not (tmp_path / "m").exists()


@pytest.mark.parametrize("value", ["", "12/31/2023", "0000-01-01", "2023-02-30"])
def test_bad_prediction_times(folder, value, tmp_path):
    write_later(tmp_path / "later")
    path = tmp_path / "later" / "patients.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:5], f"p2,{value},,", *lines[6:], ""]))
    refused = monitor(folder, tmp_path / "later" / "later", tmp_path / "m")
    assert refused.done.code == 2 and not (tmp_path / "m").exists()
    assert f"row 4, column prediction_time: found '{value}'; must be a time" in refused.done.err[-1]


def test_a_run_that_does_not_know_its_codes(folder, tmp_path):
    shutil.copytree(folder / "r0s0", tmp_path / "r0s0")
    for name in ("code_counts.json", "predictions_test.csv"):
        (tmp_path / "r0s0" / name).unlink()
    done = monitor(folder, "labelled/later", tmp_path / "m", "--max_score_psi", 0.25, model=tmp_path / "r0s0")
    assert done.done.code == 0 and done.record["not_checked"] == ["max_score_psi"]
    assert not {"score_psi", "code_distance"} & set(period(done, "2023-Q1")["measures"])
    assert any("does not know how often codes occurred" in note for note in done.record["notes"])


@pytest.mark.slow
def test_as_a_cron_job_starts_it(folder, tmp_path):
    """Every night in the same folder, until a bound is passed: the first night in this process."""
    argv = ["monitor", "--model", str(folder / "r0s0"), "--data", str(folder / "unlabelled" / "later")]
    argv += ["--output", str(tmp_path / "m"), "--bootstrap", "10"]
    first = command(*argv, "--max_unknown_codes", "1")
    assert first.code == 0, first.err
    assert "no bound is passed: max_unknown_codes 1" in "\n".join(first.out)
    again = subprocess.run(
        [sys.executable, "-m", "mime_tf", *argv, "--max_unknown_codes", "0", "--overwrite"],
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert again.returncode == 3, again.stderr
    assert "2024-Q2: unknown codes" in again.stdout and "is above max_unknown_codes 0" in again.stdout
    assert {path.name for path in (tmp_path / "m").iterdir()} == {
        "monitor.html",
        "monitor.csv",
        "codes.csv",
        "monitor.json",
    }
