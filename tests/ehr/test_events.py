"""Numbering of an export: identifiers, references to nowhere, times, and the end of each record."""

import dataclasses

import pytest
from support.ehr_exports import DAY, SYSTEMS, ExportRows, converted, only_visits, table, visits_by_patient

from mime_tf.ehr import events
from mime_tf.ehr.engine import opened
from mime_tf.errors import InputError

NOW = 20_000 * DAY
PLAIN = ExportRows([("v1", "p", 1), ("v2", "q", 2)], [("v1", "A"), ("v2", "B")], [("v1", "rx", "X", "A")])


def with_tables(rows=PLAIN, **tables):
    """The export of some rows with more lines in its tables."""
    export = rows.export()
    return dataclasses.replace(
        export, **{name: getattr(export, name).union(table(name, lines)) for name, lines in tables.items()}
    )


@pytest.fixture(scope="module")
def plain_visits():
    """The visits of the patients of `PLAIN` when nothing is added to it."""
    return visits_by_patient(converted(PLAIN))


def numbered(export):
    """Each table of the numbered export, as dicts sorted by their values, and the counts of items left out."""
    with opened() as engine:
        result = events.number(engine, export, "test", NOW)
        names = ("patients", "visits", "diagnoses", "orders", "reasons", "concepts")
        tables = {name: engine.arrow(getattr(result, name)).to_pylist() for name in names}
        return {name: sorted(rows, key=lambda row: str(tuple(row.values()))) for name, rows in tables.items()} | {
            "left_out": result.left_out
        }


def test_numbers_follow_patients_starts_and_ids():
    rows = ExportRows([("b", "q", 1), ("c", "p", 9), ("a", "q", 1), ("d", "p", 3)])
    result = numbered(rows.export())
    assert [(row["p"], row["patient"]) for row in result["patients"]] == [(0, "p"), (1, "q")]
    by_number = {row["v"]: (row["p"], row["start"] // DAY) for row in result["visits"]}
    assert by_number == {0: (0, 3), 1: (0, 9), 2: (1, 1), 3: (1, 1)}


def test_concepts_are_the_codes_in_use_by_kind_system_and_code():
    names = {("dx", "A"): "Asthma", ("dx", "never used"): "Nothing"}
    rows = ExportRows([("v", "p", 1)], [("v", "B")], [("v", "rx", "A", "A"), ("v", "pr", "B", "A")], names=names)
    more = table("names", [("dx", SYSTEMS["dx"], "A", "Allergy"), ("dx", SYSTEMS["dx"], "B", None)])
    export = rows.export()
    result = numbered(dataclasses.replace(export, names=export.names.union(more)))
    assert [(c["concept"], c["kind"], c["code"], c["display"]) for c in result["concepts"]] == [
        (0, "dx", "A", "Allergy"),  # of several names the first by the alphabet
        (1, "dx", "B", ""),
        (2, "pr", "B", ""),
        (3, "rx", "A", ""),
    ]


def test_times_are_not_before_the_visit_and_default_to_its_start():
    rows = ExportRows(
        [("v", "p", 5)],
        [("v", "A"), ("v", "B", 2), ("v", "C", 8), ("v", "C", 7)],
        [("v", "rx", "X", ""), ("v", "rx", "X", "", 1), ("v", "rx", "X", "", 6)],
    )
    result = numbered(rows.export())
    assert {row["dx"]: row["time"] // DAY for row in result["diagnoses"]} == {0: 5, 1: 5, 2: 7}
    assert sorted(row["time"] // DAY for row in result["orders"]) == [5, 5, 6]


@pytest.mark.parametrize(
    ("stop", "end", "death", "last"),
    [
        (None, None, None, 4),  # an order is the last event
        (6, None, None, 6),
        (6, 3, None, 3),  # the source says so
        (None, 30, None, 30),
        (None, None, 9, 9),
        (None, 3, 9, 9),
        (None, 9, 3, 9),
    ],
)
def test_end_of_a_record(stop, end, death, last):
    def seconds(day):
        return None if day is None else day * DAY

    rows = ExportRows([("v", "p", 1)], [("v", "A", 2)], [("v", "rx", "X", "", 4)])
    export = dataclasses.replace(
        rows.export(),
        patients=table("patients", [("p", None, None, seconds(death), seconds(end)), ("q", None, None, None, None)]),
        visits=table("visits", [("v", "p", DAY, seconds(stop)), ("w", "q", 40 * DAY, None)]),
    )
    patient, _ = numbered(export)["patients"]
    assert patient["end"] == last * DAY
    assert patient["death"] == seconds(death)


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("patients", ("q", 5, None, None, None), "test: patient 'q' occurs 2 times; must occur once"),
        ("visits", ("v2", "p", 0, None), "test: visit 'v2' occurs 2 times; must occur once"),
        ("orders", ("o0", "v2", "pr", "s", "P", None), "test: order 'o0' occurs 2 times; must occur once"),
    ],
)
def test_a_repeated_identifier_is_an_error(name, line, message):
    with pytest.raises(InputError) as caught:
        numbered(with_tables(**{name: [line]}))
    assert str(caught.value) == message


def test_an_export_without_visits_is_an_error():
    with pytest.raises(InputError, match=r"^test: no visit with a start, of a known patient"):
        numbered(ExportRows([], patients={"p": {}}).export())


NOWHERE = {
    "patient of a visit": {"visits": [("v3", "nobody", 1, None)]},
    "visit of a diagnosis": {"diagnoses": [("v9", "s", "A", None)]},
    "visit of an order": {"orders": [("o9", "v9", "rx", "s", "X", None)]},
    "order of a reason": {"reasons": [("o9", "s", "A")]},
}


@pytest.mark.parametrize("reason", NOWHERE)
def test_a_reference_to_nowhere_is_counted_or_with_strict_an_error(reason, plain_visits):
    export = with_tables(**NOWHERE[reason])
    cohort = converted(export)
    assert cohort.linkage["left_out"] == {f"reference to nowhere: {reason}": 1}
    assert visits_by_patient(cohort) == plain_visits
    with pytest.raises(InputError) as caught:
        converted(export, strict=True)
    assert str(caught.value) == f"test: found 1 with a reference to nowhere: {reason}; must be none with --strict"


@pytest.mark.parametrize(
    ("reason", "tables"),
    [
        ("visits without a start", {"visits": [("v3", "p", None, None)]}),
        ("visits without a patient", {"visits": [("v3", None, 1, None)]}),
        ("orders without a code", {"orders": [("o9", "v1", "rx", "s", None, None)]}),
        ("diagnoses without a code", {"diagnoses": [("v1", "s", None, None)]}),
        ("an order without a visit", {"orders": [("o9", None, "rx", "s", "X", None)]}),
        ("a diagnosis without a visit", {"diagnoses": [(None, "s", "A", None)]}),
    ],
)
def test_incomplete_rows_are_left_out_and_counted_even_with_strict(reason, tables, plain_visits):
    cohort = converted(with_tables(**tables), strict=True)
    assert cohort.linkage["left_out"] == {reason: 1}
    assert visits_by_patient(cohort) == plain_visits


def test_a_code_without_a_system_is_a_code_like_others():
    export = ExportRows([("v", "p", 1)]).export()
    export = dataclasses.replace(
        export,
        diagnoses=table("diagnoses", [("v", None, "A", None)]),
        orders=table("orders", [("o", "v", "rx", None, "X", None)]),
        reasons=table("reasons", [("o", None, "A")]),
        names=table("names", [("dx", None, "A", "Asthma")]),
    )
    cohort = converted(export)
    assert only_visits(cohort) == [[("A", ["X"], [])]]
    assert [(row["system"], row["display"]) for row in cohort.vocabulary.rows] == [("", "Asthma"), ("", "")]


def test_one_code_in_two_systems_is_two_codes():
    export = with_tables(ExportRows([("v", "p", 1)], [("v", "A")]), diagnoses=[("v", "ICD-10-CM", "A", None)])
    cohort = converted(export)
    assert only_visits(cohort) == [[("A", [], []), ("A", [], [])]]
    assert [row["system"] for row in cohort.vocabulary.rows] == ["ICD-10-CM", "SNOMED-CT"]


def test_equal_rows_count_once():
    export = with_tables(visits=[("v1", "p", DAY, None)], orders=[("o0", "v1", "rx", SYSTEMS["rx"], "X", None)])
    result = numbered(export)
    assert (len(result["visits"]), len(result["orders"])) == (2, 1)
    equal = "equal to another"
    assert result["left_out"] == {f"repeated rows of visits, {equal}": 1, f"repeated rows of orders, {equal}": 1}


@pytest.mark.parametrize(
    ("name", "line", "left", "counts"),
    [
        ("patients", ("p", 5, None, None, None), "v2", {"patients": 2, "visits": 1, "diagnoses": 1, "orders": 1}),
        ("visits", ("v1", "q", 0, None), "v2", {"visits": 2, "diagnoses": 1, "orders": 1}),
        ("orders", ("o0", "v2", "pr", "s", "P", None), None, {"orders": 2}),
    ],
)
def test_repeated_identifiers_are_left_out_on_request(name, line, left, counts):
    with opened() as engine:
        result = events.number(engine, with_tables(**{name: [line]}), "test", NOW, skip=True)
        visits = engine.value(result.visits.count())
        assert visits == (1 if left else 2)
        assert engine.value(result.orders.count()) == engine.value(result.reasons.count()) == 0
    why = f"of a {name[:-1]} whose identifier is repeated"
    assert result.left_out == {f"{table_name} {why}": times for table_name, times in counts.items()}
