"""A monitoring as printed lines: a line per period, then the bounds."""

from collections.abc import Iterator

from mime_tf.monitor import text
from mime_tf.monitor.content import Monitoring
from mime_tf.monitor.measures import MEASURES
from mime_tf.monitor.names import AUC, CODE_DISTANCE, OE, SCORE_PSI, UNKNOWN_CODES

SHOWN = (AUC, OE, UNKNOWN_CODES, SCORE_PSI, CODE_DISTANCE)


def printed(monitoring: Monitoring) -> Iterator[str]:
    """Yields the lines."""
    kind, count = monitoring.asked.period, len(monitoring.periods)
    yield f"{monitoring.model.described} by {kind}, {count} periods: {monitoring.model.subject.question}"
    yield f"{'':10}{'rows':>9}{'known':>9}{'cases':>8}" + "".join(f"  {MEASURES[name].title:>24}" for name in SHOWN)
    for period in monitoring.periods:
        cells = []
        for name in SHOWN:
            estimate = period.estimates.get(name)
            cell = "-" if estimate is None else text.number(name, estimate.value)
            interval = "" if estimate is None else text.interval(name, estimate)
            cells.append(f"  {cell + (f' ({interval})' if interval else ''):>24}")
        reason = f"   {period.reason}" if period.reason else ""
        counts = f"{period.rows:9,}{period.known:9,}{period.cases:8,}"
        yield f"{period.period.name:10}{counts}{''.join(cells)}{reason}"
    bootstrap = monitoring.asked.bootstrap
    if bootstrap.times:
        yield f"intervals: of {bootstrap.times:,} resamples of a period's patients, seed {bootstrap.seed}"
    yield from text.verdict(monitoring)
