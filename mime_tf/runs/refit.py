"""A model that is fitted to all patients of a run: which splits its updates, columns and weights come from."""

from collections.abc import Mapping
from typing import Any

REFIT = "refit"  # the entry of metrics.json


def splits_of(metrics: Mapping[str, Any] | None) -> list[str]:
    """Returns the names of the splits that a refit follows, from its metrics.json; none for another model.

    >>> splits_of({"refit": {"splits": ["r0s0", "r0s1"]}}), splits_of({"iteration": 5}), splits_of(None)
    (['r0s0', 'r0s1'], [], [])
    """
    entry = (metrics or {}).get(REFIT)
    names = entry.get("splits") if isinstance(entry, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []


def without_test(folder: str, splits: list[str]) -> str:
    """Returns the sentence that nothing measures a refit on the patients of its run."""
    return (
        f"{folder}: fitted to all patients of its run, so that none is left to measure or recalibrate it on; its "
        f"performance is taken to be that of the splits ({', '.join(splits)}), and other patients can be scored"
    )
