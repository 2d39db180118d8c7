"""The overview's verdicts follow the intervals: on simulated scores whose truth is known."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from mime_tf.assess import measures
from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.comparison import Estimate
from mime_tf.assess.scores import Scores
from mime_tf.config import TrainConfig
from mime_tf.report.overview import overview
from mime_tf.report.section import Section
from mime_tf.runs.adjustment import Adjustment
from mime_tf.runs.subject import Subject
from mime_tf.scoring.yardsticks import Yardstick

QUICK = True
ROWS = 2000


def overview_of(changed, leads=(), resamples=0, unknown=3):
    """The overview of a model that gives `changed(logit)` where the truth is the logit."""
    generator = np.random.default_rng(5)
    logits = generator.normal(-1, 1.5, ROWS)
    labels = (generator.random(ROWS) < 1 / (1 + np.exp(-logits))).astype(int)
    scores = Scores(labels, 1 / (1 + np.exp(-changed(logits))))
    results = SimpleNamespace(
        test=_Test(scores, unknown), adjustment=Adjustment(0.25), configuration=SimpleNamespace(config=TrainConfig())
    )
    split = SimpleNamespace(name="r0s0", results=results, assessment=measures.assess(scores, Bootstrap(resamples)))
    inputs = SimpleNamespace(splits=[split], detailed=split, subject=Subject("hf", None, None))
    point = {"alerts": 100, "tp": 80, "fn": 520}
    fits = [Yardstick(name, "", Estimate(0.6, 0.5, 0.7), Estimate(*lead)) for name, lead in leads]
    sections = [
        Section("alerts", "", SimpleNamespace(points=[(0.05, point)])),
        Section("yardsticks", "", SimpleNamespace(yardsticks=fits) if fits else None, "" if fits else "no data"),
    ]
    return overview(inputs, sections)


class _Test:
    """Predictions of a test set, of whose first patients nothing is known."""

    def __init__(self, scores, unknown):
        self.scores, self.empty = scores, np.arange(ROWS) < unknown

    def __len__(self):
        return ROWS


@pytest.mark.parametrize(
    ("changed", "ranks", "sums", "slopes"),
    [
        (lambda x: x, "better than chance", "not shown to be wrong", "not shown to be wrong"),
        (lambda x: -x, "worse than chance", "expects too many", "too extreme"),
        (lambda x: 3 * x, "better than chance", "", "too extreme"),
        (lambda x: x / 3, "better than chance", "", "too much alike"),
        (lambda x: x - 1, "better than chance", "expects too few", "not shown to be wrong"),
    ],
)
def test_verdicts(changed, ranks, sums, slopes):
    short = overview_of(changed, resamples=50)
    answers = dict(short.answers)
    assert ranks in answers["How well?"]
    total, slope = answers["Are the probabilities right?"].split("The calibration slope")
    assert sums in total and slopes in slope
    is_wrong = (sums, slopes) != ("not shown to be wrong", "not shown to be wrong")
    assert any("mime-tf recalibrate" in step for step in short.steps) == is_wrong


@pytest.mark.parametrize(
    ("lead", "says", "is_preferred"),
    [
        ((0.1, 0.05, 0.15), "The model is better.", False),
        ((-0.1, -0.15, -0.05), "The model is worse.", True),
        ((0.1, -0.05, 0.25), "The model is not shown to be better.", True),
        ((0.1, math.nan, math.nan), "The model is not shown to be better.", False),
        ((-0.1, math.nan, math.nan), "The model is not shown to be better.", True),
    ],
)
def test_the_lead_over_age_and_sex(lead, says, is_preferred):
    short = overview_of(lambda x: x, [("age_sex", lead)])
    answer = dict(short.answers)["Better than age and sex?"]
    assert answer.startswith(says)
    bounds = "" if math.isnan(lead[1]) else f" ({lead[1]:.3f} to {lead[2]:.3f})"
    assert answer.endswith(f"the lead of the model is {lead[0]:+.3f}{bounds}.")
    assert any(step.startswith("Prefer a simpler model") for step in short.steps) == is_preferred


def test_labels_that_are_all_alike_tell_nothing_of_the_lead():
    short = overview_of(lambda x: x, [("age_sex", (math.nan,) * 3)])
    assert dict(short.answers)["Better than age and sex?"] == "The test labels are all alike: nothing can be ranked."
    assert not any(step.startswith("Prefer") for step in short.steps)


def test_what_is_not_known_is_said():
    answers = dict(overview_of(lambda x: x).answers)
    assert answers["What is predicted?"].startswith("Label 1 of hf: the run does not know which outcome that is")
    assert answers["Better than age and sex?"].startswith("Not measured: --data")
    unknown = answers["What does it know nothing of?"]
    assert unknown.startswith("It does not read age, sex, measurements, ")
    assert "Of 3 of 2,000 test rows it knows no code; such a patient is scored by the share of cases" in unknown
    assert "25.0%" in unknown


def test_a_model_that_knows_a_code_of_each_patient_says_so():
    unknown = dict(overview_of(lambda x: x, unknown=0).answers)["What does it know nothing of?"]
    assert "It knows a code of each of the 2,000 test rows." in unknown
