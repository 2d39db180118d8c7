"""An explanation as lines: of a printed table, of a picture, of a page."""

import itertools

from mime_tf.explain.blocks import blocks, joined
from mime_tf.pages.text import one_line, signed

_ADJUSTED = 1e-6  # least difference of a probability that was adjusted from the model's own


def title(explanation):
    """Returns the patient and the score in one line."""
    score = f"probability {explanation.probability:.3f}, log-odds {signed(explanation.logit)}"
    if abs(explanation.probability - explanation.model_probability) > _ADJUSTED:
        score = f"probability {explanation.probability:.3f}, the model's own {explanation.model_probability:.3f}"
    return f"patient {one_line(explanation.patient)}: {score}"


def steps(explanation):
    """Returns the steps from empty visits to the score: a list of pairs of a text and log-odds, which add up.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.
    """
    visits = len(explanation.visits)
    empty = f"{visits} visits with nothing in them" if visits > 1 else "1 visit with nothing in it"
    return [
        (empty, explanation.empty_logit),
        ("diagnoses", explanation.dx_logit - explanation.empty_logit),
        ("orders, given their diagnoses", explanation.logit - explanation.dx_logit),
    ]


def standing(explanation):
    """Returns where the probability is among those of the test patients, or "" if these are not known."""
    among = explanation.among
    if among is None:
        return ""
    have = "has" if among.higher == 1 else "have"
    patients = f"{among.patients} test patient{'s' if among.patients > 1 else ''}"
    return f"{among.higher} of {patients} {have} a higher probability; the mean is {among.mean:.3f}"


def explanation_lines(explanation, most=None):
    """Returns the lines of an explanation, visit by visit in the order of time, visits counted from 1.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.
        most: about how many lines to return, or None for all. The visits that move the logit most are shown, and the
            Dx-objects and orders of each that do. A line in place of the others has their sum.

    Returns:
        List of `mime_tf.explain.blocks.Line`.
    """
    whole = [block.lines() for block in blocks(explanation.visits)]
    if most is None or sum(map(len, whole)) <= most:
        return list(itertools.chain.from_iterable(whole))
    return list(_shortened(blocks(explanation.visits, short=True), most))


def printed(explanation):
    """Yields an explanation as the lines of a printed table.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.
    """
    if explanation.subject:
        yield one_line(explanation.subject)
    yield title(explanation)
    if explanation.among is not None:
        yield standing(explanation)
    yield from (f"note: {remark}" for remark in explanation.remarks)
    for name, value in (*steps(explanation), ("log-odds", explanation.logit)):
        yield f"{signed(value, 4):>10}  {name}"
    yield f"contributions of visits, Dx-objects and orders; they add up within {explanation.gap:.4f}:"
    for line in explanation_lines(explanation):
        value = "" if line.contribution is None else signed(line.contribution, 4)
        yield f"{value:>10}  {'    ' * line.level}{line.dated}"


def _shortened(every, most):
    """Yields the lines of the blocks that move the logit most, and one for each series of blocks left out."""
    shown, remaining = set(), most
    for index in sorted(range(len(every)), key=lambda index: -every[index].movement):
        remaining -= len(every[index].lines()) + 1
        if remaining < 0 and shown:
            break
        shown.add(index)
    for is_shown, series in itertools.groupby(range(len(every)), shown.__contains__):
        series = [every[index] for index in series]
        if is_shown:
            yield from itertools.chain.from_iterable(block.lines() for block in series)
        else:
            yield joined(series).not_shown()
