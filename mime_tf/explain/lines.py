"""An explanation as lines: of a table, of a picture, of a page."""

import dataclasses
import itertools

# Of a visit in a table that is cut short: the Dx-objects, and of each the orders, that are shown.
_DXOBJECTS, _ORDERS = 5, 3


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of an explanation.

    Attributes:
        level: 0 a visit, or visits that are not shown; 1 a Dx-object; 2 a part of it: the diagnosis alone, or an order.
            Codes that the model was not shown are a line of level 1, without a contribution.
        text: what it is about, in one line.
        contribution: float, what it adds to the logit, what stands beneath it included; or None.
        is_visit: whether it is about one visit, whose other lines follow.
    """

    level: int
    text: str
    contribution: float | None
    is_visit: bool = False


def summary(explanation):
    """Returns the steps from empty visits to the score: a list of pairs of a text and log-odds, which add up.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.
    """
    count = len(explanation.visits)
    return [
        (f"{count} visit{'s' if count > 1 else ''} with nothing in {'them' if count > 1 else 'it'}",
         explanation.empty_logit),
        ("diagnoses", explanation.dx_logit - explanation.empty_logit),
        ("orders, given their diagnoses", explanation.logit - explanation.dx_logit),
    ]  # fmt: skip


def number(value, digits=3):
    """Returns a contribution with its sign and `digits` decimals; what rounds to zero is +0.

    >>> number(-1.5), number(-0.0001)
    ('-1.500', '+0.000')
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def title(explanation):
    """Returns the patient and the score in one line."""
    score = f"probability {explanation.probability:.3f}, log-odds {number(explanation.logit)}"
    return f"patient {one_line(explanation.patient)}: {score}"


def lines(explanation, most=None):
    """Returns the lines of an explanation, visit by visit in the order of time, visits counted from 1.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.
        most: about how many lines to return, all by default. With it the visits that move the logit most are shown, and
            of each its Dx-objects and orders that do; what is left out is summed up where it would stand.

    Returns:
        List of Line.
    """
    count = len(explanation.visits)
    of_visits = [list(_visit_lines(number, count, visit)) for number, visit in enumerate(explanation.visits, 1)]
    if most is None or sum(map(len, of_visits)) <= most:
        return list(itertools.chain.from_iterable(of_visits))
    of_visits = [list(_visit_lines(number, count, visit, True)) for number, visit in enumerate(explanation.visits, 1)]
    return list(_shortened(explanation.visits, of_visits, most))


def _shortened(visits, of_visits, most):
    """Yields the lines of the visits that move the logit most, with a line for each run of visits left out."""
    shown, left = set(), most
    for at in sorted(range(len(visits)), key=lambda at: -_movement(visits[at])):
        left -= len(of_visits[at]) + 1
        if left < 0 and shown:
            break
        shown.add(at)
    for is_shown, run in itertools.groupby(range(len(visits)), shown.__contains__):
        run = list(run)
        if is_shown:
            yield from itertools.chain.from_iterable(of_visits[at] for at in run)
        else:
            which = f"{len(run)} visits not shown: {run[0] + 1} to {run[-1] + 1}"
            if len(run) == 1:
                which = f"1 visit not shown: {run[0] + 1}"
            yield Line(0, which, sum(visits[at].contribution for at in run))


def _movement(visit):
    """How much a visit moves the logit, up and down: what its codes add, without signs."""
    return sum(abs(value) for dxobject in visit.dxobjects for value in _parts(dxobject))


def _parts(dxobject):
    return [dxobject.alone, *(order.contribution for order in dxobject.orders)]


def _visit_lines(number, count, visit, short=False):
    """Yields the lines of one visit."""
    yield Line(0, f"visit {number} of {count}", visit.contribution, is_visit=True)
    kept = _most(visit.dxobjects, lambda dxobject: max(map(abs, _parts(dxobject))), _DXOBJECTS if short else None)
    for dxobject in kept:
        yield Line(1, one_line(dxobject.name), dxobject.contribution)
        if dxobject.orders:
            yield Line(2, "the diagnosis alone", dxobject.alone)
        orders = _most(dxobject.orders, lambda order: abs(order.contribution), _ORDERS if short else None)
        for order in orders:
            yield Line(2, one_line(order.name), order.contribution)
        yield from _rest(2, "order", dxobject.orders, orders)
    yield from _rest(1, "Dx-object", visit.dxobjects, kept)
    if visit.dropped:
        names = ", ".join(one_line(code.name) for code in visit.dropped)
        yield Line(1, f"unknown to the model: {names}", None)


def _most(items, size, count):
    """The `count` items of the largest size, in the order in which they stand; all where `count` is None."""
    if count is None or len(items) <= count:
        return list(items)
    largest = sorted(range(len(items)), key=lambda at: -size(items[at]))[:count]
    return [items[at] for at in sorted(largest)]


def _rest(level, what, items, kept):
    """Yields a line for the items that are not kept, where there are any."""
    count = len(items) - len(kept)
    if count:
        rest = sum(item.contribution for item in items) - sum(item.contribution for item in kept)
        yield Line(level, f"{count} more {what}{'s' if count > 1 else ''}", rest)


def one_line(name):
    """Returns a name from a vocabulary, which may hold anything, without line breaks and what else can't be printed."""
    return "".join(letter if letter.isprintable() else " " for letter in str(name)).strip()


def text(explanation):
    """Yields an explanation as the lines of a printed table.

    Args:
        explanation: `mime_tf.explain.explanation.Explanation`.
    """
    yield title(explanation)
    for name, value in summary(explanation):
        yield f"{number(value, 4):>10}  {name}"
    yield f"{number(explanation.logit, 4):>10}  log-odds"
    yield f"what each visit, Dx-object and order adds; together within {explanation.gap:.4f} of what they should:"
    for line in lines(explanation):
        value = "" if line.contribution is None else number(line.contribution, 4)
        yield f"{value:>10}  {'    ' * line.level}{line.text}"
