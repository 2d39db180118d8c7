"""Population and subject of a fitted split: numbers of patients and cases, and the title that a page has."""

import csv
import dataclasses
import json

import numpy as np
import pytest

from mime_tf.config import TrainConfig
from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.conversion import Conversion
from mime_tf.errors import InputError
from mime_tf.runs.population import SETS, Count, Population
from mime_tf.runs.subject import Subject
from mime_tf.runs.writing import write_subject
from mime_tf.splits.split import make_split
from mime_tf.splits.times import Times

ROWS = 40
TABLE = {
    "patient_id": [f"p{row}" for row in range(ROWS)],
    "prediction_time": [f"{2010 + row % 4}-05-01T00:00:00Z" for row in range(ROWS)],
    "label": [str(row % 4 == 0) for row in range(ROWS)],
    "age": [str(row) if row else "" for row in range(ROWS)],
    "sex": ["F"] * 30 + ["M"] * 7 + ["X"] * 3,
    "ward": [f"w{row}" for row in range(ROWS)],
    "empty": [""] * ROWS,
}
CONVERT = {
    "arguments": {"source": "fhir", "input": "/mnt/secret/bundles", "unlinked": "drop"},
    "rules": {"target": "outcome", "design": "cohort", "prediction_at": "every", "horizon_days": 730},
    "outcome": [{"system": "S", "code": "35489007", "display": "Depressive disorder"}],
    "export": {"last_event": "2021-03-04"},
    "flow": {},
    "audit": None,
}


@pytest.fixture
def cohort(tmp_path):
    patients = [[[[row % 3, [], []]]] for row in range(ROWS)]
    pickled.write(str(tmp_path / "wards"), pickled.from_lists(patients), np.arange(ROWS) % 4 == 0)
    with open(tmp_path / "patients.csv", "w", newline="") as file:
        csv.writer(file).writerows([list(TABLE), *zip(*TABLE.values(), strict=True)])
    return Cohort.open(tmp_path / "wards")


@pytest.fixture
def population(cohort):
    rows = np.arange(ROWS)
    return Population.of(cohort, rows, make_split(cohort.store, cohort.labels, rows, 0))


def test_counts_by_hand(population):
    assert population.counts["all"] == Count(40, 10) and population.counts["all"].share == 0.25
    sets = [population.counts[name] for name in ("train", "valid", "test")]
    assert sum(count.rows for count in sets) == 40 and sum(count.cases for count in sets) == 10


def test_columns_without_any_patient(population):
    assert population.columns == {
        "prediction_time": {"known": 40, "years": [2010, 2013]},
        "age": {"known": 39, "quartiles": [10.5, 20.0, 29.5]},  # of 1 to 39
        "sex": {"known": 40, "values": {"F": 30, "M": 7, "other": 3}},  # X is too rare to be named
        "ward": {"known": 40},
        "empty": {"known": 0},
    }
    assert population.described() == [
        "median age 20 (quartiles 10 to 30)",
        "sex F 75%, M 18%, other 8%",
        "prediction times in 2010 to 2013",
    ]


def test_written_and_read(population, tmp_path):
    population.write(str(tmp_path))
    assert Population.read(tmp_path) == population
    assert Population.read(tmp_path / "nowhere") is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda content: [], "counts: found None"),
        (lambda content: content | {"counts": {}}, "counts: found"),
        (lambda content: content | {"counts": content["counts"] | {"test": {"rows": 1, "cases": 2}}}, "counts: found"),
        (lambda content: content | {"counts": content["counts"] | {"test": {"rows": 1.5, "cases": 1}}}, "counts"),
        (lambda content: content | {"columns": {"age": {"quartiles": [1, 2, "x"]}}}, "columns: found"),
        (lambda content: content | {"columns": {"sex": {"values": {"F": -1}}}}, "columns: found"),
        (lambda content: content | {"columns": {"sex": {"known": 3, "values": None}}}, "columns: found"),
        (lambda content: content | {"periods": {"train": ["2010-01-01", "2011-01-01"]}}, "periods: found"),
        (lambda content: content | {"periods": {name: ["x", "y"] for name in SETS[1:]}}, "periods: found"),
    ],
)
def test_a_damaged_file_is_one_line(change, says, population, tmp_path):
    content = change(dataclasses.asdict(population))
    (tmp_path / "population.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=says) as raised:
        Population.read(tmp_path)
    assert "\n" not in str(raised.value) and "population.json" in str(raised.value)


def test_the_days_of_a_split_by_time(cohort, tmp_path):
    """Rows of 2010 and 2011 train, those of 2012 are valid and those of 2013 test."""
    config = TrainConfig(split_by="time", split_dates=("2012-01-01", "2013-01-01"))
    rows, times = np.arange(ROWS), Times.of(cohort, config)
    split = make_split(cohort.store, cohort.labels, rows, 0, times=times)
    write_subject(str(tmp_path), cohort, rows, split, times.periods(split))
    days = dict(Subject.read(tmp_path, "wards").facts())["predicted"]
    assert days == "train 2010-05-01 to 2011-05-01, valid 2012-05-01 to 2012-05-01, test 2013-05-01 to 2013-05-01"


def test_a_title_of_all_that_is_known(population, tmp_path):
    (tmp_path / "run").mkdir()
    population.write(str(tmp_path / "run"))
    Conversion("", "", CONVERT, None).write(str(tmp_path / "run"))
    subject = Subject.read(tmp_path / "run", "/mnt/secret/wards")
    assert subject.title == "Depressive disorder (35489007) within 2 years of every visit; 10 of 40, 25.0%"
    facts = dict(subject.facts())
    assert facts["source"] == "FHIR export bundles, with records up to 2021-03-04"
    assert facts["links"] == "orders without a reason are dropped"
    assert facts["cases"].startswith("train ")
    assert "secret" not in f"{subject.title} {facts}"
    assert subject.titled("Low mood").title == "Low mood; 10 of 40, 25.0%"
    assert subject.titled(None) is subject


def test_a_title_where_little_is_known(population, tmp_path):
    population.write(str(tmp_path))
    assert Subject.read(tmp_path, "/mnt/secret/wards").title == "Label 1 of wards; 10 of 40, 25.0%"
    bare = Subject.read(tmp_path / "nowhere", None)
    assert bare.title == "Label 1 of a cohort that the run does not name" and bare.facts() == []


def test_the_content_is_that_of_the_patients_whatever_their_files(tmp_path):
    """A cohort in both forms that `convert` writes is one; another label makes another cohort."""
    patients = [[[[0, [1], []]]], [[[1, [], [0]], [0, [], []]]]]
    store, labels = pickled.from_lists(patients), np.array([0, 1])
    pickled.write(tmp_path / "c", store, labels)
    parquet.write(tmp_path / "c.parquet", store, labels)
    digests = {Cohort.open(str(tmp_path / name)).content_sha256 for name in ("c", "c.parquet")}
    assert len(digests) == 1 and Cohort(store, labels).content_sha256 in digests
    assert Cohort(store, 1 - labels).content_sha256 not in digests
