"""Times that are none, the end of an export, and times that contradict each other."""

import dataclasses
import datetime

import pytest
from support.ehr_exports import DAY, ExportRows, converted, table, visits_by_patient
from support.export_tables import read_tables, write

from mime_tf.ehr import events
from mime_tf.ehr.design.outcome import Outcome
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.engine import opened
from mime_tf.ehr.seconds import from_date
from mime_tf.ehr.sources.omop.read import read as read_omop
from mime_tf.errors import InputError

NOW = 20_000 * DAY  # 2024-10-04
FAR, OPEN, UNKNOWN = (from_date(datetime.date(*date)) for date in ((2031, 3, 4), (9999, 12, 31), (1900, 1, 1)))
REAL = from_date(datetime.date(2012, 1, 1))


def numbered(export, now=NOW):
    """The numbered patients and visits, and the counts."""
    with opened() as engine:
        result = events.number(engine, export, "test", now)
        patients = {row["patient"]: row for row in engine.arrow(result.patients).to_pylist()}
        return patients, engine.arrow(result.visits).to_pylist(), result.left_out, result.kept


def export(patients=(), visits=(), diagnoses=()):
    """The patient p with visits on days 100 and 200 of which the second ends on day 210, and more rows."""
    return dataclasses.replace(
        ExportRows([]).export(),
        patients=table("patients", [("p", 0, None, None, None), *patients]),
        visits=table("visits", [("v1", "p", 100 * DAY, None), ("v2", "p", 200 * DAY, 210 * DAY), *visits]),
        diagnoses=table("diagnoses", [("v1", "s", "A", None), *diagnoses]),
    )


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (OPEN, "on 9999-12-31, which stands for no date"),
        (UNKNOWN + 3600, "on 1900-01-01, which stands for no date"),
        (FAR, "after the day of the conversion"),
        (from_date(datetime.date(1492, 1, 1)), "before 1700-01-01"),
        (from_date(datetime.date(2456, 7, 8)), "from 2300-01-01"),
    ],
)
def test_times_that_are_none_are_missing_and_counted(time, words):
    visits = [("v3", "q", 50 * DAY, time), ("v4", "q", time, None)]
    more = export([("q", time, None, time, None)], visits, [("v3", "s", "B", time)])
    patients, visits, left_out, kept = numbered(more)
    assert (patients["q"]["birth"], patients["q"]["death"], patients["q"]["end"]) == (None, None, 50 * DAY)
    assert [row["start"] // DAY for row in visits] == [100, 200, 50]
    names = ("births", "deaths", "ends of visits", "times of diagnoses", "visits that start")
    assert left_out == {f"{name} {words}": 1 for name in names} and kept == {}


def test_times_up_to_the_day_of_the_conversion_are_real():
    patients, _, left_out, _ = numbered(export([("q", 0, None, NOW + DAY, None)], [("v3", "q", NOW, None)]))
    assert patients["q"]["death"] == NOW + DAY and left_out == {}


def test_exports_with_shifted_dates_keep_them():
    """Research data are moved into the future, patient by patient; placeholders of databases are still none."""
    visits = [(f"w{year}", "q", from_date(datetime.date(year, 1, 2)), OPEN) for year in range(2110, 2200)]
    death = from_date(datetime.date(2199, 12, 31))
    patients, numbers, left_out, _ = numbered(export([("q", None, None, death, None)], visits))
    assert patients["q"]["death"] == death and len(numbers) == 92
    assert left_out == {"ends of visits on 9999-12-31, which stands for no date": 90}


@pytest.mark.parametrize(
    ("end", "expected", "cut"),
    [
        (OPEN, 211 * DAY - 1, True),
        (FAR, 211 * DAY - 1, True),
        (300 * DAY, 211 * DAY - 1, True),  # the enrolment goes on, but nothing was recorded so late
        (210 * DAY + 3600, 210 * DAY + 3600, False),
        (60 * DAY, 60 * DAY, False),
        (None, 50 * DAY, False),
    ],
)
def test_no_record_ends_after_the_last_event_of_the_export(end, expected, cut):
    patients, _, left_out, _ = numbered(export([("q", None, None, None, end)], [("v3", "q", 50 * DAY, None)]))
    assert (patients["q"]["end"], patients["p"]["end"]) == (expected, 210 * DAY)
    name = "ends of records after the last event of the export, cut to its day, 1970-07-30"
    assert left_out == ({name: 1} if cut else {})


def test_a_death_counts_as_the_last_event_of_an_export():
    patients, *_ = numbered(export([("q", None, None, 400 * DAY, 500 * DAY)], [("v3", "q", 50 * DAY, None)]))
    assert patients["q"]["end"] == 401 * DAY - 1


def test_a_visit_without_an_end_does_not_make_its_patient_a_control():
    """Censored without the outcome: nobody saw the patient to the horizon."""
    visits = [("a1", "a", 0, None), ("a2", "a", 10 * DAY, OPEN)]
    visits += [("b1", "b", 0, None), ("b2", "b", 10 * DAY, None), ("b3", "b", 90 * DAY, None)]
    rows = dataclasses.replace(
        ExportRows([], patients={"a": {}, "b": {}}).export(),
        visits=table("visits", visits),
        diagnoses=table("diagnoses", [(v, "s", "A", None) for v in ("a1", "b1", "b2")] + [("b3", "s", "HF", None)]),
    )
    rules = Rules(prediction_at="visit:2", horizon_days=100)
    cohort = converted(rows, rules, outcome=Outcome.parse("HF"))
    assert (cohort.patients["patient_id"], cohort.labels.tolist()) == (["b"], [1])


def test_a_death_that_is_none_is_no_outcome():
    rows = ExportRows([("v", "p", 1)], [("v", "A")], patients={"p": {"death": OPEN / DAY}})
    with pytest.raises(InputError, match="no patient with a visit has a time of death in this export"):
        converted(rows, Rules(), outcome=Outcome.parse("death"))


def test_visits_that_contradict_birth_death_or_their_end_are_kept_and_counted():
    more = export(
        [("q", 40 * DAY, None, 60 * DAY + 3600, None)],
        [
            ("w1", "q", 38 * DAY, None),  # two days before birth
            ("w2", "q", 39 * DAY, None),  # the day before, which a time zone explains
            ("w3", "q", 61 * DAY, 61 * DAY - 3600),  # the day after death, and an end by its date alone
            ("w4", "q", 63 * DAY, 61 * DAY),
        ],
    )
    _, visits, left_out, kept = numbered(more)
    assert len(visits) == 6 and left_out == {}
    assert kept == {
        "visits that start before the patient's birth": 1,
        "visits that start after the patient's death": 1,
        "visits that end before they start": 1,
    }


def test_the_printed_table_says_what_is_kept():
    from mime_tf.ehr.linkage import report

    rows = ExportRows([("v", "p", 9)], [("v", "A")], patients={"p": {"death": 1}})
    cohort = converted(rows)
    assert "kept: 1 visits that start after the patient's death" in list(report.lines(cohort.linkage))
    assert visits_by_patient(cohort) == {"p": [[("A", [], [])]]}


def omop_deaths(folder, *deaths, engine=None):
    """The time of death of each of two persons, and what was left out."""
    write(folder / "person.csv", ("person_id", "gender_concept_id", "year_of_birth"), (1, 8532, 1950), (2, 8507, 1960))
    visit = ("visit_occurrence_id", "person_id", "visit_start_date", "visit_end_date")
    write(folder / "visit_occurrence.csv", visit, (10, 1, "2010-05-03", ""), (20, 2, "2010-05-03", ""))
    for name, prefix in (("condition_occurrence", "condition"), ("drug_exposure", "drug")):
        start = "drug_exposure_start_date" if prefix == "drug" else "condition_start_date"
        write(folder / f"{name}.csv", (f"{name}_id", f"{prefix}_concept_id", start, "visit_occurrence_id"))
    write(folder / "death.csv", ("person_id", "death_date", "cause_source_value"), *deaths)
    tables = read_tables(read_omop, folder, engine=engine)
    return [row[3] for row in tables["patients"]], tables["left_out"]


FURTHER = "further rows of death of one person, of the same time or of none that is real"


@pytest.mark.parametrize(
    ("deaths", "expected", "further"),
    [
        ([(1, "1900-01-01", ""), (1, "2012-01-01", ""), (2, "9999-12-31", "")], [REAL, OPEN], 1),
        ([(1, "2012-01-01", "fall"), (1, "2012-01-01", "flu"), (1, "2012-01-01", "flu")], [REAL, None], 2),
        ([(1, "", ""), (1, "2012-01-01", ""), (1, "9999-12-31", ""), (2, "", "")], [REAL, None], 2),
        ([(2, "9999-12-31", ""), (2, "9999-12-31", ""), (1, "2012-01-01", "")], [REAL, OPEN], 1),
        ([(1, "2012-01-01", ""), (2, "2012-01-01", "")], [REAL, REAL], 0),
    ],
    ids=["placeholder", "equal", "three", "placeholders", "one each"],
)
def test_omop_takes_the_real_one_of_two_deaths(deaths, expected, further, tmp_path):
    times, left_out = omop_deaths(tmp_path, *deaths)
    assert times == expected  # placeholders are for `real_times` to count
    assert left_out == ({FURTHER: further} if further else {})


def test_omop_does_not_choose_between_two_real_deaths(tmp_path):
    deaths = [(2, "2012-01-01", ""), (1, "2013-05-06", ""), (1, "1900-01-01", ""), (1, "2012-01-01", "")]
    with pytest.raises(InputError) as caught:
        omop_deaths(tmp_path, *deaths)
    assert str(caught.value) == (
        f"{tmp_path / 'death.csv'}: lines 3, 4 and 5: person_id '1': found the deaths 2012-01-01T00:00:00Z and "
        "2013-05-06T00:00:00Z; must be one"
    )
