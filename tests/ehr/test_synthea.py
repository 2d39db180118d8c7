"""The source `synthea`: testdata/synthea by hand, in the oldest and in the newest layout."""

import pathlib
import re
import shutil

import pyarrow.csv
import pyarrow.parquet
import pytest
from support.export_tables import DAY, read_tables

from mime_tf.ehr.sources import synthea
from mime_tf.errors import InputError

FIXTURE = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "synthea"
OLD, NEW = FIXTURE / "2017", FIXTURE / "2024"
MAY_2010, MAY_2011, JAN_2014 = 14732 * DAY, 15097 * DAY, 16075 * DAY
HT, HF, DM = ("SNOMED-CT", "59621000"), ("SNOMED-CT", "88805009"), ("SNOMED-CT", "44054006")


@pytest.fixture(params=[OLD, NEW], ids=lambda path: path.name)
def export(request, tmp_path):
    """A copy of an export that may be changed."""
    return pathlib.Path(shutil.copytree(request.param, tmp_path / "export"))


def change(path, pattern, new):
    text, times = re.subn(pattern, new, path.read_text())
    assert times
    path.write_text(text)


@pytest.mark.parametrize("path", [OLD, NEW], ids=lambda path: path.name)
def test_the_fixture(path):
    tables = read_tables(synthea.read, path)
    assert tables["patients"] == [
        ("ann", -7124 * DAY, "F", None, None),
        ("ben", -3621 * DAY, "M", 16587 * DAY, None),
    ]
    assert [visit[:3] for visit in tables["visits"]] == [
        ("a1", "ann", MAY_2010),
        ("a2", "ann", MAY_2011),
        ("b1", "ben", JAN_2014),
    ]
    # The second visit's own reason is its diagnosis too, without a time.
    assert tables["diagnoses"] == [
        ("a1", *HT, MAY_2010), ("a2", *HF, MAY_2011), ("a2", *HF, None), ("b1", *DM, JAN_2014)
    ]  # fmt: skip
    assert [order[1:] for order in tables["orders"]] == [
        ("a1", "rx", "RxNorm", "314076", MAY_2010),
        ("a2", "rx", "RxNorm", "313988", MAY_2011),
        ("a2", "rx", "RxNorm", "314076", MAY_2011),
        ("b1", "rx", "RxNorm", "860975", JAN_2014),
        ("a2", "pr", "SNOMED-CT", "40701008", MAY_2011),
        ("b1", "pr", "SNOMED-CT", "430193006", JAN_2014),
    ]
    assert [reason[1:] for reason in tables["reasons"]] == [HT, HF, HT, DM, HF]
    orders = [order[0] for order in tables["orders"]]
    assert [reason[0] for reason in tables["reasons"]] == orders[:5]  # the sixth has none
    assert ("rx", "RxNorm", "860975", 'Metformin "XR" 500 MG') in tables["names"]
    assert ("dx", *HF, "Chronic congestive heart failure (disorder)") in tables["names"]
    assert (tables["left_out"], tables["skipped"]) == ({}, [])


def test_both_layouts_are_equal_except_for_the_ends_of_visits():
    old, new = read_tables(synthea.read, OLD), read_tables(synthea.read, NEW)
    assert [visit[3] for visit in old.pop("visits")] == [None, None, None]
    assert [visit[3] for visit in new.pop("visits")] == [MAY_2010 + 1800, MAY_2011 + 3600, JAN_2014 + 900]
    assert old == new


def test_parquet_is_the_same(export, tmp_path):
    other, options = tmp_path / "other", pyarrow.csv.ParseOptions(newlines_in_values=True)
    other.mkdir()
    for path in export.iterdir():
        table = pyarrow.csv.read_csv(path, parse_options=options)
        pyarrow.parquet.write_table(table, other / f"{path.stem}.parquet")
    assert read_tables(synthea.read, other) == read_tables(synthea.read, export)


@pytest.mark.parametrize("kinds", [("medications",), ("procedures",), ("medications", "procedures")])
def test_orders_may_be_missing(kinds, export):
    expected = read_tables(synthea.read, export)
    for kind in kinds:
        (export / f"{kind}.csv").unlink()
    tables = read_tables(synthea.read, export)
    assert tables["orders"] == [order for order in expected["orders"] if order[0].split()[0] not in kinds]
    assert tables["reasons"] == [row for row in expected["reasons"] if row[0].split()[0] not in kinds]
    assert tables["diagnoses"] == expected["diagnoses"]


@pytest.mark.parametrize("name", ["patients", "encounters", "conditions"])
def test_the_other_tables_may_not(name, export):
    (export / f"{name}.csv").write_text("")
    for on_error in ("stop", "skip"):
        with pytest.raises(InputError, match=rf"{name}.csv: empty"):
            read_tables(synthea.read, export, on_error=on_error)
    (export / f"{name}.csv").unlink()
    with pytest.raises(InputError, match=f"no table {name} "):
        read_tables(synthea.read, export, on_error="skip")


def test_bad_orders_are_skipped_on_request(export):
    change(export / "medications.csv", "REASONCODE,", "REASONCODE,,")
    with pytest.raises(InputError, match=r"medications\.csv: "):
        read_tables(synthea.read, export)
    tables = read_tables(synthea.read, export, on_error="skip")
    assert [pathlib.Path(file).name for file, _ in tables["skipped"]] == ["medications.csv"]
    assert {order[2] for order in tables["orders"]} == {"pr"}


def test_an_export_without_reasons(export):
    """They may be missing as columns; nothing is linked then."""
    for name in ("encounters", "medications", "procedures"):
        change(export / f"{name}.csv", "REASON(?=CODE|DESC)", "WHY")
    tables = read_tables(synthea.read, export)
    assert tables["reasons"] == []
    assert len(tables["diagnoses"]) == 3 and len(tables["orders"]) == 6


def test_systems_have_one_name_and_others_keep_theirs(tmp_path):
    export = pathlib.Path(shutil.copytree(NEW, tmp_path / "export"))
    change(export / "conditions.csv", "http://snomed.info/sct,88805009", "HTTP://SNOMED.INFO/SCT,88805009")
    change(export / "conditions.csv", "SNOMED-CT,59621000", ",59621000")
    change(export / "conditions.csv", "http://snomed.info/sct,44054006", "http://hospital.example/codes,44054006")
    assert [row[1] for row in read_tables(synthea.read, export)["diagnoses"]] == [
        "SNOMED-CT", "SNOMED-CT", "SNOMED-CT", "http://hospital.example/codes"
    ]  # fmt: skip


def test_order_of_rows_and_of_columns_does_not_matter(export):
    expected = read_tables(synthea.read, export)
    for path in export.glob("[cmp]*s.csv"):
        if path.stem == "patients":
            continue
        header, *lines = path.read_text().splitlines()
        path.write_text("\n".join([header, *reversed(lines), ""]))
    assert read_tables(synthea.read, export) == expected
