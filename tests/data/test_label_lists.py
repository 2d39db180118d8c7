"""Labels that are lists of outcomes, in pickles and in Parquet: read, written, and refused in one line."""

import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mime_tf.__main__ import main
from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError

PATIENT = [[[0, [], []]]]


def write(form, folder, labels):
    """Writes a cohort with anything as labels; returns its path."""
    patients = [PATIENT] * len(labels)
    if form == "pickles":
        pickled.write(folder / "c", patients)
        (folder / "c.labels").write_bytes(pickle.dumps(labels, 2))
        return folder / "c"
    visits = [[[{"dx": dx, "rx": rx, "pr": pr} for dx, rx, pr in visit] for visit in patient] for patient in patients]
    kind = pa.list_(pa.list_(pa.struct({"dx": pa.int32(), "rx": pa.list_(pa.int32()), "pr": pa.list_(pa.int32())})))
    pq.write_table(pa.table({"label": pa.array(labels), "visits": pa.array(visits, kind)}), folder / "c.parquet")
    return folder / "c.parquet"


def refusal(path):
    with pytest.raises(InputError) as caught:
        Cohort.open(path, outcomes=True)
    return str(caught.value).removeprefix(f"{path}").removeprefix(".labels").removeprefix(": ")


@pytest.mark.parametrize("form", ["pickles", "parquet"])
@pytest.mark.parametrize("kind", [int, bool, float])
def test_lists_of_outcomes_are_read(form, kind, tmp_path):
    rows = [[0, 1, 1], [0, 0, 0]]
    path = write(form, tmp_path, [[kind(value) for value in row] for row in rows])
    cohort = Cohort.open(path, outcomes=True)
    assert cohort.labels.tolist() == rows and cohort.labels.dtype == np.uint8 and cohort.outcomes == 3


@pytest.mark.parametrize("form", ["pickles", "parquet"])
def test_a_command_of_one_label_refuses_them(form, tmp_path):
    path = write(form, tmp_path, [[0, 1], [1, 0]])
    with pytest.raises(InputError, match="its labels are lists of 2 outcomes; needed here is one label, 0 or 1, per p"):
        Cohort.open(path)


WRONG = {
    "ragged": ([[0, 1], [0, 1, 1]], "row 1: found 3 outcomes; row 0 has 2 outcomes, and so has every row"),
    "mixed": ([[0, 1], 1], "row 1: found 1; row 0 has 2 outcomes, and so has every row"),
    "one outcome": ([[0], [1]], "row 0: found [0]; a label is 0, 1 or a list of two outcomes or more"),
    "not 0 or 1": ([[0, 1], [1, 2]], "row 1, outcome 1: found 2; an outcome is 0 or 1"),
    "text": ([[0, 1], ["a", 0]], "row 1, outcome 0: found 'a'; an outcome is 0 or 1"),
    "number first": ([1, [0, 1]], "row 1: found [0, 1]; a label is 0 or 1"),
}


@pytest.mark.parametrize(("labels", "expected"), WRONG.values(), ids=WRONG)
def test_bad_lists_in_pickles(labels, expected, tmp_path):
    assert refusal(write("pickles", tmp_path, labels)) == expected


WRONG_IN_PARQUET = {
    "ragged": ([[0, 1], [0, 1, 1]], "patient 1: found [0, 1, 1]; other labels have 2 outcomes"),
    "one outcome": ([[0], [1]], "patient 0: found [0]; a label has two outcomes or more"),
    "null list": ([[0, 1], None], "patient 1: found null; a label is a list of outcomes"),
    "null outcome": ([[0, 1], [1, None]], "patient 1: found null as outcome 1; an outcome is 0 or 1"),
    "not 0 or 1": ([[0, 1], [7, 1]], "patient 1: found 7 as outcome 0; an outcome is 0 or 1"),
}


@pytest.mark.parametrize(("labels", "expected"), WRONG_IN_PARQUET.values(), ids=WRONG_IN_PARQUET)
def test_bad_lists_in_parquet(labels, expected, tmp_path):
    assert refusal(write("parquet", tmp_path, labels)) == expected


def test_files_of_a_folder_agree(tmp_path):
    for name, labels in (("a", [[0, 1]]), ("b", [[0, 1, 1], [1, 1, 1]])):
        (tmp_path / name).mkdir()
        write("parquet", tmp_path / name, labels).rename(tmp_path / f"{name}.parquet")
        (tmp_path / name).rmdir()
    with pytest.raises(
        InputError, match=r"b.parquet: patient 1: found a label that is a list of 3 outcomes; those of t"
    ):
        Cohort.open(tmp_path, outcomes=True)


def test_a_small_file_cannot_hold_huge_labels(tmp_path):
    """A pickle may name one list many times; what it takes in memory is bounded by its size."""
    row = [0] * 20_000
    path = write("pickles", tmp_path, [PATIENT] * 2)
    (tmp_path / "c.labels").write_bytes(pickle.dumps([row] * 20_000, 2))
    assert "unpacks to 400,000,000 bytes or more" in refusal(path)


TABLES = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(st.integers(0, 1), min_size=width, max_size=width), min_size=1, max_size=6)
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(rows=TABLES)
def test_what_is_written_is_read(rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("c")
    labels = np.array(rows)
    pickled.write(folder / "c", [PATIENT] * len(rows), labels)
    parquet.write(folder / "c.parquet", pickled.from_lists([PATIENT] * len(rows)), labels)
    for name in ("c", "c.parquet"):
        np.testing.assert_array_equal(Cohort.open(folder / name, outcomes=True).labels, labels)


def test_pack_keeps_them(tmp_path):
    path = write("pickles", tmp_path, [[0, 1], [1, 1]])
    assert main(["pack", "--data", str(path), "--output", str(tmp_path / "p.parquet")]) == 0
    assert Cohort.open(tmp_path / "p.parquet", outcomes=True).labels.tolist() == [[0, 1], [1, 1]]
