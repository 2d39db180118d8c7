"""Label files: their content, and the errors of bad ones."""

import datetime
import gzip
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mime_tf.ehr.design import label_file
from mime_tf.errors import InputError
from mime_tf.terminal import bounds

HEADER = "subject_id,prediction_time,boolean_value\n"
TIMES = [datetime.datetime(1970, 1, 2), datetime.datetime(1969, 12, 31, 23, 59, 59, 500_000)]


def csv_file(folder, text, name="labels.csv"):
    path = folder / name
    path.write_bytes(text.encode() if name.endswith("csv") else gzip.compress(text.encode()))
    return str(path)


def parquet_file(folder, name="labels.parquet", **columns):
    values = {"subject_id": [7, 8], "prediction_time": TIMES, "boolean_value": [True, False]} | columns
    path = folder / name
    path.parent.mkdir(exist_ok=True, parents=True)
    pq.write_table(pa.table({name: column for name, column in values.items() if column is not None}), path)
    return str(path)


def as_lists(labels):
    assert labels.time.dtype == labels.label.dtype == np.int64 and labels.subject.dtype == object
    return labels.subject.tolist(), labels.time.tolist(), labels.label.tolist()


@pytest.mark.parametrize("name", ["labels.csv", "labels.csv.gz"])
def test_csv(tmp_path, name):
    text = (
        "\ufeffboolean_value,note,prediction_time,subject_id\n"
        "true,,1970-01-02,7\nFalse,x,1969-12-31 23:59:59.5,a b\n\n"
        "1,,1970-01-01T02:00:00+0100,7\n0,,1970-01-01T00:01Z,7\n1,,1970-01-01 24:00-02,7\n"
    )
    labels = label_file.read(csv_file(tmp_path, text, name))
    assert as_lists(labels) == (["7", "a b", "7", "7", "7"], [86400, -1, 3600, 60, 93600], [1, 0, 1, 0, 1])


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"subject_id": pa.array(["7", "8"]).dictionary_encode(), "boolean_value": [1, 0]},
        *({"prediction_time": pa.array(TIMES, pa.timestamp(unit))} for unit in ("ms", "us", "ns")),
        {"prediction_time": pa.array(TIMES, pa.timestamp("us", "UTC")), "integer_value": [3, None]},
        {"prediction_time": ["1970-01-02", "1969-12-31T23:59:59.5"]},
    ],
)
def test_parquet(tmp_path, columns):
    assert as_lists(label_file.read(parquet_file(tmp_path, **columns))) == (["7", "8"], [86400, -1], [1, 0])


def test_parquet_dates(tmp_path):
    dates = pa.array([datetime.date(1970, 1, 2), datetime.date(1969, 12, 31)])
    assert label_file.read(parquet_file(tmp_path, prediction_time=dates)).time.tolist() == [86400, -86400]


def test_shards_in_the_order_of_their_names(tmp_path):
    parquet_file(tmp_path, "train/1.parquet", subject_id=[1, 2])
    parquet_file(tmp_path, "held_out/0.parquet", subject_id=["x", "y"])
    assert label_file.read(tmp_path).subject.tolist() == ["x", "y", "1", "2"]
    path = parquet_file(tmp_path, "train/2.parquet", subject_id=[3, 1])
    parquet_file(tmp_path, "train/2.parquet", subject_id=[3, 1], prediction_time=TIMES[::-1])
    message = f"{path}: row 1: subject '1' has the time 1970-01-02 00:00:00 a second time, as in .*1.parquet: row 0"
    with pytest.raises(InputError, match=message):
        label_file.read(tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no column subject_id; found none; needs subject_id, prediction_time, boolean_value"),
        ("subject_id,prediction_time\n1,2010-01-01\n", "no column boolean_value; found subject_id, prediction_time"),
        ("subject_id," + HEADER, "column subject_id twice"),
        (HEADER, "no rows; at least one is needed"),
        (HEADER + "1,2010-01-01\n", "line 2: 2 fields; one for each of the header's 3"),
        (HEADER + "1,2010-01-01,1\n ,2010-01-01,1\n", "line 3: subject_id is empty"),
        (HEADER + "1,2010-01-01,yes\n", "line 2: boolean_value: found 'yes'; must be true, false, 1 or 0"),
        (HEADER + "1,2010-01-01,\n", "line 2: boolean_value: found ''"),
        (HEADER + "1,01/02/2010,1\n", "line 2: prediction_time: found '01/02/2010'; must be a date or a time such as"),
        (HEADER + "1,2010-02-30,1\n", "line 2: prediction_time: found '2010-02-30'; day"),
        (HEADER + "1,2010-01-01 25:00,1\n", "line 2: prediction_time: found '2010-01-01 25:00'; hour"),
        (
            HEADER + "1,2010-01-01,1\n\n1,2010-01-01 00:00:00.3,0\n",
            "line 4: subject '1' has the time 2010-01-01 00:00:00 a second time, as in .*: line 2; once is right",
        ),
        (HEADER + '1,"2010-01-01,1\n', "can't be read as CSV"),
        (HEADER + "1,2010-01-01,1\nNA,2010-01-01,1\n", "line 3: subject_id: found 'NA', a word for a missing value"),
        (HEADER + "1,9999-12-31,1\n", "line 2: prediction_time: found 9999-12-31, which stands for no date"),
        (HEADER + "1,2010-01-01 24:01,1\n", "line 2: prediction_time: found '2010-01-01 24:01'; hour"),
    ],
)
def test_bad_csv(tmp_path, text, complaint):
    path = csv_file(tmp_path, text)
    with pytest.raises(InputError, match=complaint) as raised:
        label_file.read(path)
    assert str(raised.value).startswith(path) and "\n" not in str(raised.value)


CUT_OFF = gzip.compress(HEADER.encode() + b"1,2010-01-01,1\n")[:-9]


@pytest.mark.parametrize("content", [b"", b"no gzip", CUT_OFF], ids=["empty", "text", "cut off"])
def test_bad_gzip(tmp_path, content):
    (tmp_path / "labels.csv.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"labels\.csv\.gz: (can't be read|no column)"):
        label_file.read(tmp_path / "labels.csv.gz")


def test_csv_that_is_not_utf8(tmp_path):
    (tmp_path / "labels.csv").write_bytes(HEADER.encode() + b"\xff,2010-01-01,1\n")
    with pytest.raises(InputError, match="can't be read as CSV in UTF-8"):
        label_file.read(tmp_path / "labels.csv")


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"boolean_value": None}, "no column boolean_value; found subject_id, prediction_time"),
        ({"boolean_value": [True, None]}, "row 1: boolean_value is null; every row needs one"),
        ({"boolean_value": [0, 2]}, "row 1: boolean_value: found 2; must be 0 or 1"),
        ({"boolean_value": [0.0, 1.0]}, "boolean_value is of type double; must be a boolean"),
        ({"subject_id": [None, 3]}, "row 0: subject_id is null"),
        ({"subject_id": [1.0, 2.0]}, "subject_id is of type double; must be an integer or a string"),
        ({"prediction_time": [1, 2]}, "prediction_time is of type int64; must be a timestamp, a date or a string"),
        ({"prediction_time": ["2010-01-01", "soon"]}, "row 1: prediction_time: found 'soon'; must be a date or a time"),
    ],
)
def test_bad_parquet(tmp_path, columns, complaint):
    path = parquet_file(tmp_path, **columns)
    with pytest.raises(InputError, match=complaint) as raised:
        label_file.read(path)
    assert str(raised.value).startswith(path) and "\n" not in str(raised.value)


def test_missing_and_broken_files(tmp_path):
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 but no more")
    (tmp_path / "empty").mkdir()
    for name, complaint in {
        "broken.parquet": "can't be read",
        "missing.parquet": "can't be read",
        "missing.csv": "can't be read",
        "labels.txt": "must be named .csv, .csv.gz or .parquet",
        "empty": r"no file \*\.parquet in this folder",
    }.items():
        with pytest.raises(InputError, match=complaint) as raised:
            label_file.read(tmp_path / name)
        assert str(raised.value).startswith(str(tmp_path / name)) and "\n" not in str(raised.value)


def test_no_row_of_a_parquet_file(tmp_path):
    schema = pa.schema({"subject_id": pa.int64(), "prediction_time": pa.timestamp("us"), "boolean_value": pa.bool_()})
    pq.write_table(schema.empty_table(), tmp_path / "labels.parquet")
    with pytest.raises(InputError, match="no rows"):
        label_file.read(tmp_path / "labels.parquet")


def test_labels_that_are_no_regular_file(tmp_path):
    for name in ("labels.csv", "labels.csv.gz", "labels.parquet"):
        os.mkfifo(tmp_path / name)
        with pytest.raises(InputError, match="is a named pipe; a regular file is needed"):
            label_file.read(tmp_path / name)


def test_a_subject_that_rows_share(tmp_path, monkeypatch):
    """The file has the text once; the rows would have it 300 times."""
    monkeypatch.setattr(bounds, "_FREE", 1000)
    subject = pa.DictionaryArray.from_arrays(pa.array([0] * 300, pa.int32()), pa.array(["x" * 20_000]))
    times = pa.array(range(300), pa.timestamp("s"))
    table = pa.table({"subject_id": subject, "prediction_time": times, "boolean_value": [True] * 300})
    pq.write_table(table, tmp_path / "labels.parquet", compression="zstd")
    with pytest.raises(InputError, match=r"unpacks to 6,0\d\d,\d\d\d bytes or more"):
        label_file.read(tmp_path / "labels.parquet")
    monkeypatch.setenv("MIME_TF_BOUNDS", "100")
    assert len(label_file.read(tmp_path / "labels.parquet").label) == 300
