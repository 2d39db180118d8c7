"""An explanation as lines: of a printed table, of a picture, of a page."""

import dataclasses
import itertools

from mime_tf.pages.text import one_line, signed

_ADJUSTED = 1e-6  # least difference of a probability that was adjusted from the model's own
# Most Dx-objects of a visit, and most orders of a Dx-object, that a shortened table shows.
_DXOBJECTS, _ORDERS = 5, 3


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of an explanation.

    Attributes:
        level: 0 for a visit, or visits that are not shown; 1 for a Dx-object; 2 for a part of it, the diagnosis alone
            or an order. Codes that the model was not shown are a line of level 1, without a contribution.
        text: str, its subject.
        contribution: float, log-odds, the lines beneath it included; or None.
        is_visit: True where it is about a single visit, whose other lines follow.
    """

    level: int
    text: str
    contribution: float | None
    is_visit: bool = False


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


def explanation_lines(explanation, most=None):
    """Returns the lines of an explanation, visit by visit in the order of time, visits counted from 1.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.
        most: about how many lines to return, or None for all. The visits that move the logit most are shown, and the
            Dx-objects and orders of each that do. A line in place of the others has their sum.

    Returns:
        List of Line.
    """
    visit_lines = _lines_by_visit(explanation.visits)
    if most is None or sum(map(len, visit_lines)) <= most:
        return list(itertools.chain.from_iterable(visit_lines))
    return list(_shortened(explanation.visits, _lines_by_visit(explanation.visits, short=True), most))


def printed(explanation):
    """Yields an explanation as the lines of a printed table.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.
    """
    if explanation.subject:
        yield one_line(explanation.subject)
    yield title(explanation)
    yield from (f"note: {remark}" for remark in explanation.remarks)
    for name, value in (*steps(explanation), ("log-odds", explanation.logit)):
        yield f"{signed(value, 4):>10}  {name}"
    yield f"contributions of visits, Dx-objects and orders; they add up within {explanation.gap:.4f}:"
    for line in explanation_lines(explanation):
        value = "" if line.contribution is None else signed(line.contribution, 4)
        yield f"{value:>10}  {'    ' * line.level}{line.text}"


def _lines_by_visit(visits, short=False):
    """Returns a list of the lines of each visit."""
    return [list(_visit_lines(f"visit {number} of {len(visits)}", visit, short))
            for number, visit in enumerate(visits, 1)]  # fmt: skip


def _shortened(visits, visit_lines, most):
    """Yields the lines of the visits that move the logit most, and one for each series of visits left out."""
    shown, remaining = set(), most
    for index in sorted(range(len(visits)), key=lambda index: -_movement(visits[index])):
        remaining -= len(visit_lines[index]) + 1
        if remaining < 0 and shown:
            break
        shown.add(index)
    for is_shown, series in itertools.groupby(range(len(visits)), shown.__contains__):
        series = list(series)
        if is_shown:
            yield from itertools.chain.from_iterable(visit_lines[index] for index in series)
        else:
            yield Line(0, _not_shown(series), sum(visits[index].contribution for index in series))


def _not_shown(series):
    if len(series) == 1:
        return f"1 visit not shown: {series[0] + 1}"
    return f"{len(series)} visits not shown: {series[0] + 1} to {series[-1] + 1}"


def _movement(visit):
    """Returns how much a visit moves the logit, up and down: the sum of its contributions without their signs."""
    return sum(abs(value) for dxobject in visit.dxobjects for value in _parts(dxobject))


def _parts(dxobject):
    return [dxobject.alone, *(order.contribution for order in dxobject.orders)]


def _visit_lines(name, visit, short):
    """Yields the lines of one visit."""
    yield Line(0, name, visit.contribution, is_visit=True)
    dxobjects = _largest(visit.dxobjects, lambda dxobject: max(map(abs, _parts(dxobject))), _DXOBJECTS, short)
    for dxobject in dxobjects:
        yield Line(1, one_line(dxobject.name), dxobject.contribution)
        if dxobject.orders:
            yield Line(2, "the diagnosis alone", dxobject.alone)
        orders = _largest(dxobject.orders, lambda order: abs(order.contribution), _ORDERS, short)
        for order in orders:
            yield Line(2, one_line(order.name), order.contribution)
        yield from _rest(2, "order", dxobject.orders, orders)
    yield from _rest(1, "Dx-object", visit.dxobjects, dxobjects)
    if visit.dropped:
        names = ", ".join(one_line(code.name) for code in visit.dropped)
        yield Line(1, f"unknown to the model: {names}", None)


def _largest(items, size, count, short):
    """Returns the `count` items of the largest size in their order, or all where the table is not to be short."""
    if not short or len(items) <= count:
        return list(items)
    indices = sorted(range(len(items)), key=lambda index: -size(items[index]))[:count]
    return [items[index] for index in sorted(indices)]


def _rest(level, noun, items, shown):
    """Yields a line for the items that are not shown, if any."""
    count = len(items) - len(shown)
    if count:
        contribution = sum(item.contribution for item in items) - sum(item.contribution for item in shown)
        yield Line(level, f"{count} more {noun}{'s' if count > 1 else ''}", contribution)
