"""Files as people write them: dialects of CSV, types of Parquet shards, partitions, and what lies beside them."""

import datetime
import decimal
import re

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mime_tf.ehr import identifiers
from mime_tf.ehr.engine import opened
from mime_tf.ehr.sources.files import listing
from mime_tf.ehr.sources.files.columns import Column, code, identifier
from mime_tf.ehr.sources.files.csv_file import CsvFile
from mime_tf.ehr.sources.files.folder import Folder
from mime_tf.errors import InputError

NIGHT = datetime.datetime(2011, 3, 1, 22, 30)
NIGHT_SECONDS = 15_034 * 86_400 + 22 * 3600 + 30 * 60
COLUMNS = {"id": identifier(("id",)), "code": code(("code",), needed=False), "text": Column(("text",), needed=False)}


@pytest.fixture(scope="module")
def engine():
    with opened() as engine:
        yield engine


@pytest.fixture
def read(engine, tmp_path):
    def read(name="v", columns=COLUMNS):
        folder = Folder(engine, tmp_path)
        rows = engine.arrow(folder.table(name, columns, called=f"{tmp_path.name}{name}{len(calls)}")).to_pylist()
        calls.append(folder)
        return sorted((tuple(row.values()) for row in rows), key=repr)

    calls = []
    read.folders = calls
    return read


def refused(read, **options):
    with pytest.raises(InputError) as caught:
        read(**options)
    line = str(caught.value)
    assert "\n" not in line and "Error" not in line
    return line


# Dialects of CSV.

ROWS = [("7", "A1", "x, y"), ("8", "B2", None)]


@pytest.mark.parametrize(
    "content",
    [
        b'id,code,text\n7,A1,"x, y"\n8,B2,\n',
        b'"","id","code","text"\n"1",7,"A1","x, y"\n"2",8,"B2",""\n',  # R's row names, pandas' index
        b'id,code,text,,\n7,A1,"x, y",,\n8,B2,,,\n',
        b'id,code,text\n7,A1,"x, y",,\n8,B2,\n',  # commas after some lines alone
        b'id,code,text\n7,A1,"x, y"\r\n8,B2,\r\n',
        b'id,code,text\r\n7,A1,"x, y"\n8,B2,\r\n',
        b'id,code,text\r7,A1,"x, y"\r8,B2,\r',
        b"id;code;text\n7;A1;x, y\n8;B2;\n",
        b"id\tcode\ttext\r\n7\tA1\tx, y\r\n8\tB2\t\r\n",
        b"id|code|text\n7|A1|x, y\n8|B2|\n",
        b"sep=;\r\nid;code;text\r\n7;A1;x, y\r\n8;B2;\r\n",
        b'\n\nid,code,text\n7,A1,"x, y"\n8,B2,\n',
        b'id,code,text\n7,A1,"x, y"\nid,code,text\n8,B2,\n',  # files put one after another
        "id,code,text\n7,A1,\"x, y\"\n8,B2,\n".encode("utf-16"),
        "id,code,text\n7,A1,\"x, y\"\n8,B2,\n".encode("utf-16-be"),
        "id\tcode\ttext\r\n7\tA1\tx, y\r\n8\tB2\t\r\n".encode("utf-16-le"),
    ],
)  # fmt: skip
def test_a_file_says_the_same_however_it_is_written(content, read, tmp_path):
    (tmp_path / "v.csv").write_bytes(content)
    assert read() == ROWS


def test_repeated_headers_are_counted(read, tmp_path):
    (tmp_path / "v.csv").write_text("id,code,text\n1,A,\nid,code,text\nid,code,text\n2,id,text\n")
    assert read() == [("1", "A", None), ("2", "id", "text")]
    assert read.folders[0].left_out == {"repeated headers in v": 2}


def test_a_quoted_line_break_and_quotes_in_files_with_tabs(read, tmp_path):
    (tmp_path / "v.csv").write_text('id,code,text\n1,A,"two\nlines"\r\n2,B,"a ""b"""\r\n')
    assert read() == [("1", "A", "two\nlines"), ("2", "B", 'a "b"')]
    (tmp_path / "v.csv").unlink()
    (tmp_path / "v.tsv").write_text('id\tcode\ttext\n1\tA\t"half" a dose\n2\tB\t5" needle\n')
    assert read() == [("1", "A", '"half" a dose'), ("2", "B", '5" needle')]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"e1,A,x\ne2,B,y\n", "line 1: no column id; found e1, A, x"),
        (b"id,code,text\n1,A,x\n2,B,y\0\0\n", "line 3: found a NUL byte; must be text"),
        (b"id,code,text\n1,A\n", "line 2: 2 fields; must be 3, as in the first line"),
        (b"id,code,text,\n1,Doe, John,x\n", "line 2: 4 fields; must be 3, as in the first line"),
        (b"id,code,text\r\n1,A,x\n2,B,y,z\r\n", "line 3: 4 fields; must be 3, as in the first line"),
        (b"id;code;text\n1;A;x;y\n", "line 2: 4 fields; must be 3, as in the first line"),
        # R writes the number of the row before the fields; it could be the identifier, and a comma within the text.
        (b"id,text\n1,Doe, John\n2,Roe, Ann\n", "line 2: 3 fields; must be 2, as in the first line"),
    ],
)
def test_what_is_not_unambiguous_is_refused_with_its_line(content, message, read, tmp_path):
    (tmp_path / "v.csv").write_bytes(content)
    assert refused(read) == f"{tmp_path / 'v.csv'}: {message}"


# Shards.


def shards(tmp_path, *tables, name="v"):
    for number, table in enumerate(tables):
        path = tmp_path / name / f"{number}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(table), path)


def test_each_shard_keeps_its_types(read, tmp_path):
    shards(
        tmp_path,
        {"id": pa.nulls(1), "code": pa.nulls(1), "text": pa.nulls(1)},
        {"id": pa.array([1], pa.int64()), "code": [250], "text": ["a"]},
        {"text": ["b"], "code": [250.6], "id": pa.array([2], pa.int32()), "other": [True]},
        {"id": ["3"], "code": ["250.60"], "text": pa.array(["c"]).dictionary_encode()},
        {"id": [decimal.Decimal("100.0000000000")], "code": [decimal.Decimal("250.6000")], "text": [b"\xc3\xa9"]},
        {"id": pa.array([4.0], pa.float32()), "code": [decimal.Decimal("0.00")], "text": [1]},
    )
    assert read() == [
        ("1", "250", "a"), ("100", "250.6", "é"), ("2", "250.6", "b"), ("3", "250.60", "c"), ("4", "0", "1"),
        (None, None, None),
    ]  # fmt: skip


def test_shards_of_times_in_different_units_and_zones(read, tmp_path):
    aware = NIGHT.replace(tzinfo=datetime.UTC)
    shards(
        tmp_path,
        {"t": pa.array([NIGHT.date()], pa.date32())},
        {"t": pa.array([NIGHT], pa.timestamp("ms"))},
        {"t": pa.array([NIGHT], pa.timestamp("ns"))},
        {"t": pa.array([aware], pa.timestamp("us", "America/New_York"))},
        {"t": ["2011-03-01T23:30:00+01:00"]},
        {"t": pa.nulls(1)},
    )
    midnight = NIGHT_SECONDS - NIGHT_SECONDS % 86_400
    expected = [*[(NIGHT_SECONDS,)] * 4, (midnight,), (None,)]
    assert read(columns={"t": Column(("t",), time=True)}) == sorted(expected, key=repr)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"id": [1.0, 2.0**53]}, "row 1: id: found '9007199254740992'; must be written with all"),
        ({"id": pa.array([1.0, 2.0**24], pa.float32())}, "row 1: id: found '16777216"),
        ({"id": ["1", "1.23457E+11"]}, "row 1: id: found '1.23457E+11'; must be written with all"),
        ({"id": [b"a", b"\xff"]}, "row 1: id: found b'\\xff'; must be text in UTF-8"),
        ({"id": [[1]]}, "id: found the type list<element: int64>; must be text"),
        ({"id": [NIGHT]}, "id: found the type timestamp[us]; must be text"),
        ({"id": pa.array([decimal.Decimal(1)], pa.decimal256(50, 2))}, "id: found the type decimal256(50, 2); must"),
    ],
)
def test_what_can_not_be_exact_is_refused_by_name(column, message, read, tmp_path):
    shards(tmp_path, {"id": ["0"]}, column)
    line = refused(read)
    assert re.sub(r"\.0'", "'", line).startswith(f"{tmp_path / 'v' / '1.parquet'}: {message}"), line


def test_a_column_that_some_shards_lack(read, tmp_path):
    shards(tmp_path, {"id": [1], "code": ["A"]}, {"id": [2]})
    assert "1.parquet: no column code, which " in refused(read)


# Identifiers.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("101", "101"),
        ("101.0", "101"),
        ("101.0000000000", "101"),
        ("-7.0", "-7"),
        ("1e+05", "100000"),
        ("3E+04", "30000"),
        ("1.0E7", "10000000"),
        ("007", "007"),
        ("1e5", "1e5"),  # an identifier of letters and digits, perhaps
        ("1.2.840.0", "1.2.840.0"),
        ("A1.0", "A1.0"),
        ("101.5", "101.5"),
        ("9007199254740991.0", "9007199254740991"),
        ("9007199254740992", "9007199254740992"),
        ("9007199254740992.0", None),
        ("99999999999999999999.0", None),
        ("9.00719925474099e+15", None),
        ("1.23457E+11", None),
        ("1e+16", None),
    ],
)
def test_identifiers(text, expected, engine):
    assert identifiers.exact_text(text) == expected
    table = ibis.memtable({"text": [text]})
    assert engine.value(identifiers.exact(table.text).max()) == expected


def test_codes_with_a_point_are_not_whole_numbers(engine):
    codes = {"250.0": "250.0", "250.60": "250.60", "59621000.0": "59621000", "E950.0": "E950.0", "5.9621e+07": None}
    assert {code: identifiers.exact_text(code, identifiers.CODE) for code in codes} == codes
    table = ibis.memtable({"text": list(codes)})
    pairs = engine.arrow(table.mutate(read=identifiers.exact(table.text, identifiers.CODE))).to_pylist()
    assert {pair["text"]: pair["read"] for pair in pairs} == codes


NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(lambda number: f"{number}.0"),
    st.from_regex(r"\A[0-9A-Fa-f.+e-]{0,9}\Z"),
)


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(texts=st.lists(NUMBERS, min_size=1, max_size=30, unique=True))
def test_the_rule_is_one_in_python_and_in_the_engine(engine, texts):
    table = ibis.memtable({"text": texts})
    pairs = engine.arrow(table.mutate(read=identifiers.exact(table.text))).to_pylist()
    assert {pair["text"]: pair["read"] for pair in pairs} == {text: identifiers.exact_text(text) for text in texts}


@given(number=st.integers(1, 2**53 - 1))
def test_a_whole_number_survives_float64(number):
    assert identifiers.exact_text(f"{number}.0") == str(number)


# Parts, partitions, and what lies beside.


def test_partitions_and_sub_folders_belong_to_a_table(read, tmp_path):
    shards(tmp_path, {"id": [1]})
    shards(tmp_path / "v", {"id": [2]}, name="year=2011/month=2")
    shards(tmp_path / "v", {"id": [3]}, name="late")
    shards(tmp_path / "v", {"id": [4]}, name="_temporary")
    (tmp_path / "v" / ".DS_Store").write_bytes(b"\0")
    (tmp_path / "v" / "README.md").write_text("id")
    assert read(columns={"id": COLUMNS["id"]}) == [("1",), ("2",), ("3",)]
    beside = {path.rpartition("/")[2]: what for path, what in read.folders[0].not_read()}
    assert beside == {".DS_Store": "hidden file", "README.md": "document"}


def test_a_column_that_a_path_holds(read, tmp_path):
    shards(tmp_path / "v", {"id": [1]}, name="code=A%2F1")
    shards(tmp_path / "v", {"id": [2]}, name="code=__HIVE_DEFAULT_PARTITION__")
    assert read() == [("1", "A/1", None), ("2", None, None)]


def test_parts_of_a_table_are_all_there(read, tmp_path):
    for number in (0, 1, 2):
        (tmp_path / f"V-000{number}.csv").write_text(f"id\n{number}\n")
    assert read() == [("0", None, None), ("1", None, None), ("2", None, None)]
    (tmp_path / "V-0001.csv").unlink()
    assert refused(read) == f"{tmp_path / 'V-0000.csv'}: found parts 0 to 2 without 1; must have all parts"
    (tmp_path / "V-0001.csv").write_text("id\n1\n")
    (tmp_path / "v.csv").write_text("id\n1\n")
    assert "v exists 2 times" in refused(read)


@pytest.mark.parametrize("name", ["part.csv.zip", "part-00000", "part.xlsx"])
def test_a_file_of_a_table_that_can_not_be_read_is_named(name, read, tmp_path):
    shards(tmp_path, {"id": [1]})
    (tmp_path / "v" / name).write_text("")
    assert refused(read).startswith(f"{tmp_path / 'v' / name}: found a file that is no table by its name")


def test_a_table_in_a_sub_folder_is_named(read, tmp_path):
    (tmp_path / "v.csv").write_text("id\n1\n")
    (tmp_path / "2011").mkdir()
    (tmp_path / "2011" / "v.csv").write_text("id\n2\n")
    assert refused(read).startswith(f"{tmp_path / '2011' / 'v.csv'}: v in a sub-folder; ")
    (tmp_path / "2011" / "convert.json").write_text("{}")  # a cohort of this program's
    assert read() == [("1", None, None)]


def test_a_delta_table_is_refused(read, tmp_path):
    shards(tmp_path, {"id": [1]})
    (tmp_path / "v" / "_delta_log").mkdir()
    assert "a table of Delta Lake" in refused(read)


NAMES = [
    "md5sums.txt",
    "checksums.json",
    "md5sum-all.txt",
    "checksum-sha256.txt",
    "SHA256SUMS",
    "MANIFEST.json",
    "LICENSE",
    "a.sha256",
    "._a.csv",
    "Thumbs.db",
    "log.txt",
]


@pytest.mark.parametrize("name", NAMES)
def test_companions(name):
    assert listing.companion(name)


def test_files_that_may_be_data_are_no_companions():
    assert not any(
        map(
            listing.companion,
            ["logs.csv", "part-0.parquet", "a.xlsx", "readmes", "manifesto", "sum_of_visits.csv", "checks.csv"],
        )
    )


def test_a_link_to_a_folder_above_ends_the_walk(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.csv").write_text("")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert list(listing.walk(str(tmp_path))) == [str(tmp_path / "a" / "x.csv")]


@given(rows=st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc"])), min_size=2, max_size=2)))
@settings(max_examples=30, suppress_health_check=list(HealthCheck))
def test_a_plain_copy_says_what_the_file_says(rows, tmp_path):
    import csv

    path, copy = str(tmp_path / "a.csv"), str(tmp_path / "b.csv")
    with open(path, "w", newline="", encoding="utf-16") as file:
        csv.writer(file, delimiter=";").writerows([("a", "b"), *rows])
    CsvFile.open(path).write_plain(copy)
    file = CsvFile.open(copy)
    assert file.plain
    assert [fields for _, fields in file.rows()] == rows
