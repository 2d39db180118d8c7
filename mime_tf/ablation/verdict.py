"""Verdict on the links, in one sentence that says no more than the intervals do."""

from mime_tf.assess.comparison import METRICS, Comparison, Estimate

# The measure that decides, that of the paper's tables. It is fixed beforehand, or the one that looks better would be.
METRIC = "average_precision"

# By the direction of linked against shuffled links, and against the flat bag.
_OPENINGS = {
    ("better", "better"): "The links helped",
    ("better", "alike"): "MiME read the links, but there is no evidence that they beat a flat bag of codes",
    ("better", "worse"): "MiME read the links, but a flat bag of codes predicts better",
    ("alike", "better"): "MiME beats a flat bag of codes, but there is no evidence that the links are why",
    ("alike", "alike"): "There is no evidence that the links helped",
    ("alike", "worse"): "There is no evidence that the links helped, and a flat bag of codes predicts better",
    ("worse", "better"): "MiME beats a flat bag of codes, but the links made it worse",
    ("worse", "alike"): "The links made it worse",
    ("worse", "worse"): "The links made it worse, and a flat bag of codes predicts better",
}


def direction(estimate: Estimate) -> str:
    """Returns `"better"` or `"worse"` if a difference's 95% interval leaves out 0, else `"alike"`."""
    return "better" if estimate.low > 0 else "worse" if estimate.high < 0 else "alike"


def verdict(comparison: Comparison) -> str:
    """Returns one sentence on whether the links helped, with the two differences that decide and their intervals.

    The links helped if linked MiME is better both than MiME with shuffled links, the same model on the same codes, and
    than MiME on flat bags of codes: the intervals of both differences in average precision are above 0.

    Args:
        comparison: of the arms `linked`, `shuffled` and `flat`, and any others.
    """
    shuffled, flat = (comparison.differences[arm][METRIC] for arm in ("shuffled", "flat"))
    opening = _OPENINGS[direction(shuffled), direction(flat)]
    return (
        f"{opening}: as linked, {METRICS[METRIC]} is {comparison.means['linked'][METRIC].value:.3f}, "
        f"{_difference(shuffled)} with the links shuffled and {_difference(flat)} with a flat bag of codes."
    )


def caution(comparison: Comparison) -> str | None:
    """Returns a sentence of warning if a plain regression predicts better than linked MiME; else None.

    Args:
        comparison: of the arms `linked` and `logistic`, and any others.
    """
    difference = comparison.differences["logistic"][METRIC]
    if direction(difference) != "worse":
        return None
    return (
        f"A logistic regression on code counts predicts better than MiME as linked, by {-difference.value:.3f} in "
        f"{METRICS[METRIC]}: the worth of the links to MiME may not matter before MiME catches up (more --num_iter, "
        "another --learning_rate or --width)."
    )


def _difference(estimate: Estimate) -> str:
    comparative = "higher" if estimate.value >= 0 else "lower"
    interval = f"95% interval of the difference {estimate.low:+.3f} to {estimate.high:+.3f}"
    return f"{abs(estimate.value):.3f} {comparative} ({interval}) than"
