"""The visits of an explanation as blocks of lines: a visit each, or a series of visits that moved nothing, in one line.

Nothing is left out of a block without a line that counts or names it.
"""

import dataclasses
import itertools

from mime_tf.explain.times import time_before, times_before
from mime_tf.pages.text import one_line

# Most Dx-objects of a visit, and most orders of a Dx-object, that a shortened table shows.
_DXOBJECTS, _ORDERS = 5, 3
_LEAST = 0.00005  # of a contribution that a table of four decimals tells from 0


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of an explanation.

    Attributes:
        level: 0 for a visit, or several in one line; 1 for a Dx-object; 2 for a part of it, the diagnosis alone or an
            order. Codes that moved nothing, or that the model was not shown, are a line without a contribution.
        text: str, its subject.
        contribution: float, log-odds, the lines beneath it included; or None.
        is_visit: True where it is about a single visit, whose other lines follow.
        when: str, the time of its visits before the prediction, or "".
    """

    level: int
    text: str
    contribution: float | None
    is_visit: bool = False
    when: str = ""

    @property
    def dated(self):
        """The subject with its time."""
        return f"{self.text}, {self.when}" if self.when else self.text


@dataclasses.dataclass(frozen=True)
class Block:
    """Successive visits that are shown together, or not at all.

    Attributes:
        visits: list of `mime_tf.explain.explanation.Visit`.
        first: int, number of the first of them, counted from 1.
        count: int, number of visits of the patient.
        short: bool, whether the lines of a large visit are shortened.
    """

    visits: list
    first: int
    count: int
    short: bool

    @property
    def movement(self):
        """How much the visits move the logit, up and down: the sum of their contributions without their signs."""
        return sum(abs(value) for visit in self.visits for dxobject in visit.dxobjects for value in _parts(dxobject))

    @property
    def contribution(self):
        """Sum of the visits' contributions."""
        return sum(visit.contribution for visit in self.visits)

    @property
    def when(self):
        """Time of the visits before the prediction, or ""."""
        days = [visit.days_before for visit in self.visits]
        if None in days:
            return ""
        return time_before(days[0]) if len(days) == 1 else times_before(days[0], days[-1])

    def lines(self):
        """Returns the list of Lines."""
        if len(self.visits) == 1 and not _is_still(self.visits[0]):
            return list(self._visit_lines())
        numbers = f"visits {self.first} to {self.first + len(self.visits) - 1}"
        if len(self.visits) == 1:
            numbers = self._name()
        known = [dxobject for visit in self.visits for dxobject in visit.dxobjects]
        told = "nothing that moved the score" if known else "nothing known to the model"
        dropped = [code for visit in self.visits for code in visit.dropped]
        folded = Line(0, f"{numbers}: {told}", self.contribution, when=self.when)
        return [folded, *_still_dxobjects(known), *_dropped(dropped)]

    def not_shown(self):
        """Returns the Line in place of the visits where they are left out."""
        if len(self.visits) == 1:
            text = f"1 visit not shown: {self.first}"
        else:
            text = f"{len(self.visits)} visits not shown: {self.first} to {self.first + len(self.visits) - 1}"
        return Line(0, text, self.contribution, when=self.when)

    def _name(self):
        return f"visit {self.first} of {self.count}"

    def _visit_lines(self):
        """Yields the lines of a single visit."""
        (visit,) = self.visits
        yield Line(0, self._name(), visit.contribution, is_visit=True, when=self.when)
        still, moving = _divided(visit.dxobjects, lambda dxobject: any(map(_moves, _parts(dxobject))))
        shown = _largest(moving, lambda dxobject: max(map(abs, _parts(dxobject))), _DXOBJECTS, self.short)
        for dxobject in shown:
            yield from self._dxobject_lines(dxobject)
        yield from _rest(1, "Dx-object", moving, shown)
        yield from _still_dxobjects(still)
        yield from _dropped(visit.dropped)

    def _dxobject_lines(self, dxobject):
        """Yields the lines of a Dx-object."""
        yield Line(1, one_line(dxobject.name), dxobject.contribution)
        if dxobject.orders:
            yield Line(2, "the diagnosis alone", dxobject.alone)
        still, moving = _divided(dxobject.orders, lambda order: _moves(order.contribution))
        shown = _largest(moving, lambda order: abs(order.contribution), _ORDERS, self.short)
        for order in shown:
            yield Line(2, one_line(order.name), order.contribution)
        yield from _rest(2, "order", moving, shown)
        yield from _still(2, [order.name for order in still])


def blocks(visits, short=False):
    """Returns the list of Blocks of a patient's visits: successive ones that moved nothing are one.

    Args:
        visits: sequence of `mime_tf.explain.explanation.Visit`, in the order of time.
        short: cut the lines of a large visit.
    """

    def kind(index):
        """A visit that moves the logit is of a kind of its own."""
        visit = visits[index]
        return (bool(visit.dxobjects), None) if _is_still(visit) else (True, index)

    series = (list(indices) for _, indices in itertools.groupby(range(len(visits)), kind))
    return [Block([visits[index] for index in indices], indices[0] + 1, len(visits), short) for indices in series]


def joined(series):
    """Returns successive Blocks as one."""
    visits = [visit for block in series for visit in block.visits]
    return dataclasses.replace(series[0], visits=visits)


def _parts(dxobject):
    return [dxobject.alone, *(order.contribution for order in dxobject.orders)]


def _moves(contribution):
    return abs(contribution) >= _LEAST


def _is_still(visit):
    return not any(_moves(value) for dxobject in visit.dxobjects for value in _parts(dxobject))


def _divided(items, is_chosen):
    """Returns the items that are not chosen, and those that are."""
    chosen = [is_chosen(item) for item in items]
    return tuple([item for item, each in zip(items, chosen, strict=True) if each is right] for right in (False, True))


def _still_dxobjects(dxobjects):
    """Yields a line for Dx-objects that moved nothing, if any."""
    names = [name for each in dxobjects for name in (each.name, *(order.name for order in each.orders))]
    yield from _still(1, names)


def _still(level, names):
    """Yields a line for the names that moved nothing, if any, each once."""
    if names:
        yield Line(level, f"moved nothing: {_listed(names)}", None)


def _dropped(codes):
    """Yields a line for the codes that the model was not shown, if any, with each name once."""
    if codes:
        yield Line(1, f"unknown to the model: {_listed(code.name for code in codes)}", None)


def _listed(names):
    return ", ".join(dict.fromkeys(map(one_line, names)))


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
