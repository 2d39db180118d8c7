"""A monitoring as two tables: a row for each measure of a period, and one for each code that changed."""

import math
from collections.abc import Iterator

from mime_tf.monitor.content import Monitoring

COLUMNS = ("period", "first_day", "last_day", "rows", "known", "cases", "measure", "value", "low", "high", "passed")
CODE_COLUMNS = (*("period", "kind", "index", "name", "known", "training_share", "share", "difference", "low", "high"),)


def measures(monitoring: Monitoring) -> Iterator[tuple]:
    """Yields the rows of the first table; `passed` names the options whose bounds are."""
    for each in monitoring.periods:
        period, counts = each.period, (each.rows, each.known, each.cases)
        for name, estimate in each.estimates.items():
            numbers = (None if math.isnan(value) else value for value in (estimate.value, estimate.low, estimate.high))
            passed = " ".join(bound.option for bound in each.passed if bound.measure == name)
            yield (period.name, period.first, period.last, *counts, name, *numbers, passed)


def codes(monitoring: Monitoring) -> Iterator[tuple]:
    """Yields the rows of the second table."""
    for each in monitoring.periods:
        for code in each.codes:
            named = (code.kind, code.index, code.name, int(code.known))
            yield (each.period.name, *named, code.training, code.share, code.difference, code.low, code.high)
