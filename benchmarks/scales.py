"""How large the measurements are: in full, and just large enough to see that they work."""

import dataclasses

from benchmarks.paper_cohort import VISITS

NARROW = {
    **dict.fromkeys(("dx_emb_size", "rx_emb_size", "pr_emb_size"), 12),
    **dict.fromkeys(("dxobj_emb_size", "visit_emb_size", "rnn_size"), 16),
}


@dataclasses.dataclass(frozen=True)
class Scale:
    """The size of everything that is measured.

    Attributes:
        patients: of the paper-shaped cohort.
        step, sample, growth: laps of a run of these measurements.
        lap: iterations of a lap, which ends with an evaluation.
        sample_lap: the same on the sample, where steps are short, in evaluations of `lap` iterations each.
        growth_lap: the same where cost is followed along an axis: fewer, because there are many runs.
        patients_axis, visits_axis, codes_axis: along which cost is followed; the second is visits a patient, the third
            multiples of the paper's vocabularies.
        scored: patients in each held-out set where cost is followed along an axis: few, and the same number everywhere.
        scorings: laps in which a set is scored some times.
        aux_lambdas: the weights of the auxiliary losses for which a step is measured; the first one is 0.
        windows, repeats: of the two layouts side by side: windows of patients, and laps on each.
        steps_a_lap: of each layout.
        products: how many matrix products make a reading of the yardstick.
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
    scorings: int = 9
    aux_lambdas: tuple = (0.0, 0.1)
    windows: int = 8
    repeats: int = 2
    steps_a_lap: dict = dataclasses.field(default_factory=lambda: {"dense": 1, "packed": 20})
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
    scorings=3,
    aux_lambdas=(0.0,),
    windows=2,
    repeats=1,
    steps_a_lap={"dense": 1, "packed": 2},
    products=1,
    judged=False,
    settings={"jit_compile": "off", **NARROW},
)
