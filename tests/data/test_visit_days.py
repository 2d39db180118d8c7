"""Tests of mime_tf.data.visit_days: visits.csv beside a cohort."""

import os
import tempfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mime_tf.data import parquet, pickled, visit_days
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError

HEADER = "row,visit,days_before\n"
# Two rows, of two visits and of one.
PATIENTS = [[[[0, [], []]], []], [[[1, [], []]]]]


def cohort(folder, text):
    """Returns a cohort of the two rows, with such a file beside it."""
    pickled.write(folder / "hf", PATIENTS, [0, 1])
    (folder / "visits.csv").write_text(text, encoding="utf-8")
    return Cohort.open(folder / "hf")


def test_days_are_in_the_order_of_the_visits(tmp_path):
    days = cohort(tmp_path, HEADER + "0,0,30\n0,1,0\n1,0,400\n").visit_days
    assert (days.tolist(), days.dtype) == ([30, 0, 400], np.int32)
    # Other columns, and another order of columns, change nothing.
    text = "place,days_before,visit,row\nx,30,0,0\n,0,1,0\nx,400,0,1\n"
    assert cohort(tmp_path, text).visit_days.tolist() == [30, 0, 400]


def test_a_cohort_without_the_file_has_no_days(tmp_path):
    opened = cohort(tmp_path, "")
    os.remove(tmp_path / "visits.csv")
    assert opened.visit_days is None
    assert Cohort(pickled.from_lists(PATIENTS)).visit_days is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no column row; found nothing; needed row, visit, days_before"),
        ("row,visit\n", "no column days_before; found row, visit; needed row, visit, days_before"),
        (HEADER + "0,0,30\n0,1\n", "line 3: 2 fields; one for each of the header's 3"),
        (HEADER + "0,0,-3\n", "line 2: found days_before '-3'; must be a whole number from 0"),
        (HEADER + "0,0,3.5\n", "line 2: found days_before '3.5'; must be a whole number from 0"),
        (HEADER + "0,0,1_0\n", "line 2: found days_before '1_0'; must be a whole number from 0"),
        (HEADER + "0,0,9999999999\n", "line 2: found days_before '9999999999'; must be a whole number from 0"),
        (HEADER + "1,0,3\n", "line 2: found row 1, visit 0; must be row 0, visit 0"),
        (HEADER + "0,0,30\n1,0,4\n0,1,3\n", "line 4: found row 0, visit 1; must be row 1, visit 1, or row 2, visit 0"),
        (HEADER + "0,0,30\n0,1,31\n", "line 3: found 31 days_before; must be at most 30, that of the visit before"),
        (HEADER + "0,0,30\n0,1,0\n", "visits of 1 rows; must be 2, those of {}/hf.seqs"),
        (HEADER, "visits of 0 rows; must be 2, those of {}/hf.seqs"),
        (HEADER + "0,0,30\n1,0,4\n1,1,3\n", "row 0: 1 visits; must be 2, as in {}/hf.seqs"),
        (HEADER + '0,0,"30\n', "not readable as CSV in UTF-8: unexpected end of data"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, complaint):
    with pytest.raises(InputError) as refusal:
        _ = cohort(tmp_path, text).visit_days
    assert str(refusal.value) == f"{tmp_path}/visits.csv: " + complaint.format(tmp_path)


VISITS = st.lists(st.integers(0, 20_000), min_size=1, max_size=4).map(lambda days: sorted(days, reverse=True))


@given(st.lists(VISITS, min_size=1, max_size=8), st.integers(1, 4))
def test_what_is_written_is_read_whole_and_in_parts(patients, size):
    """The parts of a Parquet cohort have the days of their own patients."""
    store = pickled.from_lists([[[] for _ in days] for days in patients])
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "c.parquet")
        parquet.write(path, store, None, None)
        visit_days.write(os.path.join(folder, visit_days.FILE), store, np.concatenate(patients))
        expected = np.concatenate(patients).tolist()
        assert Cohort.open(path, labelled=False).visit_days.tolist() == expected
        _, parts = Cohort.open_parts(path, size)
        assert np.concatenate([part.visit_days for part in parts]).tolist() == expected
