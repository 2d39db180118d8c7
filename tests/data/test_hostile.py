"""Small files that would take much memory, or never end: each is refused in one line that names the bound."""

import os
import pickle
import struct

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.parquet import footer
from mime_tf.data.patient_table import PatientTable
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.terminal import bounds

VISITS = pa.list_(pa.list_(pa.struct({"dx": pa.int32(), "rx": pa.list_(pa.int32()), "pr": pa.list_(pa.int32())})))


def refused(action, *arguments):
    with pytest.raises(InputError) as error:
        action(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def small(monkeypatch):
    """Bounds small enough that a test's file exceeds them in moments."""
    monkeypatch.setattr(bounds, "_FREE", 1000)


# Pickles.


def shared(path, copies=1000):
    """Patients that share one list, as 200 visits of a patient share one Dx-object: 2 bytes for each more."""
    visit = [[1, [2, 3], [4]]] * 200
    path.write_bytes(pickle.dumps([[visit] * 10] * copies, 2))


def test_lists_that_are_shared(tmp_path, small, monkeypatch):
    path = tmp_path / "a.seqs"
    shared(path)
    assert path.stat().st_size < 4000
    message = refused(pickled.read_seqs, path)
    assert message.startswith(f"{path}: unpacks to ") and "MIME_TF_BOUNDS=" in message
    monkeypatch.setenv("MIME_TF_BOUNDS", "1000")
    assert len(pickled.read_seqs(path).dx) == 1000 * 10 * 200


def test_patients_drawn_several_times(tmp_path):
    """Sharing itself is right: a cohort may hold its patients more than once."""
    patients = [[[[1, [2], []]], [[3, [], [4]]]], [[[5, [], []]]]]
    (tmp_path / "a.seqs").write_bytes(pickle.dumps(patients * 500, 2))
    assert len(pickled.read_seqs(tmp_path / "a.seqs")) == 1000


def encoded(text, times):
    """A pickled list of one text, encoded many times."""
    text = text.encode()
    made = b"\x80\x02c_codecs\nencode\nq\x010X" + struct.pack("<I", len(text)) + text
    return made + b"X\x06\x00\x00\x00latin1\x86q\x040](" + b"h\x01h\x04R" * times + b"e."


def test_a_text_that_is_encoded_again_and_again(tmp_path):
    (tmp_path / "a.labels").write_bytes(encoded("a" * 9, 3))
    assert "found 9 bytes; a NumPy number has 8 at most" in refused(pickled.read_labels, tmp_path / "a.labels")
    (tmp_path / "a.labels").write_bytes(encoded("a" * 8, 3))
    assert "found b'aaaaaaaa'; a label is 0 or 1" in refused(pickled.read_labels, tmp_path / "a.labels")
    (tmp_path / "a.labels").write_bytes(pickle.dumps([np.float64(1), np.int8(0)], 2))
    assert pickled.read_labels(tmp_path / "a.labels").tolist() == [1, 0]


# Parquet.


def write(path, visits, **columns):
    pq.write_table(pa.table({**columns, "visits": pa.array(visits, VISITS)}), path, compression="zstd")
    return path


def test_a_value_that_a_page_repeats(tmp_path, small, monkeypatch):
    path = write(tmp_path / "a.parquet", [[[{"dx": 7, "rx": [], "pr": []}] * 100_000]], label=[1])
    assert path.stat().st_size < 4000
    message = refused(parquet.read, path)
    assert message.startswith(f"{path}: unpacks to 2,400,008 bytes or more; a file of ")
    monkeypatch.setenv("MIME_TF_BOUNDS", "100")
    assert len(parquet.read(path)[0].dx) == 100_000


@pytest.mark.parametrize("dictionary", [True, False])
def test_an_id_that_patients_share(dictionary, tmp_path, small, monkeypatch):
    ids = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), pa.array(["x" * 20_000]))
    visits = [[[{"dx": 0, "rx": [], "pr": []}]]] * 300
    ids = ids if dictionary else ids.cast(pa.string())
    path = write(tmp_path / "a.parquet", visits, patient_id=ids, label=[0] * 300)
    assert "unpacks to 6,0" in refused(parquet.read, path)
    monkeypatch.setenv("MIME_TF_BOUNDS", "100")
    assert set(parquet.read(path)[2]) == {"x" * 20_000}


def test_columns_that_are_not_read_do_not_count(tmp_path, small):
    visits = [[[{"dx": 0, "rx": [], "pr": []}]]] * 3
    path = write(tmp_path / "a.parquet", visits, label=[0, 1, 0], note=[[0] * 100_000] * 3)
    assert parquet.read(path)[1].tolist() == [0, 1, 0]


def test_the_counts_of_a_footer(tmp_path):
    visits = [[[{"dx": 1, "rx": [2, 3], "pr": []}, {"dx": 1, "rx": [], "pr": []}]], [[]]]
    path = write(tmp_path / "a.parquet", visits, label=[0, 1])
    counts = [("label", 2), *(f"visits.list.element.list.element.{name}" for name in ("dx", "rx", "pr"))]
    found = footer.num_values(path)
    assert found[0] == counts[0]
    assert [count for _, count in found[1:]] == [3, 4, 3]
    with pq.ParquetFile(path) as file:
        group = file.metadata.row_group(0)
        columns = [group.column(number) for number in range(group.num_columns)]
        assert found == [(column.path_in_schema, column.num_values) for column in columns]


def test_a_footer_that_is_damaged(tmp_path):
    path = write(tmp_path / "a.parquet", [[[{"dx": 1, "rx": [2], "pr": []}]]], label=[0])
    content = path.read_bytes()
    length = int.from_bytes(content[-8:-4], "little")
    refusals = 0
    for position in range(len(content) - 8 - length, len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            footer.num_values(path)
        except ValueError:
            refusals += 1
    assert refusals > 10
    path.write_bytes(b"PAR1")
    with pytest.raises(ValueError, match="no footer"):
        footer.num_values(path)


# Tables.


def test_a_header_far_wider_than_the_rows(tmp_path):
    """Each row would become a dict of 20,000 empty values."""
    path = tmp_path / "vocabulary.csv"
    path.write_text(
        ",".join(["kind", "index", "system", "code", "display", *map(str, range(20_000))]) + "\ndx" * 20_000
    )
    assert "line 2: 1 fields; one for each of the header's 20005" in refused(Vocabulary.read, path)


# What is no regular file.


@pytest.fixture
def pipe(tmp_path):
    def make(name):
        os.mkfifo(tmp_path / name)
        return str(tmp_path / name)

    return make


def test_named_pipes(pipe, tmp_path):
    says = "is a named pipe; a regular file is needed"
    assert says in refused(Vocabulary.read, pipe("vocabulary.csv"))
    assert says in refused(PatientTable.read, pipe("patients.csv"), 3, "a cohort")
    assert says in refused(Cohort.open, pipe("a.parquet"))
    assert says in refused(Cohort.open, pipe("b.seqs").removesuffix(".seqs"))
    (tmp_path / "c.seqs").write_bytes(pickle.dumps([[[[0, [], []]]]], 2))
    assert says in refused(Cohort.open, pipe("c.labels").removesuffix(".labels"))


def test_a_device(tmp_path):
    (tmp_path / "a.parquet").symlink_to("/dev/zero")
    assert "a.parquet: is a device" in refused(Cohort.open, tmp_path / "a.parquet")
