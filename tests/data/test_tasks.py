"""The next visit as the label of a cohort: labels of its own, and a history that knows nothing of them."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.cohorts import NUM_DX, cohorts

from mime_tf.config import TrainConfig
from mime_tf.data import parquet, pickled, tasks
from mime_tf.data.cohort import Cohort, file_digest
from mime_tf.errors import InputError

# Three patients: two visits, then one; then three, of which the second is empty and the last has diagnosis 4 twice.
PATIENTS = [
    [[[0, [1], []]], [[2, [], []], [3, [0], [1]]]],
    [[[1, [], []]]],
    [[[1, [2], []], [0, [], []]], [], [[4, [], []], [0, [], [0]], [4, [1], []]]],
]


def posed(patients, num_dx):
    return tasks.pose(Cohort(pickled.from_lists(patients)), "next_visit", num_dx)


def test_labels_are_the_diagnoses_of_the_last_visit():
    cohort = posed(PATIENTS, 5)
    assert cohort.labels.tolist() == [[0, 0, 1, 1, 0], [0, 1, 0, 0, 0], [1, 0, 0, 0, 1]]
    assert cohort.labels.dtype == np.uint8
    assert pickled.to_lists(cohort.store) == [PATIENTS[0][:1], [], PATIENTS[2][:2]]
    assert cohort.outcomes == 5 and repr(cohort) == "Cohort(in memory, 3 patients, 5 outcomes)"


def test_codes_that_a_model_has_no_room_for_are_no_outcomes():
    assert posed(PATIENTS, 3).labels.tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_one_diagnosis_alone_cannot_be_ranked():
    with pytest.raises(InputError, match="found 1 diagnosis code; --task=next_visit needs 2 or more"):
        posed([[[[0, [], []]], [[0, [], []]]]], 1)


def test_the_task_of_labels_takes_the_cohort_as_it_is():
    cohort = Cohort(pickled.from_lists(PATIENTS), np.array([0, 1, 1]))
    assert tasks.pose(cohort, "label", 5) is cohort


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(cohorts(), st.data())
def test_the_history_does_not_depend_on_the_last_visit(patients, data):
    """Whatever takes the place of the last visits, the history stays; the labels are those of what took it."""
    others = [[*patient[:-1], data.draw(st.sampled_from(patients))[0]] for patient in patients]
    cohort, other = posed(patients, NUM_DX), posed(others, NUM_DX)
    assert pickled.to_lists(cohort.store) == pickled.to_lists(other.store) == [patient[:-1] for patient in patients]
    for made, of in ((cohort, patients), (other, others)):
        expected = [{dx for dx, _, _ in patient[-1]} for patient in of]
        assert [set(np.flatnonzero(row).tolist()) for row in made.labels] == expected


@pytest.mark.parametrize("form", ["pickles", "parquet"])
def test_no_labels_are_read(form, tmp_path):
    """A cohort without labels will do; the digests are those of the patients."""
    path = tmp_path / ("c" if form == "pickles" else "c.parquet")
    if form == "pickles":
        pickled.write(path, PATIENTS)
    else:
        parquet.write(path, pickled.from_lists(PATIENTS), patient_ids=["a", "b", "c"])
    cohort = tasks.pose(tasks.open_cohort(path, "next_visit"), "next_visit", 5)
    (file,) = cohort.files
    assert list(cohort.digests().values()) == [file_digest(file)]
    assert cohort.patient_ids is None if form == "pickles" else cohort.patient_ids.tolist() == ["a", "b", "c"]
    (tmp_path / "c.labels").write_bytes(b"whatever")
    assert tasks.open_cohort(path, "next_visit").labels is None


@pytest.mark.parametrize(
    "changes", [{"blend": ("regression",)}, {"class_weight": "balanced"}, {"choose_by": "calibrated_loss"}], ids=str
)
def test_options_of_one_outcome_are_refused(changes):
    TrainConfig(**changes)
    with pytest.raises(InputError, match="must be left out where a patient has several outcomes"):
        TrainConfig(task="next_visit", **changes)


def test_an_unknown_task_is_refused():
    with pytest.raises(InputError, match="task: found death; must be one of label, next_visit"):
        TrainConfig(task="death")
