"""Cohorts without labels: they can be read and scored, and not trained on."""

import os
import types

import numpy as np
import pytest
from hypothesis import given
from support.cohorts import cohorts

from mime_tf.config import TrainConfig
from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.scoring.prediction import part_of

PATIENTS = [[[[0, [1], []]]], [[[1, [], [0]]], [[0, [], []]]]]


@pytest.fixture(params=["pickles", "parquet"])
def source(request, tmp_path):
    """A cohort without labels, in each of the two forms."""
    if request.param == "pickles":
        pickled.write(tmp_path / "hf", PATIENTS)
        return str(tmp_path / "hf")
    parquet.write(tmp_path / "hf.parquet", pickled.from_lists(PATIENTS), patient_ids=["a", "b"])
    return str(tmp_path / "hf.parquet")


def test_only_the_records_are_written(source):
    assert not os.path.exists(f"{source}.labels")


def test_reading_without_labels(source):
    cohort = Cohort.open(source, labelled=False)
    assert pickled.to_lists(cohort.store) == PATIENTS
    assert cohort.labels is None
    assert (cohort.patient_ids is None) != source.endswith(".parquet")


def test_training_needs_labels(source):
    with pytest.raises(InputError, match=r"hf\.labels|no column label"):
        Cohort.open(source)


def test_labels_that_are_there_are_not_looked_at(tmp_path):
    (tmp_path / "hf.labels").write_text("not a pickle")
    pickled.write(tmp_path / "hf", PATIENTS)
    assert Cohort.open(str(tmp_path / "hf"), labelled=False).labels is None
    parquet.write(tmp_path / "hf.parquet", pickled.from_lists(PATIENTS), [0, 1])
    assert Cohort.open(str(tmp_path / "hf.parquet"), labelled=False).labels is None


def test_every_patient_is_to_be_scored(source):
    run = types.SimpleNamespace(
        check_codes=lambda cohort: None,
        usable={"dx": np.ones(2, bool), "rx": np.ones(2, bool), "pr": np.ones(1, bool)},
        config=TrainConfig(),
    )
    part = part_of(run, Cohort.open(source, labelled=False), "all")
    assert part.rows.tolist() == [0, 1]
    assert len(part.labels) == 2


@given(patients=cohorts())
def test_both_forms_give_back_the_patients_written(patients, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unlabelled")
    pickled.write(folder / "hf", patients)
    parquet.write(folder / "hf.parquet", pickled.from_lists(patients))
    for name in ("hf", "hf.parquet"):
        assert pickled.to_lists(Cohort.open(str(folder / name), labelled=False).store) == patients
