"""An assessment as lines, and as what metrics.json holds."""

import dataclasses
import math

from mime_tf.assess.measures import BINS, MEASURES
from mime_tf.assess.subgroups import SHOWN
from mime_tf.assess.thresholds import COUNTS, SHARES

_HEADER = f"{'':28}{'value':>9}   95% interval"


def lines(found, bootstrap, seed):
    """Yields the measures as a table.

    Args:
        found: `mime_tf.assess.measures.Assessment`.
        bootstrap: number of resamples behind its intervals.
        seed: of the resamples.
    """
    yield _HEADER
    for name, title in MEASURES.items():
        yield _line(title, found.values[name], found.intervals[name])
    if bootstrap:
        yield f"intervals: percentiles of {bootstrap:,} resamples of the patients, seed {seed}"
    yield f"expected calibration error: over {BINS} bins of equally many patients"
    yield from (f"note: {note}" for note in found.notes)


def point_lines(points):
    """Yields operating points, of `mime_tf.assess.thresholds`, each with its counts and shares."""
    for point in points:
        yield (
            f"threshold {point['threshold']:.4f}: {point['alerts']:,} alerts (tp {point['tp']:,}, fp {point['fp']:,}), "
            f"{point['tn'] + point['fn']:,} others (tn {point['tn']:,}, fn {point['fn']:,})"
        )
        for name, title in SHARES.items():
            yield _line(f"  {title}", point[name], point["intervals"][name])


def subgroup_lines(found):
    """Yields subgroups, of `mime_tf.assess.subgroups`, measure by measure, so that groups can be compared."""
    for column in dict.fromkeys(group.column for group in found):
        groups = [group for group in found if group.column == column]
        measured = [group for group in groups if group.assessment]
        yield f"by {column}"
        for group in groups:
            why = f"; not measured: {group.reason}" if group.reason else ""
            yield f"  {group.name:26} {group.rows:,} rows, {group.ones:,} of label 1{why}"
        for name in SHOWN if measured else ():
            yield f"  {MEASURES[name]}"
            for group in measured:
                yield _line(f"    {group.name}", group.assessment.values[name], group.assessment.intervals[name])


def _line(title, value, interval):
    low, high = interval
    return f"{title:28}{value:9.4f}   {'-' if math.isnan(low) else f'{low:.4f} to {high:.4f}'}"


def estimates(found):
    """Returns the values and intervals of an Assessment: a dict from a measure to `value`, `low` and `high`."""
    return {name: _estimate(value, found.intervals[name]) for name, value in found.values.items()}


def point_record(point, asked):
    """Returns an operating point with what was asked for, the intervals by name."""
    intervals = {name: dict(zip(("low", "high"), point["intervals"][name], strict=True)) for name in (*COUNTS, *SHARES)}
    return {"asked": asked, **point, "intervals": intervals}


def subgroup_record(group):
    """Returns a subgroup: its size, and its measures or the reason why there are none."""
    record = {name: value for name, value in dataclasses.asdict(group).items() if name != "assessment"}
    if group.assessment is None:
        return record | {"metrics": None}
    of = group.assessment
    return record | {"reason": None, "patients": of.patients, "metrics": estimates(of), "notes": of.notes}


def _estimate(value, interval):
    return {"value": value, "low": interval[0], "high": interval[1]}
