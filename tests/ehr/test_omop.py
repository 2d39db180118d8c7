"""The source `omop`: testdata/omop by hand, and the rules of docs/omop.md."""

import csv
import gzip
import json
import pathlib
import shutil
import subprocess
import sys

import pyarrow.csv
import pyarrow.parquet
import pytest
from support.export_tables import DAY, read_tables, write

from mime_tf.__main__ import main
from mime_tf.ehr.sources.omop.read import read
from mime_tf.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "testdata" / "omop"
HT, HF, DM = ("SNOMED-CT", "59621000"), ("SNOMED-CT", "88805009"), ("SNOMED-CT", "44054006")
MAY_2010, MAY_2011, JAN_2014 = 14732 * DAY, 15097 * DAY, 16075 * DAY
NINE = MAY_2010 + 9 * 3600
LINKED = [("pr 1", *HF), ("rx 1", *HT), ("rx 2", *HF), ("rx 3", *HT), ("rx 4", *DM)]


@pytest.fixture
def export(tmp_path):
    """A copy of testdata/omop that may be changed."""
    return pathlib.Path(shutil.copytree(FIXTURE, tmp_path / "omop"))


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_fixture():
    tables = read_tables(read, FIXTURE)
    assert tables["patients"] == [
        ("1", -7124 * DAY + 6 * 3600 + 1800, "F", None, 17167 * DAY - 1),  # 1950-07-01 06:30; end of 2016-12-31
        ("2", -3622 * DAY, "M", 16587 * DAY, 16587 * DAY - 1),  # 1960-02, the day not known; end of 2015-05-31
        ("3", 0, None, None, None),  # 1970, the month not known
    ]
    assert tables["visits"] == [
        ("101", "1", NINE, NINE + 3600),
        ("102", "1", MAY_2011, MAY_2011 + 3 * DAY - 1),  # dates alone: to the end of the third day
        ("201", "2", JAN_2014, JAN_2014 + DAY - 1),
    ]
    assert tables["diagnoses"] == [
        ("101", *HT, NINE + 900),
        ("102", *HF, MAY_2011 + DAY),
        ("201", *DM, JAN_2014),
        ("201", "source", "R69", JAN_2014),
        ("201", "source", None, JAN_2014),
        ("777", *HF, JAN_2014 + DAY),
        (None, *HT, JAN_2014 + DAY),
    ]
    assert tables["orders"] == [
        ("pr 1", "102", "pr", "SNOMED-CT", "40701008", MAY_2011 + DAY + 11 * 3600),
        ("pr 2", "201", "pr", "OMOP", "2000000099", JAN_2014),
        ("rx 1", "101", "rx", "RxNorm", "29046", NINE + 1800),
        ("rx 2", "102", "rx", "RxNorm", "4603", MAY_2011),
        ("rx 3", "102", "rx", "RxNorm", "29046", MAY_2011),
        ("rx 4", "201", "rx", "RxNorm", "6809", JAN_2014),
    ]
    assert tables["reasons"] == sorted([*LINKED, ("pr 1", *HT), ("pr 77", *DM)])
    assert ("rx", "RxNorm", "4603", "furosemide") in tables["names"] and len(tables["names"]) == 7
    assert tables["left_out"] == {
        "reference to nowhere: diagnosis of links": 1,
        "links to a diagnosis without a code": 1,
    }
    assert tables["skipped"] == []


def test_relationships_choose_among_the_links():
    tables = read_tables(read, FIXTURE, relationships=[2000000001])
    assert tables["reasons"] == [("pr 1", *HF), ("pr 77", *DM), *LINKED[1:3], ("rx 4", *DM)]
    kept = {key: times for key, times in tables["left_out"].items() if "not asked for" in key}
    assert kept == {
        "rows of fact_relationship of relationship 2000000002, not asked for": 2,
        "rows of fact_relationship of relationship 2000000003, not asked for": 1,
    }
    both = read_tables(read, FIXTURE, relationships=[2000000001, 2000000002])["reasons"]
    assert both == sorted([*LINKED, ("pr 77", *DM)])


def test_an_unknown_relationship_is_an_error_that_lists_the_others():
    with pytest.raises(InputError) as caught:
        read_tables(read, FIXTURE, relationships=[2000000001, 7])
    assert str(caught.value) == (
        f"{FIXTURE}: fact_relationship: no order is joined with a condition by relationship 7; "
        "found 2000000001 (7 rows), 2000000002 (2 rows), 2000000003 (1 rows)"
    )


def test_progress_tells_the_relationships():
    lines = []
    read_tables(read, FIXTURE, progress=lines.append)
    assert f"reading {FIXTURE / 'PERSON.csv'}" in lines
    assert (
        lines[-1] == "relationships of orders with conditions in fact_relationship: "
        "2000000001 (7 rows), 2000000002 (2 rows), 2000000003 (1 rows)"
    )


def test_a_file_of_links_replaces_fact_relationship():
    tables = read_tables(read, FIXTURE, links=FIXTURE / "links.csv")
    assert tables["reasons"] == LINKED
    assert tables["left_out"] == {}


def test_links_may_be_parquet_and_lead_nowhere(export, tmp_path):
    rows = [("pr", 1, 9999), ("rx", 2, 1002), ("rx", 2, 1002), ("rx", None, 1001), ("rx", 4, None), ("pr", 2, 1005)]
    names = ("kind", "order_id", "condition_occurrence_id")
    table = pyarrow.table(dict(zip(names, zip(*rows, strict=True), strict=True)))
    # Named like a table of the export, and not mistaken for it.
    pyarrow.parquet.write_table(table, tmp_path / "drug_exposure.parquet")
    tables = read_tables(read, export, links=tmp_path / "drug_exposure.parquet")
    assert tables["reasons"] == [("rx 2", *HF)]
    assert len(tables["orders"]) == 6
    assert tables["left_out"] == {
        "links without an order or a diagnosis": 2,
        "reference to nowhere: diagnosis of links": 1,
        "links to a diagnosis without a code": 1,
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("links.csv", None, "links: found {path}; must be a file .csv, .csv.gz, .tsv, .tsv.gz, .parquet"),
        ("links.txt", "kind", "links: found {path}; must be a file .csv, .csv.gz, .tsv, .tsv.gz, .parquet"),
        (
            "links.csv",
            "kind,order_id\nrx,1\n",
            "{path}: line 1: no column condition_occurrence_id; found kind, order_id",
        ),
        (
            "links.csv",
            "kind,order_id,condition_occurrence_id\nrx,1,1\nlab,2,3\n",
            "{path}: kind: found 'lab'; must be rx or pr",
        ),
        (
            "links.csv",
            "kind,order_id,condition_occurrence_id\n,1,1\n",
            "{path}: kind: found nothing; must be rx or pr",
        ),
    ],
)
def test_bad_links(name, text, message, tmp_path):
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_tables(read, FIXTURE, links=path)
    assert str(caught.value) == message.format(path=path)


def test_relationships_do_not_go_with_links():
    with pytest.raises(InputError, match=r"^relationship, links: found both"):
        read_tables(read, FIXTURE, relationships=[1], links=FIXTURE / "links.csv")


def test_without_concepts_the_code_is_the_concepts_number(export):
    (export / "concept.csv").unlink()
    tables = read_tables(read, export)
    assert tables["diagnoses"][:1] == [("101", "OMOP", "320128", NINE + 900)]
    assert ("rx 1", "OMOP", "320128") in tables["reasons"]
    assert tables["names"] == []
    assert ("201", "source", "R69", JAN_2014) in tables["diagnoses"]


def test_optional_tables_may_be_missing(export):
    for name in ("death", "observation_period", "fact_relationship", "procedure_occurrence"):
        (export / f"{name}.csv").unlink()
    tables = read_tables(read, export)
    assert tables["reasons"] == [] and tables["left_out"] == {}
    assert {order[2] for order in tables["orders"]} == {"rx"}
    assert {(death, end) for *_, death, end in tables["patients"]} == {(None, None)}


@pytest.mark.parametrize("name", ["PERSON", "visit_occurrence", "condition_occurrence"])
def test_needed_tables(name, export):
    (export / f"{name}.csv").unlink()
    with pytest.raises(InputError, match=f"no table {name.lower()} "):
        read_tables(read, export)


def test_no_table_of_orders(export):
    (export / "drug_exposure.csv").unlink()
    (export / "procedure_occurrence.csv").unlink()
    with pytest.raises(InputError, match="no table drug_exposure or procedure_occurrence; one is needed"):
        read_tables(read, export)


def test_vocabularies_have_the_names_of_other_sources(export):
    change(export / "concept.csv", "SNOMED,Disorder,S,59621000", "ICD10CM,Disorder,S,I10")
    change(export / "concept.csv", "SNOMED,Disorder,S,44054006", "HouseCodes,Disorder,S,D1")
    tables = read_tables(read, export)["diagnoses"]
    assert ("101", "ICD-10-CM", "I10", NINE + 900) in tables
    assert ("201", "HouseCodes", "D1", JAN_2014) in tables


def test_upper_case_parquet_of_parts_and_gz_are_the_same(export, tmp_path):
    other = tmp_path / "other"
    (other / "DRUG_EXPOSURE").mkdir(parents=True)
    for path in export.glob("*.csv"):
        if path.stem in ("drug_exposure", "links"):
            continue
        table = pyarrow.csv.read_csv(path)
        table = table.rename_columns([name.upper() for name in table.column_names])
        pyarrow.parquet.write_table(table, other / f"{path.stem.upper()}.PARQUET")
    header, *lines = (export / "drug_exposure.csv").read_text().splitlines()
    for number, line in enumerate(lines):
        part = other / "DRUG_EXPOSURE" / f"part-{number}.csv.gz"
        part.write_bytes(gzip.compress(f"{header.upper()}\n{line}\n".encode()))
    assert read_tables(read, other) == read_tables(read, export)


def test_identifiers_with_the_point_that_gaps_bring(export):
    """pandas writes a column of whole numbers with a gap as 101.0."""
    rows = list(csv.reader((export / "condition_occurrence.csv").open()))
    for name in ("visit_occurrence_id", "condition_occurrence_id", "condition_concept_id"):
        index = rows[0].index(name)
        for row in rows[1:]:
            row[index] += ".0" * bool(row[index])
    expected = read_tables(read, export)
    write(export / "condition_occurrence.csv", *rows)
    assert read_tables(read, export) == expected


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("condition_occurrence", "1002,1,", "1001,1,", "csv: lines 2 and 3: condition_occurrence_id '1001' occurs 2"),
        ("concept", "4229440,Chr", "320128,Chr", "concept.csv: lines 3 and 4: concept_id '320128' occurs 2"),
        ("PERSON", "1960,2,", "1960,13,", "person 2: found 1960-13-01 as the date of birth; must be a date"),
        ("PERSON", "GENDER_CONCEPT_ID", "SEX", "PERSON.csv: line 1: no column gender_concept_id; found PERSON_ID, SEX"),
        ("visit_occurrence", "2011-05-03", "03/05/2011", "line 3: visit_start_date: found '03/05/2011'; must be a d"),
    ],
)  # fmt: skip
def test_bad_tables(name, old, new, message, export):
    change(export / f"{name}.csv", old, new)
    with pytest.raises(InputError) as caught:
        read_tables(read, export)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(export))
    assert "\n" not in str(caught.value)


def test_a_concept_file_of_athena_is_read(export):
    """Athena's CONCEPT.csv has tabs between its columns, and quotation marks that quote nothing."""
    change(export / "concept.csv", ",", "\t")
    change(export / "concept.csv", "furosemide", '"furosemide" 1" vial')
    expected, tables = read_tables(read, FIXTURE), read_tables(read, export)
    assert ("rx", "RxNorm", "4603", '"furosemide" 1" vial') in tables.pop("names") and expected.pop("names")
    assert tables == expected


def test_a_damaged_table_is_skipped_on_request(export):
    (export / "fact_relationship.csv").write_text("domain_concept_id_1\n")
    (export / "procedure_occurrence.csv").write_bytes((FIXTURE / "procedure_occurrence.csv").read_bytes() + b"\xff\n")
    with pytest.raises(InputError, match=r"procedure_occurrence.csv: line 4: not UTF-8: byte 0xff"):
        read_tables(read, export)
    tables = read_tables(read, export, on_error="skip")
    assert [pathlib.Path(file).name for file, _ in tables["skipped"]] == [
        "procedure_occurrence.csv",
        "fact_relationship.csv",
    ]
    assert tables["reasons"] == [] and len(tables["orders"]) == 4
    (export / "visit_occurrence.csv").write_text("")
    with pytest.raises(InputError, match=r"visit_occurrence.csv: empty"):
        read_tables(read, export, on_error="skip")


def convert(*flags, cwd=ROOT):
    command = [sys.executable, "-m", "mime_tf", "convert", "--source", "omop", *map(str, flags)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True)


def test_the_command(tmp_path):
    """Ann's second visit orders for a diagnosis of her first; Ben's events without a visit are counted once."""
    process = convert("--input", FIXTURE, "--output", tmp_path / "c")
    assert process.returncode == 0, process.stderr
    rows = list(csv.DictReader((tmp_path / "c" / "patients.csv").open()))
    assert [(row["patient_id"], row["visits"], row["sex"]) for row in rows] == [("1", "2", "F"), ("2", "1", "M")]
    tables = json.loads((tmp_path / "c" / "linkage.json").read_text())
    assert tables["orders"]["rx"]["linked in the same visit"] == 3
    assert tables["orders"]["rx"]["carried from an earlier diagnosis"] == 1
    assert tables["orders"]["pr"]["total"] == 2 and tables["orders"]["pr"]["unlinked"] == 1
    assert tables["left_out"] == {
        "reference to nowhere: diagnosis of links": 1,
        "reference to nowhere: order of a reason": 1,
        "links to a diagnosis without a code": 1,
        "diagnoses without a code": 1,
        "a diagnosis without a visit": 1,
        "reference to nowhere: visit of a diagnosis": 1,
        "ends of records after the last event of the export, cut to its day, 2015-06-01": 1,
    }


def test_the_command_with_strict_and_with_an_unknown_relationship(tmp_path, capsys):
    asked = ["convert", "--source", "omop", "--input", str(FIXTURE), "--output", str(tmp_path / "c")]
    assert main([*asked, "--strict"]) == 2
    out, err = capsys.readouterr()
    *_, line = err.splitlines()
    assert out == ""
    assert line.startswith(f"mime-tf: {FIXTURE}: found 1 with a reference to nowhere: diagnosis of links; ")
    assert main([*asked, "--relationship", "7"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "no order is joined with a condition by relationship 7" in err
    assert not (tmp_path / "c").exists()
