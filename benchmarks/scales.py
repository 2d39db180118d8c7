"""Sizes of the measurements: in full, and just large enough to check that they work."""

import dataclasses

from benchmarks.paper_cohort import VISITS

NARROW = {
    **dict.fromkeys(("dx_emb_size", "rx_emb_size", "pr_emb_size"), 12),
    **dict.fromkeys(("dxobj_emb_size", "visit_emb_size", "rnn_size"), 16),
}


@dataclasses.dataclass(frozen=True)
class Scale:
    """Sizes of all measurements.

    Attributes:
        patients: patients of the paper-shaped cohort.
        step, sample, growth: laps of a run of these measurements.
        lap: iterations of a lap, which ends with an evaluation.
        sample_lap: lap on the sample, where steps are short, in evaluations of `lap` iterations each.
        growth_lap: iterations of a lap of `growth`: fewer, because its runs are many.
        patients_axis, visits_axis, codes_axis: axes of `growth`: patients, visits per patient, and factors on the
            paper's vocabularies.
        scored: patients in each held-out set of `growth`: few, and the same number everywhere.
        torch: laps beside PyTorch.
        million: patients of the large cohort of `start`.
        starts: runs of each short command.
        commands_axis: patients of the exports of `commands`; a patient has 36 Dx-objects.
        scorings: laps of `scoring`, in each of which a set is scored several times.
        aux_lambdas: the weights of the auxiliary losses for which a step is measured; the first is 0.
        windows, repeats: windows of patients, and laps on each, of the two layouts.
        steps_per_lap: steps in a lap of each layout.
        products: number of matrix products in a reading of the yardstick.
        judged: whether results are held against the targets.
        settings: further arguments of `TrainConfig`.
    """

    patients: int = 3000
    step: int = 14
    sample: int = 8
    growth: int = 6
    lap: int = 100
    sample_lap: int = 20
    growth_lap: int = 40
    patients_axis: tuple = (1000, 3000, 10000, 30000)
    visits_axis: tuple = (5, 10, VISITS, 40)
    codes_axis: tuple = (1, 4, 16)
    scored: int = 100
    torch: int = 8
    million: int = 1_000_000
    starts: int = 3
    commands_axis: tuple = (2_780, 27_800, 278_000)
    scorings: int = 9
    aux_lambdas: tuple = (0.0, 0.1)
    windows: int = 8
    repeats: int = 2
    steps_per_lap: dict = dataclasses.field(default_factory=lambda: {"dense": 1, "packed": 20})
    products: int = 3
    judged: bool = True
    settings: dict = dataclasses.field(default_factory=dict)


FULL = Scale()
QUICK = Scale(
    patients=200,
    step=4,
    sample=4,
    growth=4,
    lap=5,
    sample_lap=1,
    growth_lap=5,
    patients_axis=(100, 200),
    visits_axis=(10, VISITS),
    codes_axis=(1, 2),
    scored=20,
    torch=2,
    million=500,
    starts=1,
    commands_axis=(100, 200),
    scorings=3,
    aux_lambdas=(0.0,),
    windows=2,
    repeats=1,
    steps_per_lap={"dense": 1, "packed": 2},
    products=1,
    judged=False,
    settings={"jit_compile": "off", **NARROW},
)
