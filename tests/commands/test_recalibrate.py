"""`recalibrate`, and the agreement of all commands on the probability of a patient, also of one who is unknown."""

import contextlib
import io
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from support.whole_runs import COHORT, SMALL, read_table, write_cohort
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.explain import lines
from mime_tf.explain.page import explanation_page
from mime_tf.explain.patients import explain_patients
from mime_tf.export import saved_model
from mime_tf.report import content
from mime_tf.report.inputs import Settings
from mime_tf.report.sections import patients
from mime_tf.runs.fitted_split import FittedSplit

# Two patients whose codes training held, one with none of them, one without any code.
NEWCOMERS = [[[[1, [0], [2]]], [[2, [], []]]], [[[2, [0], []]]], [[[700, [0], [1]]]], [[], []]]
LABELS = [1, 0, 1, 0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    train_run(SMALL, folder, folder / "cohort")
    write_cohort(folder / "new", NEWCOMERS, LABELS)
    return folder


@pytest.fixture
def folder(trained, tmp_path):
    return shutil.copytree(trained / "r0s0", tmp_path / "r0s0", ignore=shutil.ignore_patterns("tensorboard"))


def command(*argv):
    """Runs `mime-tf ARGV` in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(list(map(str, argv)))
    return SimpleNamespace(code=code, out=stdout.getvalue().splitlines(), err=stderr.getvalue().splitlines())


def predicted(folder, data, tmp_path):
    output = tmp_path / "scores.csv"
    done = command("predict", "--model", folder, "--data", data, "--output", output, "--overwrite")
    assert done.code == 0, done.err
    return [float(row["probability"]) for row in read_table(output)], done


def prevalence(folder):
    train = json.loads((folder / "population.json").read_text())["counts"]["train"]
    return train["cases"] / train["rows"]


def test_all_ways_to_a_score_agree(folder, trained, tmp_path):
    assert command("recalibrate", "--model", folder, "--data", trained / "cohort", "--method", "intercept").code == 0
    scores, done = predicted(folder, trained / "new", tmp_path)
    written = json.loads((folder / "recalibration.json").read_text())
    assert scores[2:] == pytest.approx([written["prevalence"]] * 2, abs=1e-6)
    assert "recalibrated: intercept" in done.out
    fitted, cohort = FittedSplit.open(folder), Cohort.open(trained / "new")
    explained = [each.probability for each in explain_patients(fitted, cohort, range(4))]
    assert explained == pytest.approx(scores, abs=1e-5)
    saved_model.export(fitted, str(tmp_path / "served"), bootstrap=0)
    served = [_served(tmp_path / "served", patient) for patient in NEWCOMERS]
    assert served == pytest.approx(scores, abs=1e-6)
    assert "share of cases in the data of the recalibration" in (tmp_path / "served" / "MODEL_CARD.md").read_text()
    done = command("evaluate", "--model", folder, "--data", trained / "new", "--split", "all", "--bootstrap", 0,
                   "--output", tmp_path / "e", "--threshold", 0)  # fmt: skip
    report = json.loads((tmp_path / "e" / "metrics.json").read_text())
    brier = np.mean((np.array(scores) - LABELS) ** 2)
    assert report["metrics"]["brier"]["value"] == pytest.approx(brier, abs=1e-6)
    assert report["nothing_known"] == 2 and report["operating_points"][0]["unknown"] == 2
    assert any("of the alerts, 2 are of patients of whom nothing is known" in line for line in done.out)
    assert report["before_recalibration"]["brier"] != report["metrics"]["brier"]["value"]


def _served(folder, patient):
    import tensorflow as tf

    names = [[{"dx": str(dx), "rx": list(map(str, rx)), "pr": list(map(str, pr))} for dx, rx, pr in visit]
             for visit in patient]  # fmt: skip
    loaded = tf.saved_model.load(str(folder))
    answer = loaded.signatures["json"](patients=tf.constant([json.dumps({"visits": names})]))
    return float(answer["probability"][0])


@pytest.mark.parametrize("method", ["intercept", "isotonic"])
def test_the_graph_of_an_export_recalibrates_as_numpy_does(method):
    import tensorflow as tf

    from mime_tf.assess import recalibration
    from mime_tf.assess.scores import Scores
    from mime_tf.export.adjusting import adjusted
    from mime_tf.runs.adjustment import Adjustment

    stream = np.random.default_rng(0)
    scores = stream.random(200)
    function = recalibration.fit(Scores((stream.random(200) < scores**2).astype(int), scores), method)
    output = np.array([0, *stream.random(50), *scores[:50], 1], np.float32)
    empty = np.arange(len(output)) % 7 == 0
    each = Adjustment(0.125, function)
    np.testing.assert_allclose(
        adjusted(each, tf.constant(output), tf.constant(empty)), each(output, empty), rtol=0, atol=1e-6
    )


def test_the_data_of_the_run_give_their_valid_and_others_all(folder, trained):
    done = command("recalibrate", "--model", folder, "--data", trained / "cohort", "--method", "intercept")
    assert "48 patients" in done.out[0] and "valid, of the data that the model was trained on" in done.out[0]
    written = json.loads((folder / "recalibration.json").read_text())
    assert (written["set"], written["rows"], written["nothing_known"]) == ("valid", 48, 0)
    assert written["after"]["calibration_in_the_large"] == pytest.approx(0, abs=1e-6)
    again = ("recalibrate", "--model", folder, "--data", trained / "new", "--method", "intercept")
    refused = command(*again)
    assert refused.code == 2 and "recalibration.json: exists; --overwrite" in refused.err[-1]
    assert json.loads((folder / "recalibration.json").read_text()) == written
    done = command(*again, "--overwrite")
    assert done.code == 0 and "2 patients, 1 of label 1, of new" in done.out[0]
    assert "left out: 2 patients of whom nothing is known" in done.out[1]
    assert json.loads((folder / "recalibration.json").read_text())["prevalence"] == 0.5


def test_the_same_patients_in_another_form_give_their_valid(folder, trained, tmp_path):
    """`convert` writes a cohort as pickles and as Parquet; train and test stay apart in either."""
    cohort = Cohort.open(str(trained / "cohort"))
    parquet.write(tmp_path / "cohort.parquet", cohort.store, cohort.labels)
    done = command("recalibrate", "--model", folder, "--data", tmp_path / "cohort.parquet")
    assert done.code == 0, done.err
    written = json.loads((folder / "recalibration.json").read_text())
    assert (written["set"], written["rows"]) == ("valid", 48)


def test_without_both_labels_nothing_is_written(folder, tmp_path):
    write_cohort(tmp_path / "ones", NEWCOMERS[:2], [1, 1])
    done = command("recalibrate", "--model", folder, "--data", tmp_path / "ones")
    assert done.code == 2 and "the labels are all 1" in done.err[-1]
    assert not (folder / "recalibration.json").exists()


def test_predictions_of_training_stay_and_the_report_adjusts_them(folder, trained):
    before = (folder / "predictions_test.csv").read_bytes()
    plain = content.gather(folder, settings=Settings(bootstrap=Bootstrap(0)))
    assert plain.section("calibration").data.compared == []
    command("recalibrate", "--model", folder, "--data", trained / "cohort", "--method", "intercept")
    assert (folder / "predictions_test.csv").read_bytes() == before
    report = content.gather(folder, settings=Settings(bootstrap=Bootstrap(0)))
    assert any("are recalibrated: intercept" in note for note in report.notes)
    titles = {title: (old, new) for title, old, new in report.section("calibration").data.compared}
    old, new = titles["Brier score"]
    assert old == plain.detailed.assessment.values["brier"] and new == report.detailed.assessment.values["brier"]
    assert old != new
    assert report.detailed.assessment.values["auc"] == pytest.approx(plain.detailed.assessment.values["auc"])


def test_a_page_counts_those_of_whom_nothing_is_known(folder):
    path = folder / "predictions_test.csv"
    rows = path.read_text().splitlines()
    path.write_text("\n".join([rows[0], *(f"{row[:-1]}{int(index < 3)}" for index, row in enumerate(rows[1:]))]) + "\n")
    report = content.gather(folder, settings=Settings(bootstrap=Bootstrap(0), alert_rates=(1.0,)))
    assert any(note.startswith("nothing is known of 3 of 48 test rows") for note in report.notes)
    test = report.detailed.results.test
    assert test.scores.probabilities[:3].tolist() == pytest.approx([prevalence(folder)] * 3)
    ((_, point),) = report.section("alerts").data.points
    assert point["unknown"] == 3


def test_explained_patients_pass_over_those_of_whom_nothing_is_known():
    assert patients.choose([1, 0], [0.9, 0.1], [True, False]) == {"highest score of label 0": 1}
    assert patients.choose([1, 1, 1], [0.9, 0.5, 0.1], [True, False, False]) == {
        "highest score of label 1": 1,
        "lowest score of label 1": 2,
    }


def test_an_explanation_of_such_a_patient_says_so(folder):
    fitted = FittedSplit.open(folder)
    known, unknown = explain_patients(fitted, Cohort(pickled.from_lists(NEWCOMERS)), [0, 2], title="Gout")
    assert known.remarks == () and unknown.probability == pytest.approx(prevalence(folder))
    (remark,) = unknown.remarks
    assert remark.startswith("Nothing is known of this patient")
    printed = list(lines.printed(unknown))
    assert printed[0].startswith("Gout; ") and printed[2] == f"note: {remark}"
    assert f"the model's own {unknown.model_probability:.3f}" in printed[1]
    page = explanation_page(unknown)
    assert remark.split(";")[0] in page and "<h1>Gout; " in page


def test_no_folder_of_the_machine_is_on_a_page(folder, trained):
    """The run was trained with absolute paths; report, explanation and card show the names of the files alone."""
    report = content.gather(folder, trained / "cohort", Settings(bootstrap=Bootstrap(0), yardsticks=False))
    from mime_tf.report import figures
    from mime_tf.report.page import report_page

    fitted = FittedSplit.open(folder)
    (explained,) = explain_patients(fitted, Cohort.open(trained / "cohort"), [0])
    from mime_tf.export.card import gather, model_card
    from mime_tf.export.example import example_patient

    card = model_card(fitted, gather(fitted, bootstrap=0), example_patient(fitted), {})
    for page in (report_page(report, figures.draw(report)), explanation_page(explained), card):
        assert str(trained) not in page and str(folder.parent) not in page
        assert "Label 1 of cohort; " in page
