"""The source `tables` and its mapping: testdata/epic by hand, the rules of docs/tables.md, and mistakes."""

import csv
import json
import pathlib
import shutil
import subprocess
import sys

import pytest
import yaml
from support.export_tables import DAY, read_tables, write

from mime_tf.__main__ import main
from mime_tf.ehr.sources import mapping as mappings
from mime_tf.ehr.sources.omop.read import read as read_omop
from mime_tf.ehr.sources.tables import read
from mime_tf.errors import InputError

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "testdata" / "epic"
MAPPING = FIXTURE / "mapping.yaml"
MAY_2010, MAY_2011, JAN_2014 = 14732 * DAY, 15097 * DAY, 16075 * DAY
NOON = MAY_2011 + 12 * 3600

# A small hospital: a diagnosis has a row of its own, and an order may name its reason.
SMALL = {
    "visits": {"file": "stays", "visit": "stay", "patient": "who", "start": "begin"},
    "diagnoses": {"file": "dx", "visit": "stay", "code": "icd", "diagnosis": "row", "system": "ICD-10"},
    "orders": [{"kind": "rx", "file": "drugs", "order": "id", "visit": "stay", "code": "atc", "system": "ATC"}],
}


@pytest.fixture
def export(tmp_path):
    """A copy of testdata/epic that may be changed."""
    return pathlib.Path(shutil.copytree(FIXTURE, tmp_path / "epic"))


@pytest.fixture
def small(tmp_path):
    """The tables of `SMALL`, two visits of one patient."""
    folder = tmp_path / "small"
    write(folder / "stays.csv", ("stay", "who", "begin"), ("s1", "p", "2010-05-03"), ("s2", "p", "2011-05-03"))
    write(folder / "dx.csv", ("row", "stay", "icd"), ("r1", "s1", "I10"), ("r2", "s2", "I50"), ("r3", "s2", ""))
    write(folder / "drugs.csv", ("id", "stay", "atc", "why"), ("1", "s1", "C09", "I10"), ("2", "s2", "C03", ""))
    return folder


def mapping(folder, content):
    """Writes a mapping beside the tables and returns its path."""
    path = folder / "m.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return path


def with_order(**more):
    return SMALL | {"orders": [SMALL["orders"][0] | more]}


def refused(function, *arguments, **options):
    """The one line of an InputError."""
    with pytest.raises(InputError) as caught:
        function(*arguments, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_epic():
    tables = read_tables(read, FIXTURE, MAPPING)
    assert tables["patients"] == [
        ("Z1", -7124 * DAY, "1", None, None),
        ("Z2", -3621 * DAY, "2", 16587 * DAY, None),
    ]
    assert tables["visits"] == [
        ("101", "Z1", MAY_2010, None),
        ("102", "Z1", MAY_2011, None),
        ("201", "Z2", JAN_2014, None),
    ]
    assert tables["diagnoses"] == [
        ("101", "ICD-10-CM", "I10", None),
        ("102", "ICD-10-CM", "I50.9", None),
        ("201", "ICD-10-CM", "E11.22, N18.9", None),
        ("201", "ICD-10-CM", None, None),  # CLARITY_EDG has no code for it
    ]
    assert tables["orders"] == [
        ("pr 9001", "102", "pr", "Epic procedure", "8001", MAY_2011),
        ("pr 9002", "201", "pr", "Epic procedure", "8002", JAN_2014),
        ("rx 9001", "101", "rx", "Epic medication", "7001", MAY_2010 + 9 * 3600 + 1800),
        ("rx 9002", "102", "rx", "Epic medication", "7002", NOON + 300),
        ("rx 9003", "102", "rx", "Epic medication", "7001", NOON + 360),
        ("rx 9004", "201", "rx", "Epic medication", "7003", JAN_2014 + 14 * 3600),
    ]
    assert tables["reasons"] == [
        ("pr 9001", "ICD-10-CM", "I50.9"),
        ("rx 9001", "ICD-10-CM", "I10"),
        ("rx 9002", "ICD-10-CM", "I10"),
        ("rx 9002", "ICD-10-CM", "I50.9"),
        ("rx 9003", "ICD-10-CM", "I10"),
        ("rx 9004", "ICD-10-CM", "E11.22, N18.9"),
    ]
    assert ("dx", "ICD-10-CM", "I50.9", "Chronic congestive heart failure (HCC)") in tables["names"]
    assert ("pr", "Epic procedure", "8001", "ECHOCARDIOGRAM TRANSTHORACIC COMPLETE") in tables["names"]
    assert tables["left_out"] == {} and tables["skipped"] == []


def test_the_mapping_of_the_docs_is_the_tested_one():
    text = (ROOT / "docs" / "tables.md").read_text()
    block = "#" + text.partition("```yaml\n# Epic Clarity")[2].partition("```")[0]
    assert yaml.safe_load(block) == yaml.safe_load(MAPPING.read_text())


def test_a_look_up_with_several_codes_gives_several_diagnoses(export):
    """As EDG_CURRENT_ICD10 has them, a line each."""
    rows = ("DX_ID", "LINE", "CODE"), ("501", 1, "I10"), ("503", 1, "E11.22"), ("503", 2, "N18.9"), ("503", 3, "")
    write(export / "EDG_CURRENT_ICD10.csv", *rows)
    content = yaml.safe_load(MAPPING.read_text())
    content["diagnoses"]["names"] = {"file": "EDG_CURRENT_ICD10", "key": "DX_ID", "code": "CODE"}
    tables = read_tables(read, export, mapping(export, content))
    assert [(visit, code) for visit, _, code, _ in tables["diagnoses"]] == [
        ("101", "I10"),
        ("102", None),
        ("201", "E11.22"),
        ("201", "N18.9"),
        ("201", None),
    ]
    assert [(order, code) for order, _, code in tables["reasons"] if order == "rx 9004"] == [
        ("rx 9004", "E11.22"),
        ("rx 9004", "N18.9"),
    ]


def test_codes_of_the_tables_themselves(export):
    """Without `code` in the look-up the key is the code; a table's own column may name it as well."""
    content = yaml.safe_load(MAPPING.read_text())
    del content["diagnoses"]["names"]["code"]
    content["orders"][0]["display"] = "DESCRIPTION"
    tables = read_tables(read, export, mapping(export, content))
    assert [row[2] for row in tables["diagnoses"]] == ["501", "502", "503", "504"]
    assert ("rx 9003", "ICD-10-CM", "501") in tables["reasons"]
    assert ("dx", "ICD-10-CM", "504", "Patient counseled") in tables["names"]
    names = {row[3] for row in tables["names"] if row[2] == "7001"}
    assert names == {"LISINOPRIL 10 MG TABLET", "LISINOPRIL 10 MG PO TABS"}


def test_orders_may_take_their_codes_from_a_look_up_that_has_one_each(export):
    content = yaml.safe_load(MAPPING.read_text())
    content["orders"][1]["names"]["code"] = "PROC_CODE"
    path = mapping(export, content)
    tables = read_tables(read, export, path)
    assert [row[4] for row in tables["orders"] if row[2] == "pr"] == ["ECH10", "LAB17"]
    assert ("pr", "Epic procedure", "ECH10", "ECHOCARDIOGRAM TRANSTHORACIC COMPLETE") in tables["names"]
    with open(export / "CLARITY_EAP.csv", "a") as file:
        file.write("8001,AGAIN,ECH11\n")
    line = refused(read_tables, read, export, path)
    assert line == f"{path}: orders[2].names.key: CLARITY_EAP: PROC_ID '8001' occurs 2 times; must occur once"


def test_the_smallest_mapping(small):
    tables = read_tables(read, small, mapping(small, SMALL))
    assert tables["patients"] == [("p", None, None, None, None)]
    assert tables["visits"] == [("s1", "p", MAY_2010, None), ("s2", "p", MAY_2011, None)]
    assert tables["diagnoses"] == [
        ("s1", "ICD-10", "I10", None), ("s2", "ICD-10", "I50", None), ("s2", "ICD-10", None, None)
    ]  # fmt: skip
    assert tables["orders"] == [("rx 1", "s1", "rx", "ATC", "C09", None), ("rx 2", "s2", "rx", "ATC", "C03", None)]
    assert (tables["reasons"], tables["names"], tables["left_out"]) == ([], [], {})


def test_an_order_may_name_its_reason(small):
    assert read_tables(read, small, mapping(small, with_order(reason="why")))["reasons"] == [("rx 1", "ICD-10", "I10")]


def test_links_to_the_row_of_a_diagnosis(small):
    rows = ("id", "row"), ("1", "r1"), ("2", "r1"), ("2", "r2"), ("2", "r2"), ("2", "r3"), ("2", "r9"), ("2", "")
    write(small / "why.csv", *rows)
    link = {"kind": "rx", "file": "why", "order": "id", "diagnosis": "row"}
    tables = read_tables(read, small, mapping(small, SMALL | {"links": [link]}))
    assert tables["reasons"] == [("rx 1", "ICD-10", "I10"), ("rx 2", "ICD-10", "I10"), ("rx 2", "ICD-10", "I50")]
    assert tables["left_out"] == {
        "links[1] without an order or a diagnosis": 1,
        "reference to nowhere: diagnosis of links[1]": 1,
        "links[1] to a diagnosis without a code": 1,
    }


def test_incomplete_links_by_code_are_counted(small):
    write(small / "why.csv", ("id", "icd"), ("1", "I10"), ("", "I10"), ("2", ""))
    link = {"kind": "rx", "file": "why", "order": "id", "code": "icd"}
    tables = read_tables(read, small, mapping(small, SMALL | {"links": [link]}))
    assert tables["reasons"] == [("rx 1", "ICD-10", "I10")]
    assert tables["left_out"] == {"links[1] without an order or a diagnosis": 2}


def test_a_table_may_be_read_several_times(small):
    """Orders of two kinds in one table, such as procedures and drugs, and links in the orders' own table."""
    again = SMALL["orders"][0] | {"kind": "pr", "system": "house"}
    link = {"kind": "pr", "file": "drugs.csv", "order": "id", "code": "why"}
    tables = read_tables(read, small, mapping(small, SMALL | {"orders": [*SMALL["orders"], again], "links": [link]}))
    assert [(row[0], row[3]) for row in tables["orders"]] == [
        ("pr 1", "house"), ("pr 2", "house"), ("rx 1", "ATC"), ("rx 2", "ATC")
    ]  # fmt: skip
    assert tables["reasons"] == [("pr 1", "ICD-10", "I10")]


def test_a_table_may_have_times_of_its_own_form(small):
    write(small / "stays.csv", ("stay", "who", "begin"), ("s1", "p", "3.5.2010"))
    content = SMALL | {"visits": SMALL["visits"] | {"time_format": "%d.%m.%Y"}, "time_format": "%m/%d/%Y"}
    assert read_tables(read, small, mapping(small, content))["visits"] == [("s1", "p", MAY_2010, None)]
    write(small / "stays.csv", ("stay", "who", "begin"), ("s1", "p", "2010-05-03"))
    line = refused(read_tables, read, small, mapping(small, content))
    assert line == (f"{small / 'stays.csv'}: line 2: begin: found '2010-05-03'; must be a time of the form %d.%m.%Y")


def test_omop_can_be_read_as_tables(tmp_path):
    """Orders, reasons and visits are those of the source omop where the codes are concepts."""
    folder = ROOT / "testdata" / "omop"
    order = {"system": "OMOP", "visit": "visit_occurrence_id"}
    content = {
        "visits": {
            **{"file": "visit_occurrence", "visit": "visit_occurrence_id", "patient": "person_id"},
            "start": "visit_start_date",
        },
        "diagnoses": order
        | {"file": "condition_occurrence", "code": "condition_concept_id", "diagnosis": "condition_occurrence_id"},
        "orders": [
            order | {"kind": "rx", "file": "drug_exposure", "order": "drug_exposure_id", "code": "drug_concept_id"},
        ],
        "links": [
            {"kind": "rx", "file": "links", "order": "order_id", "diagnosis": "condition_occurrence_id"},
        ],
    }
    tables = read_tables(read, folder, mapping(tmp_path, content))
    copy = pathlib.Path(shutil.copytree(folder, tmp_path / "omop"))
    (copy / "concept.csv").unlink()
    expected = read_tables(read_omop, copy, links=folder / "links.csv")
    drugs = {row[:2] + row[3:5] for row in expected["orders"] if row[2] == "rx"}
    assert {row[:2] + row[3:5] for row in tables["orders"]} == drugs
    assert set(expected["reasons"]) - set(tables["reasons"]) == {("pr 1", "OMOP", "4229440")}


# Faults of the tables.


def test_a_missing_table_is_an_error_before_any_is_read(small):
    path = mapping(small, with_order(names={"file": "NAMES", "key": "a", "display": "b"}))
    lines = []
    line = refused(read_tables, read, small, path, progress=lines.append)
    assert line.startswith(f"{path}: orders[1].names.file: found NAMES; {small}: no table NAMES (NAMES.csv, ")
    assert lines == []


def test_a_missing_column(small):
    line = refused(read_tables, read, small, mapping(small, with_order(reason="because")))
    assert line == f"{small / 'drugs.csv'}: line 1: no column because; found id, stay, atc, why"


def test_bad_tables_are_skipped_on_request(small):
    names = {"file": "names", "key": "code", "display": "called"}
    again = SMALL["orders"][0] | {"kind": "pr", "file": "broken", "names": names}
    link = {"kind": "rx", "file": "why", "order": "id", "code": "icd"}
    patients = {"file": "people", "patient": "who", "birth": "born"}
    diagnoses = SMALL["diagnoses"] | {"names": names}
    content = {"orders": [*SMALL["orders"], again], "links": [link], "patients": patients, "diagnoses": diagnoses}
    path = mapping(small, SMALL | content)
    for name in ("names", "broken", "why", "people"):
        (small / f"{name}.csv").write_text("")
    assert ": empty" in refused(read_tables, read, small, path)
    tables = read_tables(read, small, path, on_error="skip")
    assert {pathlib.Path(file).stem for file, _ in tables["skipped"]} == {"names", "broken", "why", "people"}
    assert len(tables["orders"]) == 2 and tables["reasons"] == []
    assert tables["patients"] == [("p", None, None, None, None)]
    (small / "drugs.csv").write_text("")
    line = refused(read_tables, read, small, path, on_error="skip")
    assert line.startswith(f"{small}: none of the tables of orders can be read: ")


def test_codes_of_a_skipped_look_up_are_missing_and_not_others(export):
    (export / "CLARITY_EDG.csv").write_text("")
    tables = read_tables(read, export, MAPPING, on_error="skip")
    assert {row[2] for row in tables["diagnoses"] + tables["reasons"]} == {None}


# Faults of the mapping.


def changed(**change):
    """`SMALL` with a value changed at a path such as visits__start; None removes it."""
    content = json.loads(json.dumps(SMALL))
    for path, value in change.items():
        *names, key = path.split("__")
        target = content
        for name in names:
            target = target[int(name)] if name.isdigit() else target[name]
        if value is None:
            del target[key]
        else:
            target[key] = value
    return content


ORDER_KEYS = "must be one of file, order, visit, code, time, display, reason, patient, kind, system, time_format, names"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "found nothing; must have the keys time_format, patients, visits, diagnoses, orders, links"),
        ("- a", "found ['a']; must have the keys time_format, patients"),
        ("a: [", "not YAML: "),
        ("a: 2001-99-99", "not YAML: "),
        ("!!python/object/apply:os.system [ls]", "not YAML: could not determine a constructor"),
        ("[" * 5000, "not YAML: "),
        ("visits: {}\nvisits: {}", "line 2: visits is given twice"),
        ("orders:\n  - kind: rx\n    kind: pr", "line 3: kind is given twice"),
        (changed(visit={}), "unknown key 'visit'; perhaps visits is meant; must be one of time_format, patients, vis"),
        (changed(visits=None), "visits: missing; must be a table"),
        (changed(visits=["a"]), "visits: found ['a']; must have the keys file, visit, patient, start, stop, time_fo"),
        (changed(visits__start=None), "visits.start: missing; must be the column with when the visit starts"),
        (changed(visits__start=5), "visits.start: found 5; must be the column with when the visit starts, as text"),
        (changed(visits__start=" "), "visits.start: found ' '; must be the column with when the visit starts, as text"),
        ("visits:", "visits: found nothing; must have the keys file, visit, patient"),
        (changed(visits__file=None), "visits.file: missing; must be the name of a table, such as PAT_ENC"),
        (changed(visits__strat="x"), "visits: unknown key 'strat'; perhaps start is meant; must be one of file, visi"),
        (changed(visits__xyz="x"), "visits: unknown key 'xyz'; must be one of file, visit, patient, start, stop, ti"),
        (changed(visits__time_format="%y"), "visits.time_format: found '%y'; must be the form of a time: year (%Y), "),
        (changed(time_format="d/m/y"), "time_format: found 'd/m/y'; must be the form of a time: year (%Y), "),
        (changed(time_format=7), "time_format: found 7; must be the form of a time, such as %m/%d/%Y, as text"),
        (changed(diagnoses__system=None), "diagnoses.system: missing; must be the name of a code system, such as ICD"),
        (changed(diagnoses__system=10), "diagnoses.system: found 10; must be the name of a code system, such as ICD"),
        (changed(diagnoses__names="x"), "diagnoses.names: found 'x'; must have the keys file, key, code, display"),
        (
            changed(diagnoses__names={"file": "x", "key": "y"}),
            "diagnoses.names: must have display, the name of the code, or code, another code in its place",
        ),
        (changed(orders=None), "orders: found nothing; must be a list of tables, each begun with a -"),
        (changed(orders=[]), "orders: found []; must be a list of tables, each begun with a -"),
        (changed(orders={}), "orders: found {}; must be a list of tables, each begun with a -"),
        (changed(orders__0__kind="lab"), "orders[1].kind: found 'lab'; must be rx or pr"),
        (changed(orders__0__kind=None), "orders[1].kind: missing; must be rx or pr"),
        (changed(orders__0__codes="x"), f"orders[1]: unknown key 'codes'; perhaps code is meant; {ORDER_KEYS}"),
        (changed(orders__0__order=None), "orders[1].order: missing; must be the column with the order's identifier"),
        (changed(links="x"), "links: found 'x'; must be a list of tables, each begun with a -"),
        (
            changed(links=[{"kind": "rx", "file": "w", "order": "o"}]),
            "links[1]: must have either code, the diagnosis, or diagnosis, the identifier of its row",
        ),
        (
            changed(links=[{"kind": "pr", "file": "w", "order": "o", "code": "c"}]),
            "links[1].kind: found pr; must be a kind of the orders",
        ),
        (
            changed(links=[{"kind": "rx", "file": "w", "order": "o", "diagnosis": "c"}], diagnoses__diagnosis=None),
            "links[1].diagnosis: needs diagnoses.diagnosis, the column that it refers to",
        ),
    ],
)  # fmt: skip
def test_a_mistake_in_the_mapping(content, message, tmp_path):
    path = mapping(tmp_path, content)
    line = refused(mappings.read, path)
    assert line.startswith(f"{path}: {message}"), line


def test_a_missing_mapping(tmp_path):
    path = tmp_path / "m.yaml"
    assert refused(mappings.read, path) == f"{path}: not readable: No such file or directory"
    path.write_bytes(b"\xff\xfe\xfd")
    assert refused(mappings.read, path).startswith(f"{path}: not YAML: ")


def test_nothing_in_a_mapping_is_executed(tmp_path):
    path = mapping(tmp_path, f"a: !!python/object/apply:os.mkdir ['{tmp_path / 'made'}']")
    refused(mappings.read, path)
    assert not (tmp_path / "made").exists()


# The command.


def convert(*flags):
    command = [sys.executable, "-m", "mime_tf", "convert", "--source", "tables", *map(str, flags)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_command(tmp_path):
    process = convert("--input", FIXTURE, "--mapping", MAPPING, "--output", tmp_path / "c")
    assert process.returncode == 0, process.stderr
    codes = [(row["kind"], row["code"]) for row in csv.DictReader((tmp_path / "c" / "vocabulary.csv").open())]
    assert codes == [
        ("dx", "I10"), ("dx", "E11.22, N18.9"), ("dx", "I50.9"), ("rx", "7001"), ("rx", "7002"), ("rx", "7003"),
        ("pr", "8001"),
    ]  # fmt: skip
    tables = json.loads((tmp_path / "c" / "linkage.json").read_text())
    assert tables["orders"]["rx"]["carried from an earlier diagnosis"] == 1
    assert tables["left_out"] == {"diagnoses without a code": 1}


def test_the_command_with_a_bad_mapping(tmp_path, capsys):
    path = mapping(tmp_path, changed(visits__strat="x"))
    asked = ["convert", "--source", "tables", "--input", str(FIXTURE), "--output", str(tmp_path / "c")]
    assert main([*asked, "--mapping", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"mime-tf: {path}: visits: unknown key 'strat'") and err.count("\n") == 1
    assert not (tmp_path / "c").exists()
    assert main(asked) == 2
    assert "mapping: source tables needs one" in capsys.readouterr().err
