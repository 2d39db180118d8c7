"""The graph of an exported model, in this process: its numbers, its errors, the names of codes."""

import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
from support.served_runs import as_json, awkward_patients, check_same, code, padded, predicted, untrained_split
from support.whole_runs import SMALL

from mime_tf.export.example import example_patient
from mime_tf.export.service import Service, names_by_code, notes
from mime_tf.training.build import build_model


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    return untrained_split(tmp_path_factory.mktemp("names") / "vocabulary.csv")


@pytest.fixture(scope="module")
def service(opened):
    return Service(opened)


def test_by_hand(service):
    patients = [
        [[[0, [0, 0], [1]]]],  # all known
        [[[1, [0, 1], [2]], [2, [2, 3], []]]],  # dx 1 with three orders, and rx 2
        [[[3, [], []]], []],
        [[], []],
        [[[31, [0], []], [999_999, [], [0]], [0, [9], [13]]]],  # out of range, and their orders
    ]
    found = service.codes(**{name: tf.constant(value) for name, value in padded(patients).items()})
    assert found["dropped_codes"].numpy().tolist() == [0, 5, 1, 0, 6]
    assert found["empty"].numpy().tolist() == [False, False, True, True, False]
    probabilities = found["probability"].numpy()
    assert probabilities[2] == probabilities[3] and len(set(probabilities[[0, 1, 2, 4]])) == 4


def test_an_order_that_is_repeated_counts_again_and_so_does_an_empty_visit(service):
    once, twice, later = [[[0, [0], []]]], [[[0, [0, 0], []]]], [[[0, [0], []]], []]
    found = service.json(tf.constant([as_json(patient) for patient in (once, twice, later, once)]))
    first, second, third, fourth = found["probability"].numpy()
    assert first == fourth and len({first, second, third}) == 3


def test_padding_and_neighbours_do_not_matter(service):
    patients = awkward_patients(1, 20)
    together = service.codes(**padded(patients, more=3))
    for place, patient in enumerate(patients):
        check_same(
            service.codes(**padded([patient])), {name: value[place : place + 1] for name, value in together.items()}
        )


def test_a_model_of_half_precision(opened):
    model = build_model(dataclasses.replace(SMALL, mixed_precision="bfloat16"), opened.sizes)
    run = dataclasses.replace(opened, load_model=lambda: model)
    patients = awkward_patients(2, 10)
    half = Service(run)
    found = half.json(tf.constant(list(map(as_json, patients))))
    np.testing.assert_allclose(found["probability"], predicted(run, patients)["probability"], atol=1e-2)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"visits": [1, 0]}, r"visits: must be from 1 to .* in patient\W+1"),
        ({"visits": [3, 1]}, r"visits: must be from 1 to .* in patient\W+0"),
        ({"visits": [1]}, "visits: must be one number per patient"),
        ({"dx": [[[0], [0]], [[-2], [0]]]}, r"dx: must be codes, .* in patient\W+1"),
        ({"visits": [2, 1], "dx": [[[0], [0]], [[0], [0]]]}, r"after the last visit; .* in patient\W+1"),
        ({"rx": [[[[-3]], [[0]]], [[[0]], [[0]]]]}, r"rx: must be codes, .* in patient\W+0"),
        ({"dx": [[[0], [0]], [[0], [-1]]]}, r"where dx is -1; .* in patient\W+1"),
        ({"pr": [[[[0]]], [[[0]]]]}, "pr: must have the first three sizes of dx"),
    ],
)
def test_codes_that_are_wrong(service, changes, says):
    right = {"dx": [[[0], [0]]] * 2, "rx": [[[[0]], [[0]]]] * 2, "pr": [[[[0]], [[0]]]] * 2, "visits": [2, 2]}
    service.codes(**{name: tf.constant(value, tf.int32) for name, value in right.items()})
    wrong = {name: tf.constant(value, tf.int32) for name, value in (right | changes).items()}
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){says}"):
        service.codes(**wrong)


def test_no_patients(service):
    with pytest.raises(tf.errors.InvalidArgumentError, match="no patient"):
        service.json(tf.constant([], tf.string))


# Names.


def one(dx="D0", rx=(), pr=()):
    return json.dumps({"visits": [[{"dx": dx, "rx": rx, "pr": pr}]]}, ensure_ascii=False)


def test_names_of_codes(service):
    same = [one(rx=["R0"]), one("http://snomed.info/sct|D0", ["RxNorm|R0"])]
    first, second = service.json(tf.constant(same))["probability"].numpy()
    assert first == second
    unknown = [one(rx=["R0", "d0", "LOINC|R0", "", "-1", "0"]), one("R0", ["R0"]), one("D1")]
    found = service.json(tf.constant(unknown))
    assert found["dropped_codes"].numpy().tolist() == [5, 2, 1]
    assert found["probability"].numpy()[0] == first
    two = service.json(tf.constant([one(pr=["CPT|P5"]), one(pr=["LOCAL|P5"])]))["probability"].numpy()
    assert two[0] != two[1]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"(?s)pr: must be the name of one code.*patient\W+1"):
        service.json(tf.constant([one(), one(pr=["P5"])]))


def test_a_run_without_a_vocabulary_takes_numbers(opened):
    run = dataclasses.replace(opened, vocabulary=None)
    patients = awkward_patients(3, 20)
    texts = [as_json(patient, lambda kind, number: str(number)) for patient in patients]
    texts = [text.replace("LOCAL|P5", "6").replace("CPT|P5", "5") for text in texts]
    numbered = Service(run)
    check_same(numbered.json(tf.constant(texts)), predicted(run, patients))
    assert ["takes the numbers of codes" in note for note in notes(run)] == [True]
    assert example_patient(run).patient["visits"][0][0]["dx"] == "0"


def test_codes_without_a_name(opened):
    rows = {key: row for key, row in opened.vocabulary.by_index.items() if key not in (("dx", 0), ("dx", 1))}
    run = dataclasses.replace(opened, vocabulary=dataclasses.replace(opened.vocabulary, by_index=rows))
    (note,) = notes(run)
    assert "1 dx codes" in note  # dx 1 is not one that the model knows
    assert 0 not in names_by_code(run, "dx") and names_by_code(run, "pr")[5] == "CPT|P5"
    nothing = dataclasses.replace(run, vocabulary=dataclasses.replace(opened.vocabulary, by_index={}))
    example = example_patient(nothing)
    assert example.patient == {"visits": [[], []]}
    unnamed = Service(nothing)
    assert unnamed.json(tf.constant([example.text]))["empty"].numpy().tolist() == [True]


def test_the_example_is_the_same_patient_in_both_forms(opened, service):
    example = example_patient(opened)
    # Of the known codes that are counted most, 5 times, those of the lowest numbers.
    assert example.patient == {"visits": [[{"dx": "D29", "rx": [code("rx", 4)], "pr": ["CPT|P5"]}], [as_dx("D4")]]}
    check_same(
        service.codes(**{name: tf.constant(value, tf.int32) for name, value in example.codes.items()}),
        service.json(tf.constant([example.text])),
    )


def as_dx(name):
    return {"dx": name, "rx": [], "pr": []}
