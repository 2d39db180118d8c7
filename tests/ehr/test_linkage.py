"""Links of orders to diagnoses: Dx-objects, orders without a reason, and the report."""

import pytest
from support.ehr_exports import ExportRows, converted, only_visits, visits_by_patient

from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.linkage import report

SAME_VISIT = "linked in the same visit"
EARLIER = "carried from an earlier diagnosis"
LATER = "reason recorded later only"
NEVER = "reason never recorded"
INFERRED = "inferred"
ONLY_DIAGNOSIS = "given to the visit's only diagnosis"
RESERVED = "given to the reserved diagnosis"


def times_by_origin(cohort, kind="medications"):
    """Number of orders of a kind by the origin of their links, without zeros."""
    kinds = {"medications": "rx", "procedures": "pr"}
    return {origin: times for origin, times in cohort.linkage["orders"][kinds[kind]].items() if times}


@pytest.mark.parametrize(
    ("diagnosed", "origin"),
    [("v2", SAME_VISIT), ("v1", EARLIER), ("v3", LATER), (None, NEVER)],
    ids=[SAME_VISIT, EARLIER, LATER, NEVER],
)
def test_a_reason_is_a_dx_object_of_the_visit_of_its_order_wherever_it_was_recorded(diagnosed, origin):
    visits = [("v1", "p", 1), ("v2", "p", 2), ("v3", "p", 3)]
    rows = ExportRows(visits, [(diagnosed, "A")] if diagnosed else [], [("v2", "rx", "X", "A")])
    cohort = converted(rows)
    expected = {visit: [("A", [], [])] for visit in [diagnosed] if visit} | {"v2": [("A", ["X"], [])]}
    assert only_visits(cohort) == [expected[visit] for visit in sorted(expected)]
    assert times_by_origin(cohort) == {"total": 1, origin: 1}


def test_the_closest_record_of_a_reason_counts():
    """Recorded before, in the visit and after it: the same visit. Recorded before and after: carried."""
    visits = [("v1", "p", 1), ("v2", "p", 2), ("v3", "p", 3), ("v4", "p", 4)]
    everywhere = [(visit, "A") for visit in ("v1", "v2", "v4")]
    orders = [("v2", "rx", "X", "A"), ("v3", "rx", "X", "A"), ("v3", "pr", "P", "B")]
    cohort = converted(ExportRows(visits, everywhere, orders))
    assert times_by_origin(cohort) == {"total": 2, SAME_VISIT: 1, EARLIER: 1}
    assert times_by_origin(cohort, "procedures") == {"total": 1, NEVER: 1}


def test_diagnoses_of_another_patient_do_not_link():
    cohort = converted(ExportRows([("v1", "p", 1), ("v2", "q", 2)], [("v1", "A")], [("v2", "rx", "X", "A")]))
    assert times_by_origin(cohort) == {"total": 1, NEVER: 1}


def test_an_order_is_once_in_the_dx_object_of_each_of_its_reasons():
    cohort = converted(ExportRows([("v", "p", 1)], [("v", "B")], [("v", "rx", "X", "C B A")]))
    assert only_visits(cohort) == [[("A", ["X"], []), ("B", ["X"], []), ("C", ["X"], [])]]
    assert times_by_origin(cohort) == {"total": 1, SAME_VISIT: 1}  # by its closest link
    assert cohort.linkage["links"] == 3
    assert cohort.linkage["dx_objects"] == 3


def test_a_reason_given_twice_and_a_diagnosis_recorded_twice_count_once():
    cohort = converted(ExportRows([("v", "p", 1)], [("v", "A"), ("v", "A")], [("v", "rx", "X", "A A")]))
    assert only_visits(cohort) == [[("A", ["X"], [])]]
    assert cohort.linkage["links"] == 1


def test_a_code_ordered_twice_in_a_visit_stays_twice():
    cohort = converted(
        ExportRows([("v", "p", 1)], [], [("v", "rx", "X", "A"), ("v", "rx", "X", "A"), ("v", "rx", "X", "B")])
    )
    assert only_visits(cohort) == [[("A", ["X", "X"], []), ("B", ["X"], [])]]
    assert cohort.linkage["orders"]["rx"]["total"] == 3


def test_visits_go_by_start_then_id_and_codes_by_code():
    visits = [("b", "p", 5), ("c", "p", 2), ("a", "p", 5)]
    diagnoses = [("a", "9"), ("a", "10"), ("b", "2"), ("c", "1")]
    orders = [("a", "rx", "8", "10"), ("a", "rx", "12", "10"), ("a", "pr", "7", "10"), ("a", "pr", "11", "10")]
    expected = [[("1", [], [])], [("10", ["12", "8"], ["11", "7"]), ("9", [], [])], [("2", [], [])]]
    assert only_visits(converted(ExportRows(visits, diagnoses, orders))) == expected
    assert only_visits(converted(ExportRows(visits[::-1], diagnoses[::-1], orders[::-1]))) == expected


def test_visits_and_patients_without_a_dx_object_are_left_out_and_counted():
    rows = ExportRows([("v1", "p", 1), ("v2", "p", 2), ("v3", "q", 3)], [("v2", "A")], [("v1", "rx", "X", "")])
    cohort = converted(rows)
    assert visits_by_patient(cohort) == {"p": [[("A", [], [])]]}
    assert cohort.linkage["visits"] == {"total": 3, "with a Dx-object": 1}
    assert cohort.linkage["patients"] == {"total": 2, "with a Dx-object": 1}
    assert times_by_origin(cohort) == {"total": 1, "unlinked": 1}
    (*_, last) = cohort.flow.values()
    assert (last["patients"], last["patients_out"]) == (1, 1)


# Orders without a reason.

TWO = ExportRows(
    [("v1", "p", 1), ("v2", "p", 2), ("v3", "p", 3)],
    [("v1", "A"), ("v2", "A"), ("v2", "B")],
    [("v1", "rx", "X", ""), ("v2", "rx", "X", ""), ("v3", "pr", "P", ""), ("v3", "pr", "P", "")],
)


@pytest.mark.parametrize(
    ("unlinked", "visits", "rx", "pr"),
    [
        ("drop", [[("A", [], [])], [("A", [], []), ("B", [], [])]], {"unlinked": 2}, {"unlinked": 2}),
        (
            "single",
            [[("A", ["X"], [])], [("A", [], []), ("B", [], [])]],
            {ONLY_DIAGNOSIS: 1, "unlinked": 1},
            {"unlinked": 2},
        ),
        (
            "null",
            [
                [("A", [], []), ("no-reason", ["X"], [])],
                [("A", [], []), ("B", [], []), ("no-reason", ["X"], [])],
                [("no-reason", [], ["P", "P"])],
            ],
            {RESERVED: 2},
            {RESERVED: 2},
        ),
    ],
)
def test_orders_without_a_reason(unlinked, visits, rx, pr):
    cohort = converted(TWO, unlinked=unlinked)
    assert only_visits(cohort) == visits
    assert times_by_origin(cohort) == {"total": 2} | rx
    assert times_by_origin(cohort, "procedures") == {"total": 2} | pr
    assert cohort.linkage["dx_objects"] == sum(map(len, visits))


def test_the_reserved_diagnosis_has_a_row_in_the_vocabulary_and_is_no_commonest_link():
    cohort = converted(TWO, unlinked="null")
    row = next(row for row in cohort.vocabulary.rows if row["code"] == "no-reason")
    assert (row["kind"], row["system"], row["display"], row["count"]) == ("dx", "mime_tf", "no reason given", "3")
    assert cohort.linkage["commonest_links"] == []


def test_a_reason_makes_the_only_diagnosis_of_a_visit_too():
    cohort = converted(
        ExportRows([("v", "p", 1)], [], [("v", "rx", "X", "A"), ("v", "pr", "P", "")]), unlinked="single"
    )
    assert only_visits(cohort) == [[("A", ["X"], ["P"])]]


def elsewhere(**times):
    """An export in which X is linked so often to each diagnosis, and once without a reason in a visit with A and B."""
    orders = [("e", "rx", "X", dx) for dx, count in times.items() for _ in range(count)]
    rows = ExportRows([("e", "q", 1), ("v", "p", 2)], [("v", "A"), ("v", "B")], [*orders, ("v", "rx", "X", "")])
    return rows


@pytest.mark.parametrize(
    ("times", "share", "taken"),
    [
        ({"A": 1, "B": 2}, 0.5, "B"),
        ({"A": 2, "B": 2}, 0.5, "A"),  # a tie: the lower code
        ({"A": 1, "B": 1, "C": 2}, 0.5, None),  # C is not a diagnosis of the visit
        ({"A": 1, "C": 1}, 0.5, "A"),  # a share that is just enough
        ({"A": 1, "C": 1}, 0.51, None),
        ({"A": 1, "B": 2, "C": 7}, 0.0, "B"),
        ({"A": 3}, 1.0, "A"),
        ({"C": 5}, 0.0, None),  # no link to either
    ],
)
def test_infer_takes_the_diagnosis_of_the_visit_with_the_most_links(times, share, taken):
    cohort = converted(elsewhere(**times), unlinked="infer", infer_share=share)
    assert visits_by_patient(cohort)["p"] == [[(dx, ["X"] if dx == taken else [], []) for dx in "AB"]]
    assert times_by_origin(cohort).get(INFERRED, 0) == (taken is not None)
    assert times_by_origin(cohort).get("unlinked", 0) == (taken is None)


def test_infer_learns_from_codes_of_the_same_kind_only():
    rows = ExportRows([("e", "q", 1), ("v", "p", 2)], [("v", "A")], [("e", "pr", "X", "A"), ("v", "rx", "X", "")])
    assert visits_by_patient(converted(rows, unlinked="infer"))["p"] == [[("A", [], [])]]


@pytest.mark.parametrize("unlinked", ["single", "infer"])
def test_an_order_that_is_given_to_a_diagnosis_is_not_known_before_it(unlinked):
    """The order is of day 1, its diagnosis of day 3; at day 2 neither may be seen, and the visit holds B alone."""
    rows = ExportRows(
        [("e", "q", 1), ("u", "p", 0), ("v", "p", 1)],
        [("u", "B"), ("v", "A", 3)],
        [("e", "rx", "X", "A"), ("v", "rx", "X", "", 1)],
    )
    for date, expected in {
        "1970-01-03": [[("B", [], [])]],
        "1970-01-05": [[("B", [], [])], [("A", ["X"], [])]],
    }.items():
        cohort = converted(rows, Rules(target="none", prediction_at=f"date:{date}"), unlinked=unlinked)
        assert visits_by_patient(cohort) == {"p": expected, "q": [[("A", ["X"], [])]]}


# The report.


def test_the_commonest_links_are_named_and_ties_have_an_order():
    visits = [(f"v{number}", "p", number) for number in range(12)]
    orders = [(visit, "rx", f"X{visit}", "A") for visit, _, _ in reversed(visits)] + [
        ("v1", "pr", "P", "B"),
        ("v2", "pr", "P", "B"),
    ]
    names = {("dx", "A"): "Asthma", ("dx", "B"): "Burn", ("rx", "Xv0"): "Salbutamol"}
    cohort = converted(ExportRows(visits, [], orders, names=names))
    links = cohort.linkage["commonest_links"]
    assert len(links) == report.COMMONEST == 10
    assert [(pair["orders"], pair["dx_code"], pair["order_code"]) for pair in links] == [
        (2, "B", "P"),
        *((1, "A", f"Xv{number}") for number in ("0", "1", "10", "11", "2", "3", "4", "5", "6")),
    ]
    assert links[1] == {
        "orders": 1,
        "kind": "rx",
        "dx_system": "SNOMED-CT",
        "dx_code": "A",
        "diagnosis": "Asthma",
        "order_system": "RxNorm",
        "order_code": "Xv0",
        "order": "Salbutamol",
    }


def test_the_printed_table_has_counts_shares_and_names():
    names = {("dx", "A"): "Asthma", ("rx", "X"): "Salbutamol"}
    orders = [("v", "rx", "X", "A"), ("v", "rx", "X", ""), ("v", "rx", "Y", "A"), ("v", "rx", "Y", "")]
    cohort = converted(ExportRows([("v", "p", 1)], [("v", "A")], orders, names=names))
    lines = [" ".join(line.split()) for line in report.lines(cohort.linkage)]
    assert lines == [
        "medications procedures",
        "orders 4 (100.0%) 0",
        f"{SAME_VISIT} 2 (50.0%) 0",  # origins without orders have no line
        "unlinked 2 (50.0%) 0",
        "visits 1, of which 1 with a Dx-object",
        "patients 1, of which 1 with a Dx-object",
        "Dx-objects 1",
        "the commonest links, for a clinician to look at:",
        "1 Asthma -> Salbutamol",
        "1 Asthma -> Y",  # a code without a name
    ]


def test_a_note_on_an_export_without_links():
    rows = ExportRows([("v1", "p", 1)], [("v1", "A")], [("v1", "rx", "X", "")])
    (note,) = converted(rows).notes
    assert note == "no order is linked to a diagnosis: this export does not hold what MiME learns from"
    assert converted(rows, unlinked="single").notes == []
