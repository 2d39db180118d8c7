"""`validate`: one model at several sites, before and after recalibration, and how unlike training they are."""

import contextlib
import io
import json
import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn import metrics
from support.pages import browser_faults, structure_faults
from support.whole_runs import COHORT, SMALL, read_table, write_cohort
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.validation import sites

HOSTILE = "<b>north</b>"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of two splits on a cohort, and another site of 60 patients, of whom two have no code that is known."""
    folder = tmp_path_factory.mktemp("validated")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    train_run(SMALL, folder, folder / "cohort")
    patients = [[[[row % 7, [row % 3], []]]] * (1 + row % 4) for row in range(58)] + [[[[900, [], []]]], [[]]]
    (folder / "north").mkdir()
    write_cohort(folder / "north" / "hf", patients, [int(row % 4 == 0) for row in range(60)])
    rows = "".join(f"{row},{'FM'[row % 2]},{20 + row}\n" for row in range(60))
    (folder / "north" / "patients.csv").write_text(f"patient_id,sex,age\n{rows}")
    return folder


def command(*argv):
    """Runs `mime-tf ARGV` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(list(map(str, argv)))
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


@pytest.fixture(scope="module")
def validated(folder):
    """The mean of both splits at its own data and at the site."""
    data = f"own={folder}/cohort", f"{HOSTILE}={folder}/north/hf"
    done = command("validate", "--model", f"{folder}/", "--data", *data, "--output", folder / "v", "--bootstrap", 20,
                   "--method", "intercept")  # fmt: skip
    assert done.code == 0, done.err
    return SimpleNamespace(done=done, record=json.loads((folder / "v" / "validate.json").read_text()), folder=folder)


def predicted(model, data, tmp_path):
    output = tmp_path / "scores.csv"
    assert command("predict", "--model", model, "--data", data, "--output", output, "--overwrite").code == 0
    return np.array([float(row["probability"]) for row in read_table(output)])


def test_a_site_is_measured_by_the_scores_of_predict(validated, folder, tmp_path):
    of_splits = [predicted(folder / name, folder / "north" / "hf", tmp_path) for name in ("r0s0", "r0s1")]
    labels = [int(row % 4 == 0) for row in range(60)]
    site = validated.record["sites"][1]
    assert (site["name"], site["set"], site["rows"], site["ones"], site["prevalence"]) == (HOSTILE, "all", 60, 15, 0.25)
    mean = np.mean(of_splits, axis=0)
    assert site["metrics"]["auc"]["value"] == pytest.approx(metrics.roc_auc_score(labels, mean), abs=1e-6)
    assert site["metrics"]["observed_to_expected"]["value"] == pytest.approx(15 / mean.sum(), rel=1e-5)
    low, high = (site["metrics"]["auc"][end] for end in ("low", "high"))
    assert low < site["metrics"]["auc"]["value"] < high


def test_the_runs_own_data_are_measured_on_test_by_the_splits_that_tested(validated, folder):
    """A row that one split trained on and the other tested is scored by the other alone."""
    tables = [read_table(folder / name / "predictions_test.csv") for name in ("r0s0", "r0s1")]
    scores, labels = {}, {}
    for row in (row for table in tables for row in table):
        scores.setdefault(int(row["row"]), []).append(float(row["probability"]))
        labels[int(row["row"])] = int(row["label"])
    assert {len(each) for each in scores.values()} == {1, 2}
    site = validated.record["sites"][0]
    auc = metrics.roc_auc_score([labels[row] for row in scores], [np.mean(each) for each in scores.values()])
    assert (site["set"], site["rows"]) == ("test", len(scores)) and len(scores) < 120
    assert site["metrics"]["auc"]["value"] == pytest.approx(auc, abs=1e-6)
    left = 120 - len(scores)
    assert f"own: each row is scored by the splits that had it in test alone: 1 to 2 of 2; {left} rows that no" in (
        "\n".join(validated.record["notes"])
    )


def test_recalibration_mends_the_mean_and_says_so(validated):
    site = validated.record["sites"][1]
    before, after = (site[name]["observed_to_expected"]["value"] for name in ("metrics", "recalibrated"))
    assert abs(before - 1) > 0.1 and after == pytest.approx(1, abs=0.05)
    assert any(
        "recalibrated: intercept, on the site's own patients, cross-fitted" in line for line in validated.done.out
    )


def test_case_mix_by_hand(validated):
    mix, training = validated.record["sites"][1]["case_mix"], validated.record["training"]
    assert mix["count"] == {"rows": 60, "cases": 15} and mix["nothing_known"] == 2 / 60
    assert mix["age"] == [34.75, 49.5, 64.25] and mix["sexes"] == {"F": 0.5, "M": 0.5}  # of 20 to 79
    visits = [1 + row % 4 for row in range(58)] + [1, 1]
    assert mix["visits"] == pytest.approx(np.percentile(visits, [25, 50, 75]).tolist())
    given = sum(2 * count for count in visits[:58]) + 1
    assert 1 / given <= mix["unknown_codes"] < 1
    assert validated.record["trained_on"] == Cohort.open(COHORT).content_sha256
    assert training["count"]["rows"] == 120 and training["unknown_codes"] is None
    lengths = Cohort.open(COHORT).store.visit_counts
    assert training["visits"] == pytest.approx(np.percentile(lengths, [25, 50, 75]).tolist(), abs=0.01)


def test_the_page_shows_names_as_they_are(validated):
    page = (validated.folder / "v" / "validate.html").read_text()
    assert "<b>north" not in page and "&lt;b&gt;north&lt;/b&gt;" in page
    assert "mean of 2 fitted splits" in page and str(validated.folder) not in page
    assert "ROC AUC: own 0." in re.search(r'alt="(Forest[^"]*)"', page).group(1)
    assert (validated.folder / "v" / "forest.png").read_bytes().startswith(b"\x89PNG")


def test_the_page_can_be_heard_and_read_on_a_phone(validated, tmp_path):
    page = (validated.folder / "v" / "validate.html").read_text()
    assert structure_faults(page) == []
    assert browser_faults(page, tmp_path) == []


def test_a_site_that_cannot_be_scored_stops_all_before_anything_is_scored(folder, tmp_path):
    write_cohort(tmp_path / "bad", [[[[0, [], []]]]], [3])
    for data, says in ((tmp_path / "bad", "bad.labels"), (tmp_path / "none", "none.seqs")):
        argv = ("--model", folder / "r0s0", "--data", folder / "north" / "hf", data, "--output", tmp_path / "v")
        done = command("validate", *argv)
        assert done.code == 2 and says in done.err[-1] and not any("scored" in line for line in done.err)
        assert not (tmp_path / "v").exists()


def test_too_few_cases_are_not_recalibrated_and_one_split_takes_its_test(folder, tmp_path):
    write_cohort(tmp_path / "few", [[[[row % 5, [], []]]] for row in range(40)], [int(row < 9) for row in range(40)])
    data = (folder / "cohort", tmp_path / "few")
    done = command("validate", "--model", folder / "r0s0", "--data", *data, "--output", tmp_path / "v",
                   "--bootstrap", 0)  # fmt: skip
    assert done.code == 0, done.err
    own, few = json.loads((tmp_path / "v" / "validate.json").read_text())["sites"]
    assert (own["set"], own["rows"], own["name"]) == ("test", 48, "cohort")
    assert few["recalibrated"] is None and few["not_recalibrated_because"] == "too few cases: 9, where 10 are needed"
    assert "few: not recalibrated: too few cases: 9, where 10 are needed" in done.out


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        (["a/hf", "b/hf"], "a/hf and b/hf are both named hf; NAME=COHORT"),
        (["=a"], "data: found =a"),
        (["x="], "data: found x="),
    ],
)
def test_names_of_sites(texts, says):
    with pytest.raises(InputError, match=re.escape(says)):
        sites.parse(texts)


def test_a_path_with_an_equals_sign_is_a_path_if_it_is_there(tmp_path):
    write_cohort(tmp_path / "year=2011", [[[[0, [], []]]]], [1])
    (site,) = sites.parse([f"{tmp_path}/year=2011"])
    assert site == sites.Site("year=2011", f"{tmp_path}/year=2011")
