"""The measurements: each takes a `Lab` and a `Scale` and returns the rows of its table."""

import statistics

from benchmarks import goals
from benchmarks.lab import ROOT
from benchmarks.paper_cohort import CODES, VISITS, paper_sizes

TRAINING = "benchmarks.timed_training:time_training"
SCORING = "benchmarks.timed_scoring:time_scoring"
LAYOUT = "benchmarks.timed_layouts:time_layout"
TORCH = "benchmarks.timed_torch:time_torch"
SAME_LOSS = "benchmarks.timed_torch:compare"
START = "benchmarks.timed_commands:time_start"
COMMANDS = "benchmarks.timed_commands:time_commands"
BATCH = 20
# Rows of `start`, by the names that `time_start` gives them.
STARTS = {
    "help": "--help",
    "mistake": "a path that is not there",
    "predict": "predict, one patient",
    "sample, first update": "train, the sample, first update and its evaluation",
    "sample, first evaluation": "train, the sample, 100 updates and an evaluation",
    "million, first update": "train, {patients:,} patients in Parquet, first update and its evaluation",
    "million, first evaluation": "train, {patients:,} patients in Parquet, 100 updates and an evaluation",
}


def _settings(scale, laps, lap, **more):
    """Keyword arguments of `TrainConfig` for one split: the defaults but for those given."""
    return {
        "batch_size": BATCH,
        "num_iter": laps * lap,
        "eval_period": lap,
        "split_seeds": [0],
        **scale.settings,
        **more,
    }


def _judged(scale, row, targets):
    """The row with its verdict, which small sizes do not have."""
    return goals.judged(row, targets) if scale.judged else row


def _paper_training(lab, scale, aux_lambda):
    """The training that `step` measures and `scoring` compares with."""
    return lab.measure(
        f"training on {scale.patients} patients, aux_lambda {aux_lambda:g}",
        TRAINING,
        prefix=lab.cohort(patients=scale.patients),
        settings=_settings(scale, scale.step, scale.lap, aux_lambda=aux_lambda, **paper_sizes()),
    )


def step(lab, scale):
    """A step of training on a cohort of the paper's shape, without and with the auxiliary losses."""
    rows = []
    for aux_lambda in scale.aux_lambdas:
        targets = goals.TARGETS["step"][aux_lambda]
        measured = {"label": f"aux_lambda {aux_lambda:g}", "kind": "measured", "aux_lambda": aux_lambda}
        rows.append(_judged(scale, measured | _paper_training(lab, scale, aux_lambda), targets))
        rows += [goals.target_row(targets), *goals.elsewhere_rows(goals.ELSEWHERE["step"][aux_lambda])]
    return rows


def sample(lab, scale):
    """A step of training on the sample of this repository."""
    targets = goals.TARGETS["sample"]
    rows = []
    for label, sizes in (("sizes that the data hold", {}), ("sizes of the authors' main", paper_sizes())):
        measured = lab.measure(
            f"training on the sample, {label}",
            TRAINING,
            prefix=str(ROOT / "sample"),
            settings=_settings(scale, scale.sample * scale.sample_lap, scale.lap, **sizes),
            evaluations=scale.sample_lap,
        )
        rows.append(_judged(scale, {"label": label, "kind": "measured"} | measured, targets))
    return [*rows, goals.target_row(targets), *goals.elsewhere_rows(goals.ELSEWHERE["sample"])]


def scoring(lab, scale):
    """Patients scored per second against patients trained on per second; a ratio is of costs, not of seconds."""
    training = _paper_training(lab, scale, 0.0)
    scored = lab.measure(
        "scoring",
        SCORING,
        prefix=lab.cohort(patients=scale.patients),
        settings=_settings(scale, scale.step, scale.lap, **paper_sizes()),
        repeats=scale.scorings,
    )
    steps = {"per_s": BATCH / training["ms_per_step"] * 1000, "cost": training["cost"] / BATCH}
    common = {"kind": "measured", "others": scored["others"], "peak_gb": scored["peak_gb"]}
    targets = goals.TARGETS["scoring"]
    rows = [{**training, **steps, "label": f"training, batches of {BATCH}", "kind": "measured", "per_trained": 1.0}]
    for name, label in (("kept", "scoring, batches cut before"), ("cut", "scoring, batches cut anew each time")):
        row = {"label": label, **common, **scored[name], "per_trained": steps["cost"] / scored[name]["cost"]}
        rows.append(_judged(scale, row, targets))
    return [*rows, goals.target_row(targets)]


def growth(lab, scale):
    """Growth of the cost of a step, the time of reading and the peak of memory with the cohort."""
    rows = []
    for axis, values in (("patients", scale.patients_axis), ("visits", scale.visits_axis), ("codes", scale.codes_axis)):
        for value in values:
            for aux_lambda in scale.aux_lambdas if axis == "codes" else scale.aux_lambdas[:1]:
                point = {"patients": scale.patients, "visits": VISITS, "codes": 1, axis: value}
                rows.append({"axis": axis, **_growth_row(lab, scale, point, aux_lambda)})
    return rows


def _growth_row(lab, scale, point, aux_lambda):
    patients, factor = point["patients"], point["codes"]
    held = scale.scored / patients
    result = lab.measure(
        f"training on {patients} patients of {point['visits']} visits, {factor} x the codes, aux_lambda {aux_lambda:g}",
        TRAINING,
        prefix=lab.cohort(patients=patients, visits=point["visits"], codes_factor=factor),
        settings=_settings(
            scale,
            scale.growth,
            scale.growth_lap,
            aux_lambda=aux_lambda,
            valid_fraction=held,
            test_fraction=held,
            **paper_sizes(factor),
        ),
    )
    codes = sum(CODES.values()) * factor
    return {**point, "kind": "measured", "aux_lambda": aux_lambda, **result, "codes": codes}


def dense(lab, scale):
    """A bare step of the packed and of the dense model over the same windows, and the ratio of their costs."""
    rows = []
    for aux_lambda in scale.aux_lambdas:
        for layout, label in (("dense", "dense, padded slots"), ("packed", "packed, as in mime_tf")):
            result = lab.measure(
                f"a bare step, {label}, aux_lambda {aux_lambda:g}",
                LAYOUT,
                prefix=lab.cohort(patients=scale.patients),
                settings=_settings(scale, scale.step, scale.lap, aux_lambda=aux_lambda, **paper_sizes()),
                layout=layout,
                windows=scale.windows,
                repeats=scale.repeats,
                steps=scale.steps_per_lap[layout],
            )
            row = {"label": f"{label}, aux_lambda {aux_lambda:g}", "kind": "measured", "layout": layout, **result}
            row |= {"aux_lambda": aux_lambda}
            row["gain"] = rows[-1]["cost"] / row["cost"] if layout == "packed" else 1.0
            rows.append(row)
    return rows


def torch(lab, scale):
    """Training beside the same model in PyTorch, a lap of each in turn."""
    rows = []
    cohorts = [
        (f"aux_lambda {each:g}", {"aux_lambda": each}, lab.cohort(patients=scale.patients), 1)
        for each in scale.aux_lambdas
    ]
    cohorts.append(("the sample", {}, str(ROOT / "sample"), scale.sample_lap))
    for label, more, prefix, evaluations in cohorts:
        settings = _settings(scale, scale.torch * evaluations, scale.lap, **more, **paper_sizes())
        lab.measure(f"losses of MiME and of PyTorch, {label}", SAME_LOSS, prefix=prefix, settings=settings)
        ours, theirs = lab.measure_in_turn(
            f"training beside PyTorch, {label}",
            (TRAINING, {"prefix": prefix, "settings": settings, "evaluations": evaluations}),
            (TORCH, {"prefix": prefix, "settings": settings, "laps": scale.torch, "steps": scale.lap}),
        )
        ratio = _ratio(ours["lap_s"], theirs["lap_s"]) / evaluations
        targets = {"ratio": goals.TARGETS["torch"][label]}
        row = {"label": f"mime_tf, {label}", "kind": "measured", "ratio": ratio, **ours}
        rows += [_judged(scale, row, targets), {"label": f"PyTorch, {label}", "kind": "measured", **theirs}]
        rows.append(goals.target_row(targets))
    return rows


def _ratio(ours, theirs):
    """Returns the median of the ratios of laps that followed each other, in the later half of a run."""
    later = range(len(ours) // 2, len(ours))
    return statistics.median(ours[lap] / theirs[lap] for lap in later)


def start(lab, scale):
    """Seconds from a command to its first result."""
    million = lab.file("million.parquet", "benchmarks.paper_export:write_cohort", patients=scale.million)
    held = scale.scored / scale.million
    arguments = {"sample": str(ROOT / "sample"), "million": million, "held": held, "repeats": scale.starts}
    times = lab.measure("commands from their start", START, **arguments)
    rows = []
    for name, label in STARTS.items():
        row = {
            "label": label.format(patients=scale.million),
            "kind": "measured",
            "others": times["others"],
            **times[name],
        }
        limit = goals.TARGETS["start"].get(name)
        rows.append(row if limit is None else {**_judged(scale, row, {"seconds": limit}), "target": limit})
    return rows


def commands(lab, scale):
    """Time and memory of the way from an export to measures, at sizes that grow tenfold."""
    sizes = [
        lab.measure(
            f"convert, train, predict and evaluate, {patients:,} patients",
            COMMANDS,
            patients=patients,
            updates=scale.lap,
            held=scale.scored,
        )
        for patients in scale.commands_axis
    ]
    rows = []
    for command in sizes[0]["commands"]:
        for size, before in zip(sizes, [None, *sizes], strict=False):
            row = {"label": command, "kind": "measured", "dxobjects": size["dxobjects"], "others": size["others"]}
            row |= size["commands"][command]
            if before:
                input_growth = size["dxobjects"] / before["dxobjects"]
                row["growth"] = row["cpu_s"] / before["commands"][command]["cpu_s"] / input_growth
            rows.append(row)
    return rows


ALL = {function.__name__: function for function in (step, sample, scoring, growth, dense, torch, start, commands)}
