"""The report in short: a reader's first questions, answered in plain English from the measures of the sections."""

import dataclasses
import math

from mime_tf.assess.measures import FEW
from mime_tf.assess.text import estimated
from mime_tf.data.question import details
from mime_tf.pages.text import decimal, interval, percent, signed, with_interval
from mime_tf.runs.description import leaves_out

_AGE_SEX = "age_sex"


@dataclasses.dataclass(frozen=True)
class Overview:
    """The report in short.

    Attributes:
        answers: list of pairs of str: a question and its answer.
        steps: list of str, the next steps to take.
    """

    answers: list
    steps: list


def overview(inputs, sections):
    """Answers a reader's first questions.

    Args:
        inputs: `mime_tf.report.inputs.Inputs`.
        sections: list of `mime_tf.report.section.Section`.

    Returns:
        Overview.
    """
    data = {section.name: section.data for section in sections}
    yardsticks = {each.name: each for each in data["yardsticks"].yardsticks} if data["yardsticks"] else {}
    answers = [
        ("What is predicted?", _question(inputs.subject)),
        ("For whom?", _whom(inputs)),
        ("How well?", " ".join((_ranking(inputs), _alerts(data["alerts"])))),
        ("Better than age and sex?", _lead(yardsticks)),
        ("Are the probabilities right?", _calibration(inputs)),
        ("What does it know nothing of?", _unknown(inputs)),
    ]
    return Overview(answers, list(_steps(inputs, yardsticks)))


def side(bounds, ideal):
    """Returns on which side of an ideal an interval is: -1, 1, or 0 where it holds the ideal or is not known.

    >>> side((0.6, 0.8), 0.5), side((0.4, 0.8), 0.5), side((float("nan"), float("nan")), 0.5)
    (1, 0, 0)
    """
    low, high = bounds
    return int(low > ideal) - int(high < ideal)


def _question(subject):
    if subject.own_title or subject.origin:
        return f"{subject.question}. A patient who has this outcome is called label 1."
    return f"{subject.question}: the run does not know which outcome that is; --title names it on this page."


def _whom(inputs):
    subject, assessment = inputs.subject, inputs.detailed.assessment
    population = subject.population.described() if subject.population else []
    rules = list(details(subject.origin)) if subject.origin else []
    tested = (
        f"tested on {assessment.patients:,} patients, {assessment.ones:,} of {assessment.rows:,} rows of label 1 "
        f"({percent(assessment.ones / assessment.rows)})"
    )
    text = "; ".join([*population, *rules, tested])
    return f"{text[:1].upper()}{text[1:]}."


def _ranking(inputs):
    """Says how often the model ranks a pair of patients rightly, and whether chance explains it."""
    assessment = inputs.detailed.assessment
    auc, bounds = assessment.values["auc"], assessment.intervals["auc"]
    if auc != auc:
        return "The test labels are all alike: nothing can be ranked."
    verdicts = {1: "It ranks better than chance.", -1: "It ranks worse than chance.", 0: "Chance explains it as well."}
    verdict = verdicts[side(bounds, 0.5)] if interval(bounds) else ""
    text = (
        f"Of a patient with label 1 and one with label 0 it gives the former the higher probability in {percent(auc)} "
        f"of all such pairs, where chance gives 50%; the ROC AUC is {estimated(assessment, 'auc')}. {verdict}"
    )
    if len(inputs.splits) > 1:
        mean = sum(split.assessment.values["auc"] for split in inputs.splits) / len(inputs.splits)
        text += f" This is {inputs.detailed.name}; the mean of {len(inputs.splits)} splits is {decimal(mean)}."
    return text.strip()


def _alerts(data):
    rate, point = data.points[0]
    cases = point["tp"] + point["fn"]
    return (
        f"Among the {point['alerts']:,} patients of the highest probabilities ({percent(rate)} at most) are "
        f"{point['tp']:,} of the {cases:,} of label 1."
    )


def _lead(yardsticks):
    """Says whether the model is ahead of age and sex, and of the best simpler model."""
    if not yardsticks:
        return "Not measured: --data, with age and sex in the patients.csv beside it, tells."
    if any(math.isnan(each.lead.value) for each in yardsticks.values()):
        return "The test labels are all alike: nothing can be ranked."
    best = max(yardsticks.values(), key=lambda each: each.auc.value)
    age_sex, texts = yardsticks.get(_AGE_SEX), []
    if age_sex is None:
        texts.append("Not measured: no patients.csv beside the data has age and sex.")
    else:
        verdicts = {1: "The model is better.", -1: "The model is worse.", 0: "The model is not shown to be better."}
        texts.append(f"{verdicts[side(_bounds(age_sex.lead), 0)]} {_compared('Age and sex alone', age_sex)}")
    if best is not age_sex:
        texts.append(_compared(f"The best simpler model ({best.title})", best))
    return " ".join(texts)


def _compared(name, yardstick):
    lead = with_interval(signed(yardstick.lead.value), _bounds(yardstick.lead))
    return f"{name}: ROC AUC {decimal(yardstick.auc.value)}; the lead of the model is {lead}."


def _is_ahead(lead):
    """Whether a lead is above 0 with its interval, or by itself where it has none; True where it is not defined."""
    return lead.low > 0 if interval(_bounds(lead)) else not lead.value <= 0


def _bounds(estimate):
    return estimate.low, estimate.high


def _calibration(inputs):
    """Compares the expected number of cases with the observed one, and says what the slope means."""
    assessment = inputs.detailed.assessment
    expected = float(inputs.detailed.results.test.scores.probabilities.sum())
    sums = {1: "it expects too few", -1: "it expects too many", 0: "the sum is not shown to be wrong"}
    slopes = {
        1: "the probabilities are too much alike",
        -1: "the probabilities are too extreme, the high ones too high and the low ones too low",
        0: "the spread of the probabilities is not shown to be wrong",
    }
    total = estimated(assessment, "observed_to_expected") + _verdict(assessment, "observed_to_expected", sums)
    slope = estimated(assessment, "calibration_slope") + _verdict(assessment, "calibration_slope", slopes)
    return (
        f"It expects {expected:.1f} rows of label 1, and there are {assessment.ones:,}; observed / expected, ideally "
        f"1, is {total}. The calibration slope, ideally 1, is {slope}."
    )


def _verdict(assessment, name, verdicts):
    """Returns the verdict by the interval of a measure that is ideally 1; empty without one."""
    bounds = assessment.intervals[name]
    return f": {verdicts[side(bounds, 1)]}" if interval(bounds) else ""


def _unknown(inputs):
    results = inputs.detailed.results
    empty, rows = int(results.test.empty.sum()), len(results.test)
    config = results.configuration.config
    left_out = leaves_out(config.age_sex != "none", config.visit_days != "none")
    known = f"It knows a code of each of the {rows:,} test rows."
    if empty:
        known = (
            f"Of {empty:,} of {rows:,} test rows it knows no code; such a patient is scored {results.adjustment.rule}."
        )
    return (
        f"It does not read {left_out}, nor codes that training did not hold. {known} All numbers here are of one "
        "cohort: it has not been measured at another place."
    )


def _steps(inputs, yardsticks):
    """Yields the next steps to take, the most important first."""
    assessment = inputs.detailed.assessment
    if assessment.ones < FEW:
        yield f"Collect more patients with the outcome: {assessment.ones:,} in test are too few to judge by."
    if rivals := [each.title for each in yardsticks.values() if not _is_ahead(each.lead)]:
        yield f"Prefer a simpler model as long as this one has no clear lead over it: {', '.join(rivals)}."
    if not yardsticks:
        yield "Compare it with age and sex and with a regression: mime-tf report --data COHORT."
    is_off = any(side(assessment.intervals[name], 1) for name in ("observed_to_expected", "calibration_slope"))
    if is_off and inputs.detailed.results.adjustment.recalibration is None:
        yield "Recalibrate it on patients of the place of use before a probability is shown: mime-tf recalibrate."
    yield "Measure it elsewhere and in a later period before anybody relies on it: mime-tf validate."
    yield "Look at Subgroups, Alerts and Explained patients with somebody who treats such patients."
