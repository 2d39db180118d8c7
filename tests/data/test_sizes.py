"""The model's sizes: found in the data, given, or given too small."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import cohorts

from mime_tf.config import SIZE_NAMES
from mime_tf.data import pickled, sizes
from mime_tf.errors import InputError

# The largest codes are 3, 5 and 0; visits hold up to 3 Dx-objects, orders up to 2 medications and 1 procedure.
PATIENTS = [
    [[[0, [5, 1], []]], []],
    [[[1, [], [0]]], [[2, [], []], [3, [4], []], [0, [], []]]],
]
FOUND = {
    "num_dx": 4,
    "num_rx": 6,
    "num_pr": 1,
    "max_dx_per_visit": 3,
    "max_rx_per_dx": 2,
    "max_pr_per_dx": 1,
}


def resolve(patients, **given_sizes):
    given_sizes = {**dict.fromkeys(SIZE_NAMES), **given_sizes}
    return sizes.resolve(pickled.from_lists(patients), given_sizes, "in.seqs")


def complaint(patients, **given_sizes):
    with pytest.raises(InputError) as error:
        resolve(patients, **given_sizes)
    assert len(str(error.value).splitlines()) == 1
    return str(error.value)


def test_sizes_are_inferred_from_the_data():
    assert resolve(PATIENTS) == FOUND


def test_nothing_of_a_kind_still_has_size_1():
    assert resolve([[[]]]) == dict.fromkeys(SIZE_NAMES, 1)
    assert resolve([[[[0, [], []]]]]) == dict.fromkeys(SIZE_NAMES, 1)


@pytest.mark.parametrize("name", SIZE_NAMES)
def test_a_given_size_is_taken(name):
    assert resolve(PATIENTS, **{name: FOUND[name]}) == FOUND
    assert resolve(PATIENTS, **{name: FOUND[name] + 7}) == {**FOUND, name: FOUND[name] + 7}


@pytest.mark.parametrize(
    ("name", "limit", "message"),
    [
        ("num_dx", 2, "patient 1, visit 1, Dx-object 0: found diagnosis code 2; num_dx is 2"),
        ("num_dx", 3, "patient 1, visit 1, Dx-object 1: found diagnosis code 3; num_dx is 3"),
        ("num_rx", 5, "patient 0, visit 0, Dx-object 0: found medication code 5; num_rx is 5"),
        ("max_dx_per_visit", 2, "patient 1, visit 1: found Dx-objects, numbering 3; max_dx_per_visit is 2"),
        ("max_rx_per_dx", 1, "patient 0, visit 0, Dx-object 0: found medications, numbering 2; max_rx_per_dx is 1"),
    ],
)
def test_data_beyond_a_given_size(name, limit, message):
    assert complaint(PATIENTS, **{name: limit}) == f"in.seqs: {message}: the data need at least {FOUND[name]}"


def test_procedures_beyond_a_given_size():
    patients = [*PATIENTS, [[], [[0, [], []], [1, [], [2, 0]]]]]
    place = "in.seqs: patient 2, visit 1, Dx-object 1"
    assert complaint(patients, num_pr=2) == f"{place}: found procedure code 2; num_pr is 2: the data need at least 3"
    assert complaint(patients, max_pr_per_dx=1) == (
        f"{place}: found procedures, numbering 2; max_pr_per_dx is 1: the data need at least 2"
    )


@pytest.mark.parametrize("code", [1_000_000, 2**31 - 1])
@pytest.mark.parametrize(("kind", "name"), [(0, "diagnosis"), (1, "medication"), (2, "procedure")])
def test_a_code_that_cannot_be_a_row_of_a_table(code, kind, name):
    """Such as codes that were never numbered from 0; the last is the largest that the records admit."""
    dx_object = [code, [], []] if kind == 0 else [0, [code] * (kind == 1), [code] * (kind == 2)]
    message = complaint([[[[0, [], []], dx_object]]])
    assert message.startswith(f"in.seqs: patient 0, visit 0, Dx-object 1: found {name} code {code}; ")
    assert f"or num_{('dx', 'rx', 'pr')[kind]} is given" in message


@pytest.mark.parametrize("code", [10, 2**31 - 1])
def test_a_large_code_beyond_a_given_vocabulary(code):
    message = complaint([[[[code, [], []]]]], num_dx=10)
    assert message == (
        f"in.seqs: patient 0, visit 0, Dx-object 0: found diagnosis code {code}; num_dx is 10: the data need at "
        f"least {code + 1}"
    )


@settings(max_examples=100)
@given(cohorts.cohorts(), st.sampled_from(SIZE_NAMES))
def test_inferred_sizes_equal_those_of_a_loop(patients, name):
    visits = [visit for patient in patients for visit in patient]
    dx_objects = [dx_object for visit in visits for dx_object in visit]
    candidates = {
        "num_dx": [dx + 1 for dx, _, _ in dx_objects],
        "num_rx": [code + 1 for _, rx, _ in dx_objects for code in rx],
        "num_pr": [code + 1 for _, _, pr in dx_objects for code in pr],
        "max_dx_per_visit": [len(visit) for visit in visits],
        "max_rx_per_dx": [len(rx) for _, rx, _ in dx_objects],
        "max_pr_per_dx": [len(pr) for _, _, pr in dx_objects],
    }
    largest = max(1, *candidates[name]) if candidates[name] else 1
    assert resolve(patients)[name] == largest
    if largest > 1:
        assert f"{name} is {largest - 1}" in complaint(patients, **{name: largest - 1})
