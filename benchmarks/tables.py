"""Measurements as Markdown tables."""

from benchmarks.goals import AT_LEAST

LABEL = ("label", "", "{}")
MS = ("ms_per_step", "ms per step", "{}")
GFLOPS = ("gflops", "GFLOP/s", "{:.0f}")
OTHERS = ("others", "others", "{:.0%}")
COST = ("cost", "cost per step", "{}")
START = ("start_s", "start, s", "{}")
SECONDS, CPU = ("seconds", "seconds", "{}"), ("cpu_s", "CPU, s", "{}")
PEAK = ("peak_gb", "peak, GB", "{:.2f}")
VERDICT = ("verdict", "targets", "{}")

# The title of each measurement's table, and its columns as (key, heading, format).
TABLES = {
    "step": (
        "A step of training, with all that train.py does",
        (LABEL, MS, GFLOPS, OTHERS, COST, START, PEAK, VERDICT),
    ),
    "sample": (
        "A step of training on the sample of this repository",
        (LABEL, MS, GFLOPS, OTHERS, COST, START, PEAK, VERDICT),
    ),
    "scoring": (
        "Scoring against training",
        (
            LABEL,
            ("per_s", "patients per second", "{:,.0f}"),
            GFLOPS,
            OTHERS,
            ("cost", "cost per patient", "{}"),
            ("per_trained", "patients for the cost of one trained on", "{}"),
            PEAK,
            VERDICT,
        ),
    ),
    "growth": (
        "Growth of the cost of training",
        (
            ("axis", "along", "{}"),
            ("patients", "patients", "{:,}"),
            ("visits", "visits per patient", "{}"),
            ("codes", "codes", "{:,}"),
            ("aux_lambda", "aux_lambda", "{:g}"),
            MS,
            GFLOPS,
            OTHERS,
            COST,
            START,
            ("read_s", "reading, s", "{}"),
            ("split_s", "a split, s", "{}"),
            PEAK,
        ),
    ),
    "dense": (
        "A bare step, without the input pipeline and Keras's loop, of two layouts of the same model",
        (LABEL, MS, GFLOPS, OTHERS, COST, ("gain", "times cheaper", "{}"), PEAK),
    ),
    "torch": (
        "A step of training beside the same model in PyTorch, which is not evaluated, a lap of each in turn",
        (LABEL, MS, GFLOPS, OTHERS, COST, ("ratio", "of PyTorch's time", "{}"), PEAK, VERDICT),
    ),
    "start": (
        "From the command to its first result",
        (LABEL, SECONDS, ("target", "target, s", "{}"), CPU, OTHERS, PEAK, VERDICT),
    ),
    "commands": (
        "From an export to measures",
        (
            LABEL,
            ("dxobjects", "Dx-objects", "{:,}"),
            SECONDS,
            CPU,
            ("growth", "growth of CPU time to that of Dx-objects", "{:.2f}"),
            OTHERS,
            PEAK,
        ),
    ),
}

LEGEND = """\
GFLOP/s: of a 2048 x 2048 x 2048 float32 product in NumPy, timed before and after each lap of a measurement, such as 100
steps: the lowest and the highest. cost: in GFLOP-equivalents, ms per step x GFLOP/s / 1000, the median over laps.
start: the time of the first half of a run beyond that of its steps at the steady cost: reading, splitting, planning
shapes, building, tracing and compiling. peak: the peak memory of the process. others: the share of all cores' time that
other programs took; if it is more than a tenth ("busy"), measure again on a quiet machine. "elsewhere": not measured
here."""


def heading(description, quick):
    """Returns the lines on machine and date, given `machine.description()`."""
    host, versions = description["machine"], description["versions"]
    words = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [f"{description['date']}, {host['cpu']}, {host['cores']} cores, {host['memory_gb']} GB", words]
    return "\n".join(lines + ["--quick: these sizes only check that it works"] * quick)


def table(name, rows):
    """Returns a measurement as a Markdown table with a title."""
    title, columns = TABLES[name]
    cells = [[name for _, name, _ in columns], *([_cell(row, *column) for column in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join([f"{name}: {title}", "", *lines])


def _cell(row, key, _, form):
    """The text of a cell; a pair is a range, and a target has its direction."""
    value = row.get(key)
    if value is None:
        return ""
    values = value if isinstance(value, list) else [value]
    text = "-".join(form.format(_short(value) if form == "{}" else value) for value in values)
    if row["kind"] == "target" and key != "label":
        return f">= {text}" if key in AT_LEAST else f"<= {text}"
    return text


def _short(value):
    """A number to three digits, without an exponent; anything else as it is.

    >>> _short(1430.2), _short(16.512), _short("met")
    ('1,430', '16.5', 'met')
    """
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else value
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
