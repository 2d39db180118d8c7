"""A run whose codes are awkwardly named, its patients in the forms that an exported model takes, and its answers."""

import csv
import dataclasses
import functools
import json

import numpy as np
from support.whole_runs import COHORT, SMALL

from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring import prediction
from mime_tf.training.build import build_model

SIZES = {"dx": 31, "rx": 9, "pr": 13}
SYSTEMS = {"dx": "http://snomed.info/sct", "rx": "RxNorm", "pr": "CPT"}
KNOWN = {"dx": [*range(0, 31, 2), 29], "rx": [0, 1, 3, 4, 8], "pr": list(range(7))}


def code(kind, number):
    """Returns the name of a code; rx 4 has letters that JSON escapes, pr 5 and 6 have the same name in two systems."""
    if (kind, number) == ("rx", 4):
        return 'a "q\\ü, [{:}]/'
    return "P5" if (kind, number) == ("pr", 6) else f"{kind[0].upper()}{number}"


def write_vocabulary(path):
    rows = [
        (kind, number, "LOCAL" if (kind, number) == ("pr", 6) else SYSTEMS[kind], code(kind, number), "", 1, number % 6)
        for kind, size in SIZES.items()
        for number in range(size)
    ]
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("kind", "index", "system", "code", "display", "patients", "count"), *rows])


def untrained_split(vocabulary):
    """Returns a split that was never trained, with activations that are 0 nowhere, so that every code matters.

    It knows the codes `KNOWN`; `vocabulary` is a path for `write_vocabulary`.
    """
    write_vocabulary(vocabulary)
    config = dataclasses.replace(SMALL, emb_activation="tanh", order_activation="tanh")
    sizes = {f"num_{kind}": size for kind, size in SIZES.items()} | {"max_dx_per_visit": 3}
    return FittedSplit(
        folder="r0s0",
        load_model=functools.cache(lambda: build_model(config, sizes)),
        sizes=sizes,
        known={kind: np.isin(np.arange(size), KNOWN[kind]) for kind, size in SIZES.items()},
        vocabulary=Vocabulary.read(vocabulary),
        config=config,
        split_seed=0,
        input=None,
        data=None,
        versions={},
        notes=[],
        unknown_flags=[],
    )


def awkward_patients(seed=0, count=60):
    """Returns patients with empty visits, repeated orders and codes that are not known or out of range."""
    draw = np.random.default_rng(seed)

    def codes(kind, most):
        return draw.integers(0, SIZES[kind] + 3, draw.integers(0, most + 1)).tolist()

    def dxobject():
        orders = codes("rx", 3)
        return [int(draw.integers(0, SIZES["dx"] + 5)), orders + orders[: draw.integers(0, 2)], codes("pr", 2)]

    return [
        [[dxobject() for _ in range(draw.integers(0, 4))] for _ in range(draw.integers(1, 6))] for _ in range(count)
    ]


def all_patients():
    return to_lists(Cohort.open(COHORT).store) + awkward_patients()


def to_lists(store):
    return [
        [
            [
                [
                    int(store.dx[o]),
                    store.rx[store.rx_offsets[o] : store.rx_offsets[o + 1]].tolist(),
                    store.pr[store.pr_offsets[o] : store.pr_offsets[o + 1]].tolist(),
                ]
                for o in range(store.dxobjs[v], store.dxobjs[v + 1])
            ]
            for v in range(store.visits[p], store.visits[p + 1])
        ]
        for p in range(len(store))
    ]


def padded(patients, more=0):
    """Returns patients as the arguments of the signature of codes, each axis by `more` longer than needed."""
    shape = [
        len(patients),
        max(map(len, patients)) + more,
        max((len(visit) for patient in patients for visit in patient), default=0) + more,
    ]
    dxobjects = [(p, v, d, o) for p, vs in enumerate(patients) for v, os in enumerate(vs) for d, o in enumerate(os)]
    widths = [max((len(o[place]) for *_, o in dxobjects), default=0) + more for place in (1, 2)]
    dx, rx, pr = (np.full(size, -1, np.int32) for size in (shape, [*shape, widths[0]], [*shape, widths[1]]))
    for *place, (diagnosis, medications, procedures) in dxobjects:
        dx[tuple(place)] = diagnosis
        rx[tuple(place)][: len(medications)] = medications
        pr[tuple(place)][: len(procedures)] = procedures
    return {"dx": dx, "rx": rx, "pr": pr, "visits": np.array([len(patient) for patient in patients], np.int32)}


def as_json(patient, name=code):
    """Returns a patient as JSON, with the names of codes; numbers without a name get one that no code has."""

    def names(kind, numbers):
        return [f"{SYSTEMS['pr']}|P5" if (kind, n) == ("pr", 5) else name_of(kind, n) for n in numbers]

    def name_of(kind, number):
        return "LOCAL|P5" if (kind, number) == ("pr", 6) else name(kind, number)

    visits = [
        [{"dx": name("dx", dx), "rx": names("rx", rx), "pr": names("pr", pr)} for dx, rx, pr in visit]
        for visit in patient
    ]
    return json.dumps({"visits": visits}, ensure_ascii=False)


def predicted(run, patients):
    found = prediction.predict(run, Cohort(pickled.from_lists(patients)))
    return {"probability": found.probabilities, "dropped_codes": found.dropped, "empty": found.empty}


def check_same(found, expected):
    assert set(found) == set(expected)
    np.testing.assert_allclose(found["probability"], expected["probability"], rtol=0, atol=1e-6)
    for name in ("dropped_codes", "empty"):
        np.testing.assert_array_equal(found[name], expected[name])
