"""An assessment as printed lines, and as the records of metrics.json."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.group_differences import Difference
from mime_tf.assess.measures import BINS, MEASURES, Assessment
from mime_tf.assess.subgroups import SHOWN, Subgroup
from mime_tf.assess.thresholds import COUNTS, SHARES
from mime_tf.pages.text import decimal, with_interval

HEADER = f"{'':28}{'value':>9}   95% interval"


def lines(assessment: Assessment, bootstrap: Bootstrap) -> Iterator[str]:
    """Yields the measures as a table, with the resamples behind their intervals and the notes."""
    yield HEADER
    for name, title in MEASURES.items():
        yield line(title, assessment.values[name], assessment.intervals[name])
    if bootstrap.times:
        yield f"intervals: percentiles of {bootstrap.times:,} resamples of the patients, seed {bootstrap.seed}"
    yield f"expected calibration error: over {BINS} bins of equally many patients"
    yield from (f"note: {note}" for note in assessment.notes)


def before_lines(before: Assessment) -> Iterator[str]:
    """Yields the measures of overall fit and of calibration as they were before recalibration."""
    yield "before recalibration"
    for name, title in MEASURES.items():
        if name not in ("auc", "average_precision"):
            yield line(f"  {title}", before.values[name], (math.nan, math.nan))


def point_lines(points: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yields operating points, of `mime_tf.assess.thresholds`, each with its counts and shares."""
    for point in points:
        yield (
            f"threshold {point['threshold']:.4f}: {point['alerts']:,} alerts (tp {point['tp']:,}, fp {point['fp']:,}), "
            f"{point['tn'] + point['fn']:,} others (tn {point['tn']:,}, fn {point['fn']:,})"
        )
        if point.get("unknown"):
            yield f"  of the alerts, {point['unknown']:,} are of patients of whom nothing is known"
        for name, title in SHARES.items():
            yield line(f"  {title}", point[name], point["intervals"][name])


def subgroup_lines(subgroups: Sequence[Subgroup]) -> Iterator[str]:
    """Yields subgroups measure by measure, so that those of a column can be compared."""
    for column in dict.fromkeys(subgroup.column for subgroup in subgroups):
        yield f"by {column}"
        measured = {}
        for subgroup in subgroups:
            if subgroup.column == column:
                reason = f"; not measured: {subgroup.reason}" if subgroup.reason else ""
                yield f"  {subgroup.name:26} {subgroup.rows:,} rows, {subgroup.ones:,} of label 1{reason}"
                if subgroup.assessment:
                    measured[subgroup.name] = subgroup.assessment
        for name in SHOWN if measured else ():
            yield f"  {MEASURES[name]}"
            for group, assessment in measured.items():
                yield line(f"    {group}", assessment.values[name], assessment.intervals[name])


def difference_lines(differences: Sequence[Difference]) -> Iterator[str]:
    """Yields the differences between subgroups, measure by measure."""
    for column in dict.fromkeys(each.column for each in differences):
        of_column = [each for each in differences if each.column == column]
        yield f"differences by {column}, from {of_column[0].reference}, the largest group"
        for title in dict.fromkeys(each.title for each in of_column):
            same = [each for each in of_column if each.title == title]
            yield f"  {title} ({same[0].reference}: {same[0].reference_value:.4f})"
            for each in same:
                estimate = each.difference
                yield line(f"    {each.group} less it", estimate.value, (estimate.low, estimate.high))


def yardstick_lines(yardsticks: Sequence[Any]) -> Iterator[str]:
    """Yields simpler models, of `mime_tf.scoring.yardsticks`, each with the lead of the model over it."""
    if yardsticks:
        yield "ROC AUC of simpler models, fitted to the same patients, and of the model less theirs"
    for yardstick in yardsticks:
        yield f"  {yardstick.title}, as chosen on valid: {yardstick.choice}"
        for title, estimate in (("    ROC AUC", yardstick.auc), ("    the model less it", yardstick.lead)):
            yield line(title, estimate.value, (estimate.low, estimate.high))


def line(title: str, value: float, interval: tuple[float, float]) -> str:
    """Returns a line of a table: a measure, its value and its interval."""
    low, high = interval
    return f"{title:28}{value:9.4f}   {'-' if math.isnan(low) else f'{low:.4f} to {high:.4f}'}"


def estimated(assessment: Assessment, name: str) -> str:
    """Returns a measure and its interval as a page shows them, such as `0.578 (0.383 to 0.745)`."""
    return with_interval(decimal(assessment.values[name]), assessment.intervals[name])


def estimates(assessment: Assessment) -> dict[str, dict[str, float]]:
    """Returns values and intervals: a dict from each measure to a dict of `value`, `low` and `high`."""
    return {
        name: dict(zip(("value", "low", "high"), (value, *assessment.intervals[name]), strict=True))
        for name, value in assessment.values.items()
    }


def point_record(point: Mapping[str, Any], asked: Mapping[str, float]) -> dict[str, Any]:
    """Returns an operating point with the option that asked for it, its intervals by name."""
    intervals = {name: dict(zip(("low", "high"), point["intervals"][name], strict=True)) for name in (*COUNTS, *SHARES)}
    return {"asked": asked, **point, "intervals": intervals}


def subgroup_record(subgroup: Subgroup) -> dict[str, Any]:
    """Returns a subgroup: its size, and its measures or the reason why there are none."""
    record = {name: value for name, value in dataclasses.asdict(subgroup).items() if name != "assessment"}
    assessment = subgroup.assessment
    if assessment is None:
        return record | {"metrics": None}
    measured = {"patients": assessment.patients, "metrics": estimates(assessment), "notes": assessment.notes}
    return record | {"reason": None} | measured
