"""The report of a run: its content, its page, and the command that writes it."""

import contextlib
import csv
import html.parser
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
from statsmodels import api
from support.pages import browser_faults, structure_faults
from support.whole_runs import COHORT, SMALL, read_table, shell_environment, write_cohort
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.wilson import wilson
from mime_tf.data.cohort import Cohort
from mime_tf.data.conversion import Conversion
from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.data.origin import origin_of
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.report import content, figures
from mime_tf.report.inputs import Settings
from mime_tf.report.page import report_page
from mime_tf.report.sections import SECTIONS, cohort, patients

NAMES = "kind,index,system,code,display\n" + "".join(
    f"{kind},{index},S,{kind.upper()}{index},<b onload=x>{kind} $a_$ & {index}</b>\n"
    for kind in ("dx", "rx", "pr")
    for index in range(9)
)
LINKAGE = {
    "orders": {kind: {"total": 40, "linked in the same visit": 30, "unlinked": 10} for kind in ("rx", "pr")},
    "commonest_links": [
        {"orders": 7, "diagnosis": "<i>gout</i>", "order": "", "dx_code": "D", "order_code": "colchicine"}
    ],
}
CONVERT = {
    "rules": {"target": "outcome", "design": "case_control", "age": None},
    "flow": {"patients with a visit": {"patients": 1171, "rows": None}},
    "audit": {"events_at_or_after_prediction": 0, "visits_outside_window": 0, "strongest_codes": []},
}
WITH_DATA = {"learning", "roc", "precision_recall", "scores", "decision", "calibration"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a run of two splits and of its cohort, with all that may lie beside one."""
    folder = tmp_path_factory.mktemp("trained")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    (folder / "vocabulary.csv").write_text(NAMES)
    (folder / "linkage.json").write_text(json.dumps(LINKAGE))
    (folder / "convert.json").write_text(json.dumps(CONVERT))
    train_run(SMALL, folder, folder / "cohort")
    with open(folder / "patients.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["patient_id", "sex", "age"])
        writer.writerows([f"<p{row}>", "FM"[row % 2], row % 90] for row in range(120))
    return folder


@pytest.fixture(scope="module")
def report(trained):
    """The report of both results, with data."""
    return content.gather(trained, trained / "cohort", Settings(bootstrap=Bootstrap(20)))


@pytest.fixture(scope="module")
def text(report):
    """Its page."""
    return report_page(report, figures.draw(report))


def copy_of(trained, tmp_path, name="r0s0"):
    return shutil.copytree(trained / name, tmp_path / name)


# Content.


def test_the_whole_of_a_run(report, trained):
    aucs = []
    for place in range(2):
        table = read_table(trained / f"r0s{place}" / "predictions_test.csv")
        labels, probabilities = ([float(row[name]) for row in table] for name in ("label", "probability"))
        aucs.append(metrics.roc_auc_score(labels, probabilities))
    assert [split.assessment.values["auc"] for split in report.splits] == aucs
    assert report.detailed is report.splits[int(np.argmin(aucs))]  # the lower of two is their median
    alerts = [point["alerts"] for _, point in report.section("alerts").data.points]
    assert alerts == sorted(alerts)
    split = report.detailed.results
    found = {group.name: group for group in report.section("subgroups").data.groups}
    for sex, rest in (("F", 0), ("M", 1)):  # by row, even or odd
        labels = split.test.scores.labels[split.test.rows % 2 == rest]
        assert (found[sex].rows, found[sex].ones) == (len(labels), labels.sum())
    assert [section.reason for section in report.sections] == [""] * len(SECTIONS)
    assert None not in [section.data for section in report.sections]
    assert any("by design" in note for note in report.notes)
    assert repr(report) == f"Report('{trained}': r0s0, r0s1)"
    assert repr(report.section("alerts")) == "Section('alerts', AlertsData)"


def test_examples_are_of_test_and_by_rule(report):
    split, explanations = report.detailed.results, report.section("patients").data.explanations
    labels, probabilities = split.test.scores.labels, split.test.scores.probabilities
    of = {rule: each.probability for rule, each in explanations.items()}
    assert list(of) == list(patients.RULES)
    assert of["highest score of label 1"] == pytest.approx(probabilities[labels == 1].max(), abs=1e-5)
    assert of["highest score of label 0"] == pytest.approx(probabilities[labels == 0].max(), abs=1e-5)
    assert of["lowest score of label 1"] == pytest.approx(probabilities[labels == 1].min(), abs=1e-5)
    assert of["lowest score of label 0"] == pytest.approx(probabilities[labels == 0].min(), abs=1e-5)
    assert of["median score"] == pytest.approx(np.sort(probabilities)[(len(labels) - 1) // 2], abs=1e-5)
    assert {each.row for each in explanations.values()} <= set(split.test.rows.tolist())
    assert all(each.patient == f"<p{each.row}>" for each in explanations.values())


def test_examples_are_different_patients():
    assert patients.choose([1], [0.5]) == {"highest score of label 1": 0}
    found = patients.choose([0, 0, 0], [0.5, 0.5, 0.5])
    assert found == {"highest score of label 0": 2, "lowest score of label 0": 0, "median score": 1}


def test_a_cohort_in_numbers(tmp_path):
    write_cohort(tmp_path / "c", [[[[0, [1, 1], []], [2, [], [0]]], []], [[[0, [], []]]], [[]]], [1, 0, 1])
    (tmp_path / "vocabulary.csv").write_text("kind,index,system,code,display\ndx,0,S,I10,pressure\n")
    found = cohort.describe(Cohort.open(tmp_path / "c"), Vocabulary.read(tmp_path / "vocabulary.csv"))
    assert (found.patients, found.ones, found.visits, found.dxobjects) == (3, 2, 4, 3)
    assert found.visit_counts == (1, 1.0, 2) and found.with_orders == pytest.approx(2 / 3)
    assert {kind: use.occurrences for kind, use in found.kinds.items()} == {"dx": 3, "rx": 2, "pr": 1}
    assert {kind: use.different for kind, use in found.kinds.items()} == {"dx": 2, "rx": 1, "pr": 1}
    assert found.kinds["dx"].commonest == [("pressure (I10)", 2, 2), ("dx 2", 1, 1)]
    assert found.kinds["rx"].commonest == [("rx 1", 1, 2)]
    assert all(use.families == [] for use in found.kinds.values())


def test_families_of_codes_in_numbers(tmp_path):
    """Codes 0 and 2 are of one chapter; a patient who has both counts once. Code 1 has none."""
    write_cohort(tmp_path / "c", [[[[0, [], []], [2, [], []]], [[0, [], []]]], [[[2, [], []], [1, [], []]]]], [1, 0])
    names = ["kind,index,system,code,display", *(f"dx,{index},S,C{index}," for index in range(3))]
    (tmp_path / "vocabulary.csv").write_text("\n".join(names))
    relations = [Relation("dx", "S", f"C{index}", "chapter", "I", "", 2, "circulation") for index in (0, 2)]
    relations.append(Relation("dx", "S", "C0", "category", "C", "", 1, ""))
    vocabulary = Vocabulary.read(tmp_path / "vocabulary.csv")
    found = cohort.describe(Cohort.open(tmp_path / "c"), vocabulary, Hierarchy(relations))
    assert found.kinds["dx"].families == [("circulation", 2, 4)]
    assert found.kinds["rx"].families == []


def test_where_a_cohort_came_from(trained, tmp_path):
    found = origin_of(Conversion.read(trained))
    assert found.orders[:2] == [("total", 40, 40), ("linked in the same visit", 30, 30)]
    assert found.links == [(7, "<i>gout</i>", "colchicine")]
    assert found.flow == [("patients with a visit", 1171, None)]
    assert origin_of(Conversion.read(tmp_path)) is None


@pytest.mark.parametrize("name", ["linkage.json", "convert.json"])
@pytest.mark.parametrize("found", ["3", "[]", "{}", '{"orders": {}, "flow": [1], "audit": {}}', "no"])
def test_files_that_convert_did_not_write(name, found, tmp_path):
    (tmp_path / name).write_text(found)
    with pytest.raises(InputError, match=name):
        origin_of(Conversion.read(tmp_path))


def test_the_overview_by_hand(report, trained):
    """Pairs are counted one by one, and alerts from the top."""
    table = read_table(trained / report.detailed.name / "predictions_test.csv")
    scored = sorted(((float(row["probability"]), int(row["label"])) for row in table), reverse=True)
    of = {label: [probability for probability, each in scored if each == label] for label in (0, 1)}
    ranked = [(one > zero) + (one == zero) / 2 for one in of[1] for zero in of[0]]
    answers = dict(report.overview.answers)
    assert f"in {np.mean(ranked):.1%} of all such pairs" in answers["How well?"]
    threshold = report.section("alerts").data.points[0][1]["threshold"]
    alerted = [label for probability, label in scored if probability >= threshold]
    assert len(alerted) <= 0.05 * len(scored)
    text = f"Among the {len(alerted)} patients of the highest probabilities (5.0% at most) are {sum(alerted)} of the "
    assert f"{text}{len(of[1])} of label 1." in answers["How well?"]
    expected = sum(probability for probability, _ in scored)
    assert answers["Are the probabilities right?"].startswith(
        f"It expects {expected:.1f} rows of label 1, and there are {len(of[1])}; observed / expected, ideally 1, is "
        f"{len(of[1]) / expected:.3f} ("
    )
    ages = {each.name: each for each in report.section("yardsticks").data.yardsticks}["age_sex"]
    assert f"Age and sex alone: ROC AUC {ages.auc.value:.3f}" in answers["Better than age and sex?"]
    assert f"{len(of[1])} of {len(scored)} rows of label 1" in answers["For whom?"]
    assert report.overview.steps[-2].endswith("mime-tf validate.")


def test_unfinished_splits_are_left_out_and_told(trained, tmp_path):
    for name in ("r0s0", "r0s1"):
        copy_of(trained, tmp_path, name)
    shutil.copy(trained / "run.json", tmp_path)
    (tmp_path / "r0s0" / "metrics.json").unlink()
    found = content.gather(tmp_path, settings=Settings(bootstrap=Bootstrap(0)))
    assert [split.name for split in found.splits] == ["r0s1"]
    assert found.notes[0] == "1 of 2 splits are not finished and are left out"
    (tmp_path / "r0s1" / "metrics.json").unlink()
    with pytest.raises(InputError, match="no finished split"):
        content.gather(tmp_path)


def test_data_have_to_be_those_of_the_run(trained, tmp_path):
    write_cohort(tmp_path / "other", [[[[0, [], []]]]] * 4, [0, 1, 0, 1])
    with pytest.raises(InputError, match="SHA-256"):
        content.gather(trained, tmp_path / "other")
    folder = copy_of(trained, tmp_path)
    path = folder / "predictions_test.csv"
    path.write_text(re.sub(r"(?m)^(\d+),0,", r"\1,1,", path.read_text()))
    with pytest.raises(InputError, match="rows or labels"):
        content.gather(folder, trained / "cohort")


def test_bad_numbers_of_resamples(trained):
    with pytest.raises(InputError, match="bootstrap"):
        content.gather(trained, settings=Settings(bootstrap=Bootstrap(-1)))


# The page.


class _Checker(html.parser.HTMLParser):
    """Collects the tags, the attributes and the text of a page, and fails where tags do not match."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], set(), [], []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += [(tag, *pair) for pair in attributes]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def parsed(text):
    checker = _Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == []
    return checker


def test_a_page_is_whole_and_needs_nothing_else(text):
    found = parsed(text)
    assert not found.tags & {"script", "link", "iframe", "object", "embed", "form", "b onload", "i"}
    links = [value for _, name, value in found.attributes if name == "href"]
    anchors = [value for _, name, value in found.attributes if name == "id"]
    assert anchors == ["in_short", *(link.removeprefix("#") for link in links)] and len(links) == len(SECTIONS)
    pictures = [value for _, name, value in found.attributes if name == "src"]
    assert len(pictures) == 12 and all(value.startswith("data:image/png;base64,iVBOR") for value in pictures)
    assert sum(name == "alt" and len(value) > 20 for _, name, value in found.attributes) == 12
    assert not any(name.startswith("on") for _, name, _ in found.attributes)
    assert "url(" not in text and "@import" not in text and "http:" not in text and "https:" not in text


def test_the_page_can_be_heard_and_read_on_a_phone(text, tmp_path):
    assert structure_faults(text) == []
    assert browser_faults(text, tmp_path) == []


def test_names_are_shown_as_they_are(text):
    shown = "".join(parsed(text).text)
    assert "<b onload=x>dx $a_$ & " in shown and "<i>gout</i>" in shown and "patient <p" in shown


def test_a_page_holds_the_numbers(text, report):
    rows = ["".join(parsed(row).text) for row in re.findall(r"<tr>.*?</tr>", text)]
    aucs = [split.assessment.values["auc"] for split in report.splits]
    (row,) = [row for row in rows if re.match(r"ROC AUC\d", row)]
    assert row.startswith(f"ROC AUC{np.mean(aucs):.3f}{np.std(aucs, ddof=1):.3f}{aucs[0]:.3f}")
    low, high = report.splits[1].assessment.intervals["auc"]
    assert row.endswith(f"{aucs[1]:.3f}{low:.3f} to {high:.3f}")
    assert "total40 (100.0%)40 (100.0%)" in rows and "<i>gout</i>colchicine7" in rows
    assert "patients with a visit1,171–" in rows
    assert "num_iter920000" in rows  # the value, and the default
    assert any(row.startswith("sex: F") for row in rows)
    assert sum("learning_rate0.1" in row for row in rows) == 2  # among those changed, and among all


def test_the_numbers_on_a_page_are_those_of_scikit_learn_and_statsmodels(text, report, trained):
    """All are computed from the run's files alone, by others' code, and looked up in the rows of the page."""
    rows = ["".join(parsed(row).text) for row in re.findall(r"<tr>.*?</tr>", text)]
    column = 2 + report.splits.index(report.detailed)  # after the mean and the SD
    folder = trained / report.detailed.name
    table = read_table(folder / "predictions_test.csv")
    labels = np.array([int(row["label"]) for row in table])
    scores = np.array([float(row["probability"]) for row in table])
    logits = np.log(scores / (1 - scores))
    family = api.families.Binomial()
    intercept, slope = api.GLM(labels, api.add_constant(logits), family=family).fit(tol=1e-12).params
    (large,) = api.GLM(labels, np.ones(len(labels)), family=family, offset=logits).fit(tol=1e-12).params
    expected = {
        "ROC AUC": metrics.roc_auc_score(labels, scores),
        "average precision": metrics.average_precision_score(labels, scores),
        "Brier score": metrics.brier_score_loss(labels, scores),
        "scaled Brier score": 1 - metrics.brier_score_loss(labels, scores) / labels.mean() / (1 - labels.mean()),
        "log loss": metrics.log_loss(labels, scores),
        "observed / expected": labels.sum() / scores.sum(),
        "calibration in the large": large,
        "calibration intercept": intercept,
        "calibration slope": slope,
    }
    measured = text[text.index('id="measures"') : text.index('id="yardsticks"')]
    for title, value in expected.items():
        cells = re.search(rf"<th scope=\"row\">{re.escape(title)}</th>(.*?)</tr>", measured, re.DOTALL).group(1)
        number = re.findall(r'<td class="number">([-0-9.]+)', cells)[column]
        assert float(number) == pytest.approx(value, abs=0.00051), title
    for rate, point in report.section("alerts").data.points:
        tn, fp, fn, tp = metrics.confusion_matrix(labels, scores >= point["threshold"]).ravel()
        shares = tp / (tp + fn), tn / (tn + fp), tp / (tp + fp), tn / (tn + fn)
        assert tp + fp <= rate * len(labels)
        (row,) = [row for row in rows if row.startswith(f"{rate:.4g}{point['threshold']:.3f}{tp + fp}")]
        assert f"tp {tp}, fp {fp}, fn {fn}, tn {tn}" in row
        assert [float(share) for share in re.findall(r"(?<=[0-9)])[01]\.\d{3}", row)][-4:] == pytest.approx(
            shares, abs=0.00051
        )
    valid = read_table(folder / "predictions_valid.csv")
    assert f"{report.detailed.name}{len(valid)}{len(labels)}{labels.mean():.1%}" in rows
    assert "label 1 of all test rows" in "".join(rows)
    history = read_table(folder / "history.csv")
    lowest = min((float(row["valid_loss"]), int(row["iteration"])) for row in history)
    alts = " ".join(value for _, name, value in parsed(text).attributes if name == "alt")
    assert f"lowest {lowest[0]:.3f} at iteration {lowest[1]}, " in alts
    medians = [np.median(scores[labels == label]) for label in (0, 1)]
    assert "Median probability: label 0 {:.3f}, label 1 {:.3f}.".format(*medians) in alts


def test_a_page_without_data_names_the_missing_parts(trained):
    report = content.gather(trained / "r0s0", settings=Settings(bootstrap=Bootstrap(0)))
    plots = figures.draw(report)
    assert set(plots) == WITH_DATA
    shown = "".join(parsed(report_page(report, plots)).text)
    for words in ("More is shown with the cohort", "Subgroups need the cohort", "Explanations need the cohort"):
        assert words in shown
    assert "mean of splits" not in shown and "resamples" not in shown


def test_a_page_with_nothing_beside_the_data_says_so(trained, tmp_path):
    folder = copy_of(trained, tmp_path)
    for name in ("linkage.json", "convert.json"):
        (folder / name).unlink()
    report = content.gather(folder, COHORT, Settings(bootstrap=Bootstrap(0), patients=False))
    shown = "".join(parsed(report_page(report, figures.draw(report))).text)
    for words in (
        "No patients.csv is beside the data",
        "Neither linkage.json nor convert.json was beside the data",
        "Left out, as was asked",
    ):
        assert words in shown


def test_one_class_in_test_is_told(trained, tmp_path):
    folder = copy_of(trained, tmp_path)
    path = folder / "predictions_test.csv"
    path.write_text(re.sub(r"(?m)^(\d+),[01],", r"\1,0,", path.read_text()))
    report = content.gather(folder, settings=Settings(bootstrap=Bootstrap(5)))
    plots = figures.draw(report)
    assert set(plots) == {"learning", "calibration"}
    shown = "".join(parsed(report_page(report, plots)).text)
    assert "labels are all alike: nothing can be ranked" in shown and "labels are all 0" in shown
    assert "only 0 rows of label 1" in shown


def test_wilson_intervals():
    low, high = wilson(np.array([0.0, 5.0]), np.array([10, 10]))
    assert low == pytest.approx([0, 0.2366], abs=1e-4) and high == pytest.approx([0.2775, 0.7634], abs=1e-4)


# The command.


def command(*argv):
    """Runs `python -m mime_tf report ARGV` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            code = main(["report", *map(str, argv)])
        except SystemExit as exit:
            code = exit.code
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def test_command_as_a_process(trained, tmp_path):
    argv = ["--model", trained, "--data", trained / "cohort", "--subgroup", "sex", "--bootstrap", "10"]
    argv += ["--output", tmp_path / "made" / "report.html"]
    done = subprocess.run(
        [sys.executable, "-m", "mime_tf", "report", *map(str, argv)],
        env=shell_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "TensorFlow" not in done.stderr and "oneDNN" not in done.stderr, done.stderr
    assert done.stdout.splitlines()[0].startswith(f"{tmp_path}/made/report.html: r0s0, r0s1; ROC AUC of r0s")
    plots = tmp_path / "made" / "report_files"
    names = {f"{name}.png" for name in WITH_DATA | {"subgroups"} | {f"patient_{n}" for n in range(1, 6)}}
    assert {path.name for path in plots.iterdir()} == names | {"curves.csv"}
    assert all((plots / name).read_bytes()[:4] == b"\x89PNG" for name in names)
    rows = read_table(plots / "curves.csv")
    assert {row["split"] for row in rows} == {"r0s0", "r0s1"}
    assert {path.name for path in (tmp_path / "made").iterdir()} == {"report.html", "report_files"}
    parsed((tmp_path / "made" / "report.html").read_text(encoding="utf-8"))


def test_overwriting(trained, tmp_path):
    argv = ["--model", trained / "r0s0", "--bootstrap", 0, "--output", tmp_path / "r.html", "--plots", tmp_path / "p"]
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "mine.png").write_text("mine")
    (tmp_path / "p" / "patient_1.png").write_text("of an earlier report")
    done = command(*argv)
    assert done.code == 2 and "patient_1.png: exists; --overwrite" in done.err[-1]
    assert not (tmp_path / "r.html").exists()
    assert command(*argv, "--overwrite").code == 0
    assert {path.name for path in (tmp_path / "p").iterdir()} == {
        *(f"{name}.png" for name in WITH_DATA),
        "curves.csv",
        "mine.png",
    }
    done = command(*argv)
    assert done.code == 2 and "r.html: exists; --overwrite" in done.err[-1]


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--bootstrap", -1], "bootstrap"),
        (["--seed", -1], "seed"),
        (["--alert_rate", 0], "alert_rate"),
        (["--subgroup", "sex"], "subgroup: found without --data"),
        (["--no_patients"], "no_patients: found without --data"),
        (["--output", "page.pdf"], "ends in .html"),
        (["--plots", __file__], "is not a folder"),
        (["--data", COHORT, "--subgroup", "sex"], "patients.csv: is not there"),
        (["--data", "no"], "no.seqs"),
        (["--model", "no"], "no: neither"),
    ],
)
def test_wrong_arguments(argv, says, trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = command("--model", trained / "r0s0", "--output", "r.html", *argv)
    assert done.code == 2 and done.out == []
    assert says in done.err[-1]
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib(trained, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = command("--model", trained / "r0s0", "--output", tmp_path / "r.html")
    assert done.code == 2 and "needs the package matplotlib" in done.err[-1]
    assert list(tmp_path.iterdir()) == []
