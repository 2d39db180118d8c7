"""Results of a fitted split, read without its model."""

import shutil

import pytest
from support.whole_runs import SMALL, read_table
from support.whole_runs import run as train_run

from mime_tf.errors import InputError
from mime_tf.runs.results import SplitResults, read_predictions


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a fitted split."""
    folder = tmp_path_factory.mktemp("trained")
    train_run(SMALL, folder)
    return folder / "r0s0"


def test_results_are_those_of_the_files(trained):
    results = SplitResults.read(trained)
    table = read_table(trained / "predictions_test.csv")
    assert results.test.rows.tolist() == [int(row["row"]) for row in table]
    assert results.test.scores.probabilities.tolist() == [float(row["probability"]) for row in table]
    assert (results.name, len(results.valid), results.test.scores.patients) == ("r0s0", 48, None)
    assert results.history["iteration"].tolist() == [3, 6, 9]
    assert results.iteration == results.metrics["iteration"]
    assert results.configuration.config == SMALL


def test_predictions_become_a_frame(trained, tmp_path):
    frame = read_predictions(str(trained / "predictions_test.csv")).to_frame()
    assert list(frame) == ["row", "label", "probability", "empty"]
    assert len(frame) == 48
    (tmp_path / "predictions.csv").write_text("patient_id,row,label,probability,empty\na,0,1,0.5,1\n")
    predictions = read_predictions(str(tmp_path / "predictions.csv"))
    columns = {"patient_id": ["a"], "row": [0], "label": [1], "probability": [0.5], "empty": [True]}
    assert predictions.to_frame().to_dict("list") == columns
    assert repr(predictions) == "SavedPredictions(1 rows, 1 of label 1)"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("predictions_test.csv", "row,label\n0,1\n", "probability is needed"),
        ("predictions_test.csv", "row,label,probability,empty\n", "one patient or more"),
        ("predictions_test.csv", "row,label,probability,empty\n0,2,0.5,0\n", "labels"),
        ("predictions_test.csv", "row,label,probability,empty\n0,1,1.5,0\n", "probabilities"),
        ("predictions_test.csv", "row,label,probability,empty\n0.5,1,0.5,0\n", "column row"),
        ("predictions_test.csv", "row,label,probability,empty\n0,1,x,0\n", "must be numbers"),
        ("predictions_test.csv", "row,label,probability,empty\n0,1,0.5,2\n", "column empty: must be 0 or 1"),
        ("predictions_test.csv", "row,label,probability\n0,1\n", "damaged"),
        ("predictions_test.csv", "", "damaged"),
        ("predictions_test.csv", None, "missing"),
        ("history.csv", "loss\n1\n", "iteration is needed"),
        ("metrics.json", "{}", "results of a split"),
        ("metrics.json", None, "results of a split"),
        ("config.json", '{"flags": 3}', "config.json"),
        ("config.json", None, "missing"),
    ],
)
def test_damaged_files_are_refused(name, content, says, trained, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "r0s0", ignore=shutil.ignore_patterns("tensorboard"))
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(InputError, match=says) as raised:
        SplitResults.read(folder)
    assert name in str(raised.value) and "\n" not in str(raised.value)
