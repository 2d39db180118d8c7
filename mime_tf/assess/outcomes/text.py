"""A comparison of several outcomes per patient, as printed lines and as records of metrics.json."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.comparison import Estimate
from mime_tf.assess.outcomes.measures import ENOUGH, Comparison
from mime_tf.assess.text import HEADER, line


def lines(comparison: Comparison, names: Mapping[str, str], bootstrap: Bootstrap) -> Iterator[str]:
    """Yields the measures of the first model, and of each other one with the lead of the first over it.

    Args:
        comparison: the measures.
        names: from the name of each model but the first to that for people.
        bootstrap: the resamples behind the intervals.
    """
    first, *others = comparison.values
    yield HEADER
    yield from _table(comparison, comparison.values[first])
    if bootstrap.times:
        yield f"intervals: percentiles of {bootstrap.times:,} resamples of the patients, seed {bootstrap.seed}"
    yield (
        f"recall: mean over the {comparison.with_outcome:,} rows with a true outcome; macro ROC AUC: mean over the "
        f"{comparison.enough:,} of {comparison.outcomes:,} outcomes with {ENOUGH} rows of either label or more"
    )
    if any("_group_" in name for name in comparison.titles):
        yield "groups: fifths of the outcomes, from the rarest in train to the most frequent; recall of all their cases"
    for name in others:
        yield f"beside it: {names[name]}"
        yield from _table(comparison, comparison.values[name], "  ", groups=False)
        yield "  the model less it"
        yield from _table(comparison, comparison.leads[name], "    ", groups=False)


def _table(
    comparison: Comparison, estimates: Mapping[str, Estimate], indent: str = "", groups: bool = True
) -> Iterator[str]:
    """Yields a line for each measure; those of the groups only if asked for."""
    for name, title in comparison.titles.items():
        if "_group_" not in name or groups:
            estimate = estimates[name]
            yield line(f"{indent}{title}", estimate.value, (estimate.low, estimate.high))


def record(comparison: Comparison) -> dict[str, Any]:
    """Returns the comparison as metrics.json has it."""
    return {name: value for name, value in dataclasses.asdict(comparison).items() if name != "titles"}
