"""Whether the links helped, in one sentence that says no more than the intervals do."""

from mime_tf.assess.comparison import METRICS

# What decides, chosen beforehand so that the better-looking one is not: the measure of the paper's tables.
METRIC = "average_precision"

# By how linked does against shuffled links, and against the flat bag.
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


def direction(estimate):
    """Returns `"better"` or `"worse"` where a difference's 95% interval leaves out 0, else `"alike"`.

    Args:
        estimate: `mime_tf.assess.comparison.Estimate`.
    """
    return "better" if estimate.low > 0 else "worse" if estimate.high < 0 else "alike"


def verdict(comparison):
    """Says whether the links helped.

    They did where linked MiME is better than both MiME with shuffled links, the same model on the same codes, and MiME
    on flat bags of codes: the intervals of both differences in average precision are above 0.

    Args:
        comparison: `mime_tf.assess.comparison.Comparison` of the arms `linked`, `shuffled` and `flat`, and any others.

    Returns:
        One sentence with the two differences and their intervals.
    """
    shuffled, flat = (comparison.differences[arm][METRIC] for arm in ("shuffled", "flat"))
    opening = _OPENINGS[direction(shuffled), direction(flat)]
    return (
        f"{opening}: as linked, {METRICS[METRIC]} is {comparison.means['linked'][METRIC].value:.3f}, "
        f"{_apart(shuffled)} with the links shuffled and {_apart(flat)} with a flat bag of codes."
    )


def caution(comparison):
    """Says that a plain regression predicts better than linked MiME, where it does; else None.

    Args:
        comparison: `mime_tf.assess.comparison.Comparison` of the arms `linked` and `logistic`, and any others.
    """
    difference = comparison.differences["logistic"][METRIC]
    if direction(difference) != "worse":
        return None
    return (
        f"A logistic regression on code counts predicts better than MiME as linked, by {-difference.value:.3f} in "
        f"{METRICS[METRIC]}: what the links are worth to MiME may not matter before MiME catches up (more --num_iter, "
        "another --learning_rate or --width)."
    )


def _apart(difference):
    way = "higher" if difference.value >= 0 else "lower"
    value = abs(difference.value)
    return f"{value:.3f} {way} (95% interval of the difference {difference.low:+.3f} to {difference.high:+.3f}) than"
