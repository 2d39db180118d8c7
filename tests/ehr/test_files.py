"""Tables as files: the package `mime_tf.ehr.sources.files`, and `schema.system_name`."""

import csv
import datetime
import gzip
import io
import itertools

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mime_tf.ehr import missing
from mime_tf.ehr.engine import opened
from mime_tf.ehr.schema import SYSTEMS, system_name
from mime_tf.ehr.sources.files import time_format as formats
from mime_tf.ehr.sources.files import times
from mime_tf.ehr.sources.files.columns import Column
from mime_tf.ehr.sources.files.folder import Folder, split_ending
from mime_tf.errors import InputError

EPOCH = datetime.datetime(1970, 1, 1)
PLAIN = {"a": Column(("a",)), "b": Column(("b",), needed=False)}
TIMED = {"t": Column(("t",), time=True)}
number = itertools.count()


def few(examples):
    """Settings of a test whose examples each take a query, which takes long however few rows it has."""
    slow = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(max_examples=examples, suppress_health_check=slow)


@pytest.fixture(scope="module")
def engine():
    with opened() as engine:
        yield engine


@pytest.fixture
def read(engine, tmp_path):
    """Reads a table of the test's folder as a list of dicts; each needs a name of its own in the scratch folder."""

    def read(name, columns=PLAIN, folder=tmp_path, needed=True):
        folder = Folder(engine, folder)
        read_table = folder.table if needed else folder.optional_table
        table = read_table(name, columns, called=f"{name}{next(number)}")
        return None if table is None else engine.arrow(table).to_pylist()

    return read


def refused(read, *arguments, **options):
    """The one line of an InputError."""
    with pytest.raises(InputError) as caught:
        read(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The files of a table.


@pytest.mark.parametrize("name", ["visits.csv", "VISITS.CSV", "Visits.csv"])
def test_names_of_files_and_columns_in_any_case(name, read, tmp_path):
    (tmp_path / name).write_text("B,A,other\n1,2,3\n")
    assert read("visits") == [{"a": "2", "b": "1"}]
    (tmp_path / name).rename(tmp_path / "visits_all.csv")
    assert read("visits", needed=False) is None


def test_a_folder_of_parts(read, tmp_path):
    folder = tmp_path / "VISITS"
    folder.mkdir()
    (folder / "part-1.csv").write_text("a,b\n1,\n")
    (folder / "part-2.csv.gz").write_bytes(gzip.compress(b"a,b\n2,x\n"))
    (folder / "_SUCCESS").write_text("")
    assert sorted(read("visits"), key=str) == [{"a": "1", "b": None}, {"a": "2", "b": "x"}]
    (folder / "part-3.csv").write_text("c,B,a\n1,y,3\n")
    assert {"a": "3", "b": "y"} in read("visits")
    (folder / "part-4.csv").write_text("a\n4\n")
    parts = folder / "part-4.csv", folder / "part-1.csv"
    right = "the files of a table must have the same columns"
    assert refused(read, "visits") == f"{parts[0]}: no column b, which {parts[1]} has; {right}"


@pytest.mark.parametrize("other", ["v.parquet", "V.CSV.gz", "v", "v.csv.d"])
def test_a_table_that_exists_twice(other, read, tmp_path):
    """A file and its compressed copy would else be read as the parts of one table, and count twice."""
    (tmp_path / "v.csv").write_text("a\n1\n")
    path = tmp_path / other
    if path.suffix in (".parquet", ".gz"):
        path.write_bytes(b"")
    else:
        path.mkdir()
        assert read("v") == [{"a": "1", "b": None}]  # an empty folder is no table
        (path / "part-1.csv").write_text("a\n")
    if other == "v.csv.d":
        assert read("v") == [{"a": "1", "b": None}]
    else:
        files = ", ".join(sorted([str(tmp_path / "v.csv"), str(path)]))
        assert refused(read, "v") == f"{tmp_path}: v exists 2 times ({files}); one is needed"


@pytest.mark.parametrize("name", ["v", "V.parquet"])
def test_a_folder_of_parquet(name, read, tmp_path):
    """As Spark writes a table, its folder with or without an ending."""
    folder = tmp_path / name
    folder.mkdir()
    (folder / "_SUCCESS").write_text("")
    for number in ("1", "2"):
        pq.write_table(pa.table({"a": [number]}), folder / f"part-{number}.snappy.parquet")
    assert sorted(row["a"] for row in read("v")) == ["1", "2"]
    (folder / "part-3.csv").write_text("a\n3\n")
    assert refused(read, "v") == f"{folder}: holds Parquet and CSV; a table is one or the other"


def test_no_folder_and_no_table(read, tmp_path):
    line = refused(read, "v", folder=tmp_path / "x")
    assert line == f"{tmp_path / 'x'}: must be a folder with the tables of an export"
    endings = "v.csv, v.csv.gz, v.tsv, v.tsv.gz, v.parquet"
    wanted = f"{tmp_path}: no table v ({endings}, or a folder v of such files); found "
    assert refused(read, "v") == wanted + "nothing"
    (tmp_path / "w.csv").write_text("")
    (tmp_path / "v").mkdir()
    assert refused(read, "v") == wanted + "v, w.csv"


def test_the_ending_of_a_name():
    assert [split_ending(name) for name in ("a.b.CSV.gz", "a.Parquet", "a.txt", "a")] == [
        ("a.b", ".csv.gz"),
        ("a", ".parquet"),
        ("a.txt", ""),
        ("a", ""),
    ]


# Its content.


def test_blanks_are_cut_and_what_is_empty_is_missing(read, tmp_path):
    (tmp_path / "v.csv").write_bytes('\ufeff a ,b\r\n"  x y ",\r\n"","  "\r\n'.encode())
    assert sorted(read("v"), key=str) == [{"a": "x y", "b": None}, {"a": None, "b": None}]


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\",\n\r;\t'\\é漢😀"), max_size=9)


@few(6)
@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=60))
def test_any_text_survives(rows, read, tmp_path):
    """Quotes, commas, line breaks and all alphabets; DuckDB reads the files of Python's csv module.

    Only a row that repeats the header is left out.
    """
    with open(tmp_path / "v.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    read_back = [(row["a"], row["b"]) for row in read("v")]
    expected = [tuple(map(_as_read, row)) for row in rows]
    assert sorted(map(repr, read_back)) == sorted(repr(row) for row in expected if row != ("a", "b"))


def _as_read(text):
    """Without blanks, and missing where it is empty or a word that programs write for a missing value."""
    text = text.strip(" \t\n\r\v\f")
    return None if text == "" or text.lower() in missing.WORDS else text


def test_whole_numbers_of_parquet_have_no_point(read, tmp_path):
    """pandas turns a column of whole numbers with a gap into floating-point numbers."""
    columns = {"a": [123456789.0, 2.0, None, float("nan"), 2.5], "b": [0.5, -3.0, 12345678901.0, None, 0.0]}
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")
    rows = read("v")
    assert [row["b"] for row in rows] == ["0.5", "-3", "12345678901", None, "0"]
    assert [row["a"] for row in rows[:4]] == ["123456789", "2", None, None]


def test_parquet_of_many_types(read, tmp_path):
    moment = datetime.datetime(2010, 5, 3, 10, 11, 12, 999_999)
    columns = {
        "a": pa.array([7], pa.int32()),
        "t": pa.array([moment], pa.timestamp("us")),
        "z": pa.array([moment.replace(tzinfo=datetime.UTC)], pa.timestamp("ns", "America/New_York")),
        "d": pa.array([moment.date()], pa.date32()),
        "text": ["2010-05-03T12:11:12+02:00"],
    }
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")
    wanted = {"a": Column(("a",))} | {name: Column((name,), time=True) for name in ("t", "z", "d", "text")}
    second = int((moment - EPOCH).total_seconds())
    assert read("v", wanted) == [{"a": "7", "t": second, "z": second, "d": second - second % 86_400, "text": second}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty; must begin with a line of column names"),
        (b"x,b\n1,2\n", "line 1: no column a; found x, b"),
        (b"a,b,A\n", "two columns 'a'; each column needs a name of its own, whatever its case"),
        (b"a,b\n1,\xff\n", "line 2: not UTF-8: byte 0xff"),
        (b"a,b\n1,2\n3\n", "line 3: 1 fields; must be 2, as in the first line"),
        (b"a,b\n1,2,3\n", "line 2: 3 fields; must be 2, as in the first line"),
        (b'a,b\n"1\n2",3\n1,2,3\n', "line 4: 3 fields; must be 2, as in the first line"),
        (b'a,b\n1,"2\n', "after line 1: a quotation mark opens a field that no other one ends"),
    ],
)
def test_a_damaged_csv(content, message, read, tmp_path):
    (tmp_path / "v.csv").write_bytes(content)
    assert refused(read, "v") == f"{tmp_path / 'v.csv'}: {message}"


def test_bytes_that_are_not_utf8_far_into_a_csv(read, tmp_path):
    (tmp_path / "v.csv").write_bytes(b"a,b\n" + b"1,2\n" * 99_999 + b"1,\xff\n")
    assert refused(read, "v") == f"{tmp_path / 'v.csv'}: line 100001: not UTF-8: byte 0xff"


def test_a_damaged_gz(read, tmp_path):
    path, whole = tmp_path / "v.csv.gz", gzip.compress(b"a,b\n" + b"1,2\n" * 99)
    path.write_bytes(whole[: len(whole) // 2])
    assert refused(read, "v") == f"{path}: the .gz ends before its end; the file is cut off"
    path.write_bytes(b"a,b\n")
    assert refused(read, "v").startswith(f"{path}: not a whole .gz file: ")
    path.write_bytes(whole[:20] + b"xxxx" + whole[24:])
    assert refused(read, "v").startswith(f"{path}: not a whole .gz file: ")


def test_a_damaged_parquet(read, tmp_path):
    (tmp_path / "v.parquet").write_bytes(b"PAR1")
    assert refused(read, "v").startswith(f"{tmp_path / 'v.parquet'}: not readable as Parquet: ")


def test_optional_tables_may_be_skipped(engine, tmp_path):
    (tmp_path / "v.csv").write_text("")
    (tmp_path / "w.csv").write_text("")
    folder = Folder(engine, tmp_path, on_error="skip")
    assert folder.optional_table("v", PLAIN) is None
    assert folder.optional_table("no", PLAIN) is None
    why = f"{tmp_path / 'v.csv'}: empty; must begin with a line of column names"
    assert folder.skipped == [(str(tmp_path / "v.csv"), why)]
    with pytest.raises(InputError, match="empty"):
        folder.table("w", PLAIN)
    with pytest.raises(InputError, match="empty"):
        Folder(engine, tmp_path).optional_table("v", PLAIN)


def test_numbers_of_several_tables_come_by_name(engine):
    table = ibis.memtable({"a": [3, 4]})
    numbers = {"sum": table.a.sum(), "rows": table.count(), "none": table.filter(table.a > 9).a.sum()}
    assert engine.numbers(numbers) == {"sum": 7, "rows": 2, "none": 0}
    assert engine.numbers({"largest": table.a.max()}) == {"largest": 4}


# Times.


@pytest.mark.parametrize("pack", [False, True])
def test_the_error_of_a_bad_time_names_its_line(pack, read, tmp_path):
    text = 't,n\n2010-05-03,"two\nlines"\n, \n 3.5.2010 ,x\n'
    path = tmp_path / ("v.csv.gz" if pack else "v.csv")
    path.write_bytes(gzip.compress(text.encode()) if pack else text.encode())
    assert refused(read, "v", TIMED) == f"{path}: line 5: t: found '3.5.2010'; must be {times.RIGHT}"


def test_a_bad_time_of_parquet_or_of_parts(read, tmp_path):
    pq.write_table(pa.table({"t": ["2010-05-03", "soon"]}), tmp_path / "v.parquet")
    assert refused(read, "v", TIMED) == f"{tmp_path / 'v.parquet'}: row 1: t: found 'soon'; must be {times.RIGHT}"
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / "1.csv").write_text("t\n2010-05-03\n")
    (tmp_path / "w" / "2.csv").write_text("t\n\n2010-05-03\nsoon\n")
    assert refused(read, "w", TIMED).startswith(f"{tmp_path / 'w' / '2.csv'}: line 4: t: found 'soon'; ")


def test_a_time_of_another_format(read, tmp_path):
    columns = {"t": Column(("t",), time=True, time_format="%d.%m.%Y")}
    (tmp_path / "v.csv").write_text("t\n03.05.2010\n3.5.2010\n")
    assert {row["t"] for row in read("v", columns)} == {14732 * 86_400}
    (tmp_path / "v.csv").write_text("t\n2010-05-03\n")
    path = tmp_path / "v.csv"
    message = f"{path}: line 2: t: found '2010-05-03'; must be a time of the form %d.%m.%Y"
    assert refused(read, "v", columns) == message


def seconds(engine, texts, time_format=None):
    table = ibis.memtable({"n": list(range(len(texts))), "text": texts}, schema={"n": "int64", "text": "string"})
    result = engine.arrow(table.select("n", t=times.from_text(table.text, time_format)))
    assert str(result.schema.field("t").type) == "int64"
    return [row["t"] for row in sorted(result.to_pylist(), key=lambda row: row["n"])]


def test_times_and_texts_that_are_no_times(engine):
    nine = 14732 * 86_400 + 9 * 3600
    same = ["2010-05-03 09:00", "2010-05-03T09:00", "2010-05-03T09:00:00Z", "2010-05-03 09:00:00 UTC"]
    same += ["2010-05-03 11:00:00+02", "2010-05-03 08:00:00.5-01"]
    same += ["2010-05-03T11:00:00+02:00", "2010-05-03T04:30:00.25-04:30", "2010-05-03 09:00:00.999999999 Z"]
    same += ["2010-05-03T09:00:00+0000", "2010-05-03 02:00:00 -0700", "2010-05-03T14:30+0530", "2010-05-03T09:00Z"]
    same += ["2010-05-03 09:00:00,5", "2010-05-03T09:00:00.1234567890123Z", "2010-05-02T24:00:00-0900"]
    assert seconds(engine, same) == [nine] * len(same)
    assert seconds(engine, ["2010-05-02 24:00", "2010-05-03"]) == [nine - 9 * 3600] * 2
    assert seconds(engine, ["1969-12-31T23:59:59Z", "1970-01-01", "1900-01-01"]) == [-1, 0, -25567 * 86_400]
    bad = [
        "2010",
        "2010-05",
        "2010-13-01",
        "2010-02-30",
        "2010-05-03 25:00",
        "2010-05-03 24:01",
        "2010-05-03 24:00:01",
        "2010-05-03 09:00+2400",
        "2010-05-03+0200",
        "10-05-03",
        "2010-5-3",
        "05/03/2010",
        "now",
    ]
    assert seconds(engine, [*bad, "2010-05-03 09:00:00 CET", "20100503", "", "2010-05-03 "]) == [None] * (len(bad) + 4)


MOMENTS = st.datetimes(datetime.datetime(1800, 1, 1), datetime.datetime(2200, 1, 1))


@few(3)
@given(moments=st.lists(MOMENTS, min_size=40, max_size=80))
def test_times_are_whole_seconds_before_and_after_1970(engine, moments):
    expected = [(moment.replace(microsecond=0) - EPOCH) // datetime.timedelta(seconds=1) for moment in moments]
    assert seconds(engine, [moment.isoformat() for moment in moments]) == expected
    local = [f"{moment:%m/%d/}{moment.year} {moment:%I:%M:%S %p}" for moment in moments]
    assert seconds(engine, local, FORM) == expected


FORM = "%m/%d/%Y %I:%M:%S %p"


TIMES_OF_FORMATS = {
    FORM: {
        "5/3/2010 9:00:00 AM": "2010-05-03 09:00:00",
        "5/3/2010 12:00:00 am": "2010-05-03 00:00:00",
        "5/3/2010 12:30:00 PM": "2010-05-03 12:30:00",
        "5/3/2010 13:00:00 PM": None,
        "5/3/2010 0:00:00 PM": None,
        "2/30/2010 1:00:00 PM": None,
        "5/3/2010": None,
    },
    "%d-%b-%Y": {"03-May-2010": "2010-05-03 00:00:00", "3-MAY-2010": "2010-05-03 00:00:00", "3-Mai-2010": None},
    "%Y%m%d": {"20100503": "2010-05-03 00:00:00"},
    "%d.%m.%Y %H:%M": {
        "3.5.2010 23:59": "2010-05-03 23:59:00",
        "3.5.2010 24:00": "2010-05-04 00:00:00",
        "3.5.2010 24:01": None,
    },
    "%Y-%m-%dT%H:%M:%S.%f": {"2010-05-03T01:02:03.999": "2010-05-03 01:02:03"},
    "(%Y) %m+%d": {"(2010) 5+3": "2010-05-03 00:00:00"},
}


@pytest.mark.parametrize(("time_format", "expected"), TIMES_OF_FORMATS.items(), ids=TIMES_OF_FORMATS)
def test_time_formats(time_format, expected, engine):
    read = zip(expected, seconds(engine, list(expected), time_format), strict=True)
    moments = {text: None if time is None else EPOCH + datetime.timedelta(seconds=time) for text, time in read}
    assert {text: moment and str(moment) for text, moment in moments.items()} == expected


@pytest.mark.parametrize(
    "time_format",
    ["", "%Y", "%y-%m-%d", "%Y-%m-%d %I", "%Y-%m-%d %p", "%Y-%m-%d %M", "%Y-%m-%b", "%Y-%m-%d %d", "%Y-%m-%d %"],
)
def test_bad_time_formats(time_format):
    with pytest.raises(InputError, match="must be the form of a time: year"):
        formats.pattern(time_format)


# Code systems.


@pytest.mark.parametrize(("address", "name"), SYSTEMS.items())
def test_a_system_has_one_name(address, name):
    assert {system_name(text) for text in (address, f" {address.upper()} ", f"{address}/", name)} == {name}


def test_an_unknown_system_keeps_its_name():
    assert system_name(" http://Hospital.example/Codes ") == "http://Hospital.example/Codes"


# A last line without an end.


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("last", ["1,2,3", '1,"2",3', '"1\n",2,"3,4"'])
def test_an_overlong_last_line_without_an_end(last, zipped, read, tmp_path):
    text = f"a,b\n0,0\n{last}"
    path = tmp_path / f"v.csv{'.gz' * zipped}"
    path.write_bytes(gzip.compress(text.encode()) if zipped else text.encode())
    line = text.count("\n") + 1
    assert refused(read, "v") == f"{path}: line {line}: 3 fields; must be 2, as in the first line"


@pytest.mark.parametrize("last", ["1,2", '1,"2,3"', '"1\n,,,",2', "1,", "1,2\n", '1,"a,b,c,d"\n'])
def test_a_last_line_that_is_not_too_long(last, read, tmp_path):
    (tmp_path / "v.csv").write_text(f"a,b\n0,0\n{last}")
    (expected,) = csv.reader(io.StringIO(last))
    assert {(row["a"], row["b"]) for row in read("v")} == {("0", "0"), (expected[0].strip(), expected[1] or None)}


@few(15)
@given(fields=st.lists(st.text('ab," \n', max_size=3), min_size=1, max_size=5), quoted=st.booleans())
def test_no_field_of_the_last_line_is_lost(fields, quoted, read, tmp_path):
    """A line of Python's writer, without its end, is read whole or refused."""
    text = io.StringIO()
    quoted |= any("\n" in field for field in fields)  # which the writer leaves as it is where lines have no end
    csv.writer(text, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL, lineterminator="").writerow(fields)
    (tmp_path / "v.csv").write_text(f"a,b\n0,0\n{text.getvalue()}")
    if len(fields) == 2:
        expected = tuple(field.strip() or None for field in fields)
        assert {(row["a"], row["b"]) for row in read("v")} == {("0", "0"), expected}
    elif any(fields[2:]):
        assert "fields; must be 2, as in the first line" in refused(read, "v")
