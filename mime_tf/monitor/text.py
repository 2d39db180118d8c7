"""Numbers and sentences of a monitoring, shared by printed lines and page."""

import math

from mime_tf.assess.comparison import Estimate
from mime_tf.monitor.bounds import Bound
from mime_tf.monitor.content import AssessedPeriod, Monitoring
from mime_tf.monitor.measures import MEASURES


def number(name: str, value: float) -> str:
    """Returns a value of a measure as text, a share in percent.

    >>> number("auc", 0.71234), number("unknown_codes", 0.0123)
    ('0.712', '1.2%')
    """
    if name == "median_age":
        return f"{value:.1f}"
    return f"{value:.1%}" if MEASURES[name].is_share else f"{value:.3f}"


def interval(name: str, estimate: Estimate) -> str:
    """Returns the interval of a measure as text; empty without one."""
    if math.isnan(estimate.low):
        return ""
    return f"{number(name, estimate.low)} to {number(name, estimate.high)}"


def alarm(period: AssessedPeriod, bound: Bound) -> str:
    """Returns the sentence that a bound is passed."""
    name, estimate = bound.measure, period.estimates[bound.measure]
    side = "below" if bound.is_least else "above"
    return (
        f"{period.period.name}: {MEASURES[name].title} {number(name, estimate.value)} ({interval(name, estimate)}) is "
        f"{side} {bound}"
    )


def verdict(monitoring: Monitoring) -> list[str]:
    """Returns sentences on the bounds: those that are passed, those that could not be checked, or that all hold."""
    bounds = monitoring.asked.bounds
    if not bounds:
        return ["no bound was stated"]
    lines = [alarm(period, bound) for period, bound in monitoring.passed]
    lines += [f"not checked: {bound}: no period has an interval of it" for bound in monitoring.unchecked]
    held = [bound for bound in bounds if bound not in monitoring.unchecked]
    if held and not monitoring.passed:
        lines.insert(0, f"no bound is passed: {', '.join(map(str, held))}")
    return lines
