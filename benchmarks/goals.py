"""The project's targets, and figures of other programs to compare measurements with."""

# Upper bounds, but for the names in AT_LEAST, which are lower bounds.
TARGETS = {
    "step": {
        0.0: {"cost": 2.6, "start_s": 20, "peak_gb": 0.9},
        0.1: {"cost": 4.2, "start_s": 20, "peak_gb": 0.9},
    },
    "sample": {"ms_per_step": 1.5},
    "scoring": {"per_trained": 4},
    # Time of a step, as a share of PyTorch's.
    "torch": {"aux_lambda 0": 0.45, "aux_lambda 0.1": 0.35, "the sample": 0.10},
    # Seconds.
    "start": {
        "help": 0.3,
        "mistake": 1,
        "predict": 5,
        "sample, first update": 6,
        "million, first update": 15,
    },
}
AT_LEAST = {"per_trained"}

# Figures measured elsewhere, on 2 cores where the yardstick ran at 180 GFLOP/s. A pair is a range.
ELSEWHERE_GFLOPS = 180
AUTHORS, PYTORCH = "elsewhere: authors' program", "elsewhere: hand-packed PyTorch"
ELSEWHERE = {
    "step": {
        0.0: {AUTHORS: {"ms_per_step": [1430, 1800], "peak_gb": 3.1}, PYTORCH: {"ms_per_step": 31, "peak_gb": 0.56}},
        0.1: {AUTHORS: {"ms_per_step": 1410, "peak_gb": 3.1}, PYTORCH: {"ms_per_step": 46, "peak_gb": 0.56}},
    },
    "sample": {AUTHORS: {"ms_per_step": 166}, PYTORCH: {"ms_per_step": 12}},
}
# Share of the machine taken by other programs above which a verdict is in doubt.
OTHERS = 0.1


def target_row(targets):
    """Returns the row of a table that holds the targets."""
    return {"label": "target", "kind": "target", **targets}


def elsewhere_rows(figures):
    """Returns the rows of a table that hold figures measured elsewhere, with their cost."""
    rows = []
    for label, values in figures.items():
        ms = values["ms_per_step"]
        costs = [value * ELSEWHERE_GFLOPS / 1000 for value in (ms if isinstance(ms, list) else [ms])]
        cost = costs if len(costs) > 1 else costs[0]
        rows.append({"label": label, "kind": "elsewhere", "gflops": ELSEWHERE_GFLOPS, "cost": cost, **values})
    return rows


def judged(row, targets):
    """Returns a measured row with `"verdict"`: the targets that it misses, and whether others kept the machine busy.

    >>> judged({"cost": 4.0, "peak_gb": 1.0, "others": 0.02}, {"cost": 4.5, "peak_gb": 0.9})["verdict"]
    'missed: peak_gb'
    """
    missed = [name for name, limit in targets.items() if (row[name] < limit if name in AT_LEAST else row[name] > limit)]
    verdict = f"missed: {', '.join(missed)}" if missed else "met"
    return {**row, "verdict": f"{verdict} (busy)" if (row["others"] or 0) > OTHERS else verdict}
