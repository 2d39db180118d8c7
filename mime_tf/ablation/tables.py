"""What an ablation found, as lines to print, as rows of a table and as JSON."""

import dataclasses

from mime_tf.ablation.study import ARMS
from mime_tf.ablation.verdict import caution, verdict
from mime_tf.assess.comparison import METRICS

COLUMNS = ("train_ratio", "arm", "split", "metric", "value")


def lines(found):
    """Yields the lines of the printed result.

    Args:
        found: `mime_tf.ablation.Ablation`.
    """
    of = "" if found.patients == found.rows else f" in {found.rows:,} rows"
    yield (
        f"{found.patients:,} patients{of}, {found.ones:,} of label 1 ({found.ones / found.rows:.2%}); "
        f"{len(found.splits)} splits, trained on {_mean(found.train_rows[found.train_ratio]):,.0f}"
    )
    yield f"shuffled: {found.changed:.1%} of the orders lost their partner"
    if any(found.dropped.values()):
        shares = ", ".join(f"{share:.2%} {name}" for name, share in found.dropped.items())
        yield f"codes of test that training did not hold, dropped: {shares}"
    for ratio in sorted(found.comparisons, reverse=True):
        yield ""
        if len(found.comparisons) > 1:
            yield f"train_ratio {ratio:g}, {_mean(found.train_rows[ratio]):,.0f} patients to train on"
        yield from _table(found.comparisons[ratio])
    yield ""
    yield "intervals: 95%, of the patients resampled; they tell nothing of another shuffle or other initial weights"
    yield verdict(found.comparisons[found.train_ratio])
    if warning := caution(found.comparisons[found.train_ratio]):
        yield warning


def _table(comparison):
    yield (f"{'':34}" + "".join(f"{title:^34}" for title in METRICS.values())).rstrip()
    for arm, estimates in comparison.means.items():
        yield f"{ARMS[arm]:34}" + _cells(estimates, "7.3f")
    yield "as linked, less that of"
    for arm, estimates in comparison.differences.items():
        yield f"  {ARMS[arm]:32}" + _cells(estimates, "+7.3f")


def _cells(estimates, form):
    found = [estimates[name] for name in METRICS]
    cells = (f"{one.value:{form}}   ({one.low:{form}} to {one.high:{form}})" for one in found)
    return "".join(cell.center(34) for cell in cells).rstrip()


def _mean(counts):
    return sum(counts) / len(counts)


def rows(found):
    """Yields rows of `COLUMNS`: one a training ratio, arm, split and metric.

    Args:
        found: `mime_tf.ablation.Ablation`.
    """
    for ratio, comparison in sorted(found.comparisons.items()):
        for arm, of_splits in comparison.splits.items():
            for number, values in zip(found.splits, of_splits, strict=True):
                for metric, value in values.items():
                    yield ratio, arm, number, metric, value


def report(found):
    """Returns what `ablation.json` holds of an ablation, a dict.

    Args:
        found: `mime_tf.ablation.Ablation`.
    """
    counted = ("patients", "rows", "ones", "splits", "train_ratio", "changed", "dropped")
    return {
        "verdict": verdict(found.comparisons[found.train_ratio]),
        "caution": caution(found.comparisons[found.train_ratio]),
        **{name: getattr(found, name) for name in counted},
        "arms": ARMS,
        "results": [
            {
                "train_ratio": ratio,
                "train_rows": found.train_rows[ratio],
                "logistic_strengths": found.strengths[ratio],
                **dataclasses.asdict(comparison),
            }
            for ratio, comparison in sorted(found.comparisons.items())
        ],
    }
