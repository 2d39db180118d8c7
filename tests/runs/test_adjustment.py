"""Adjustment of a model's output: patients of whom nothing is known, and recalibration."""

import json

import numpy as np
import pytest

from mime_tf.assess.recalibration import Recalibration
from mime_tf.errors import InputError
from mime_tf.runs import adjustment
from mime_tf.runs.adjustment import Adjustment
from mime_tf.runs.population import Count, Population

OUTPUT, EMPTY = np.array([0.9, 0.2, 0.7], np.float32), np.array([True, False, False])
TRAINED = Population({name: Count(40, 3) for name in ("all", "train", "valid", "test")}, {}, "", (1, 2, 3))


def test_nothing_known_is_the_prevalence_and_the_others_stay():
    found = Adjustment(0.075)(OUTPUT, EMPTY)
    assert found.dtype == np.float32 and found.tolist() == np.array([0.075, 0.2, 0.7], np.float32).tolist()


def test_without_a_prevalence_the_output_stays():
    assert Adjustment()(OUTPUT, EMPTY) is OUTPUT


def test_training_says_the_prevalence(tmp_path):
    plain = Adjustment.read(tmp_path, TRAINED)
    assert plain == Adjustment(3 / 40) and plain.rule == "by the share of cases in training, 7.5%"
    assert Adjustment.read(tmp_path, None) == Adjustment()


def test_recalibration_is_read_as_it_was_written(tmp_path):
    shift = Recalibration("logistic", -1.5, 0.5)
    adjustment.write(str(tmp_path), shift, 0.02, {"set": "all"})
    found = Adjustment.read(tmp_path, TRAINED)
    assert found == Adjustment(0.02, shift, Adjustment(3 / 40))
    expected = [0.02, *(1 / (1 + np.exp(1.5 - 0.5 * np.log(p / (1 - p)))) for p in (0.2, 0.7))]
    assert found(OUTPUT, EMPTY).tolist() == pytest.approx(expected, abs=1e-6)
    assert found.before(OUTPUT, EMPTY).tolist() == pytest.approx([0.075, 0.2, 0.7], abs=1e-6)
    assert found.rule == "by the share of cases in the data of the recalibration, 2.0%"


GOOD = {"method": "isotonic", "intercept": 0, "slope": 1, "probabilities": [0, 1], "shares": [0.1, 0.2]} | {
    "prevalence": 0.1
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("method", "magic"),
        ("prevalence", 1.5),
        ("prevalence", "0.1"),
        ("intercept", True),
        ("slope", 0),
        ("slope", 1e9),
        ("probabilities", [1, 0]),
        ("shares", [0.1, 2]),
        ("shares", [0.1]),
        ("shares", "0"),
    ],
)
def test_a_damaged_recalibration_is_one_line(name, value, tmp_path):
    (tmp_path / "recalibration.json").write_text(json.dumps(GOOD | {name: value}))
    with pytest.raises(InputError, match=f"recalibration.json: {name}: found") as raised:
        Adjustment.read(tmp_path, None)
    assert "\n" not in str(raised.value)
    (tmp_path / "recalibration.json").write_text(json.dumps(GOOD))
    assert Adjustment.read(tmp_path, None)(np.array([0.5]), np.array([False])).tolist() == pytest.approx([0.15])
