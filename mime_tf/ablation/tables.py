"""An ablation as lines to print, as rows of a table and as JSON."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from mime_tf.ablation import verdict
from mime_tf.ablation.study import ARMS, Ablation
from mime_tf.assess.comparison import METRICS, Comparison, Estimate

COLUMNS = ("train_ratio", "arm", "split", "metric", "value")


def lines(ablation: Ablation) -> Iterator[str]:
    """Yields the printed lines."""
    rows = "" if ablation.patients == ablation.rows else f" in {ablation.rows:,} rows"
    yield (
        f"{ablation.patients:,} patients{rows}, {ablation.ones:,} of label 1 ({ablation.ones / ablation.rows:.2%}); "
        f"{len(ablation.splits)} splits, trained on {_mean(ablation.train_rows[ablation.train_ratio]):,.0f}"
    )
    yield f"shuffled: {ablation.changed:.1%} of the orders lost their partner"
    if any(ablation.dropped.values()):
        shares = ", ".join(f"{share:.2%} {name}" for name, share in ablation.dropped.items())
        yield f"codes of test that training did not hold, dropped: {shares}"
    for ratio in sorted(ablation.comparisons, reverse=True):
        yield ""
        if len(ablation.comparisons) > 1:
            yield f"train_ratio {ratio:g}, {_mean(ablation.train_rows[ratio]):,.0f} patients to train on"
        yield from _table(ablation.comparisons[ratio])
        if ablation.recipe and ratio == ablation.train_ratio:
            yield "recipe, less that of"
            yield from _differences(ablation.recipe)
    yield ""
    for arm, choices in ablation.choices[ablation.train_ratio].items():
        yield f"{ARMS[arm]}, as chosen on valid: {'; '.join(dict.fromkeys(choices))}"
    yield "intervals: 95%, of the patients resampled; they tell nothing of another shuffle or other initial weights"
    yield from verdict.verdict(ablation).values()


def _table(comparison: Comparison) -> Iterator[str]:
    yield (f"{'':34}" + "".join(f"{title:^34}" for title in METRICS.values())).rstrip()
    for arm, estimates in comparison.means.items():
        yield f"{ARMS[arm]:34}" + _cells(estimates, "7.3f")
    yield "as linked, less that of"
    yield from _differences(comparison)


def _differences(comparison: Comparison) -> Iterator[str]:
    for arm, estimates in comparison.differences.items():
        yield f"  {ARMS[arm]:32}" + _cells(estimates, "+7.3f")


def _cells(estimates: dict[str, Estimate], form: str) -> str:
    columns = [estimates[metric] for metric in METRICS]
    cells = (f"{cell.value:{form}}   ({cell.low:{form}} to {cell.high:{form}})" for cell in columns)
    return "".join(cell.center(34) for cell in cells).rstrip()


def _mean(counts: Sequence[int]) -> float:
    return sum(counts) / len(counts)


def rows(ablation: Ablation) -> Iterator[tuple]:
    """Yields rows of `COLUMNS`: one per training ratio, arm, split and metric."""
    for ratio, comparison in sorted(ablation.comparisons.items()):
        for arm, splits in comparison.splits.items():
            for number, values in zip(ablation.splits, splits, strict=True):
                for metric, value in values.items():
                    yield ratio, arm, number, metric, value


def report(ablation: Ablation) -> dict[str, Any]:
    """Returns the content of `ablation.json`."""
    differences = ablation.links.differences["codes"]
    counts = ("patients", "rows", "ones", "splits", "train_ratio", "changed", "dropped")
    return {
        "verdict": verdict.verdict(ablation),
        **{name: getattr(ablation, name) for name in counts},
        "arms": ARMS,
        "best_yardstick": ablation.best,
        "pairs_less_codes": {name: dataclasses.asdict(estimate) for name, estimate in differences.items()},
        "recipe": dataclasses.asdict(ablation.recipe) if ablation.recipe else None,
        "results": [
            {
                "train_ratio": ratio,
                "train_rows": ablation.train_rows[ratio],
                "choices": ablation.choices[ratio],
                **dataclasses.asdict(comparison),
            }
            for ratio, comparison in sorted(ablation.comparisons.items())
        ],
    }
