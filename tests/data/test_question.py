"""The question of a cohort in words: outcome, horizon, time and patients."""

import pytest

from mime_tf.data.conversion import Conversion
from mime_tf.data.origin import origin_of
from mime_tf.data.question import details, links_policy, question, source

GOUT = {"system": "ICD10CM", "code": "M10", "display": "Gout"}
RULES = {"target": "outcome", "design": "cohort", "prediction_at": "random", "horizon_days": 365, "gap_days": 0}


def origin(rules=None, outcome=(GOUT,), arguments=None, linkage=None, **more):
    content = {
        "rules": RULES | (rules or {}),
        "outcome": list(outcome),
        "arguments": arguments or {},
        "flow": {},
        "audit": None,
    }
    return origin_of(Conversion("convert.json", "linkage.json", content | more, linkage))


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ({}, "Gout (M10) within 1 year of a random visit"),
        ({"horizon_days": 1826}, "Gout (M10) within 5 years of a random visit"),
        ({"horizon_days": 364}, "Gout (M10) within 364 days of a random visit"),
        ({"horizon_days": 30, "prediction_at": "every"}, "Gout (M10) within 30 days of every visit"),
        ({"prediction_at": "visit:3"}, "Gout (M10) within 1 year of the third visit"),
        ({"prediction_at": "visit:21"}, "Gout (M10) within 1 year of visit 21"),
        ({"prediction_at": "date:2015-01-01"}, "Gout (M10) within 1 year of 2015-01-01"),
        ({"prediction_at": "age:65"}, "Gout (M10) within 1 year of the age of 65"),
        (
            {"age": "40:85", "sex": "F", "min_visits": 2},
            "Gout (M10) within 1 year of a random visit, in patients aged 40 to 85, of sex F, with 2 visits or more",
        ),
        ({"age": "40:"}, "Gout (M10) within 1 year of a random visit, in patients aged 40 or more"),
        ({"age": ":85"}, "Gout (M10) within 1 year of a random visit, in patients aged 85 or less"),
        (
            {"design": "case_control", "gap_days": 30, "horizon_days": None, "prediction_at": None},
            "Gout (M10), of cases 30 days before it and of matched controls",
        ),
        ({"design": "case_control", "gap_days": 0}, "Gout (M10), of cases just before it and of matched controls"),
        ({"target": "none"}, ""),
    ],
)
def test_a_phrase(rules, expected):
    assert question(origin(rules)) == expected


def test_an_outcome_of_several_codes():
    codes = [GOUT | {"code": f"M1{number}", "display": ""} for number in range(5)]
    assert question(origin(outcome=codes[:2])).startswith("M10 or M11 within")
    assert question(origin(outcome=codes[:3])).startswith("M10, M11 or 1 more diagnosis within")
    assert question(origin(outcome=codes)).startswith("M10, M11 or 3 more diagnoses within")


def test_the_tag_of_a_full_name_is_left_out():
    assert question(origin(outcome=[GOUT | {"display": "Gout (disorder)"}])).startswith("Gout (M10) within")
    assert question(origin(outcome=[GOUT | {"display": "Gout (of toes)"}])).startswith("Gout (of toes) (M10) within")


def test_an_outcome_without_names():
    assert question(origin(outcome=[], arguments={"outcome": "death"})).startswith("Death within 1 year")
    assert question(origin(outcome=[])).startswith("The outcome within 1 year")


def test_labels_of_the_users_own():
    made = origin({"target": "labels"}, arguments={"labels": "/data/ann/gout.csv", "outcome": None})
    assert question(made) == "Label 1 of gout.csv, at the times given there"


def test_the_source_has_no_folders():
    arguments = {"source": "omop", "input": "/home/ann/cdm/"}
    assert source(origin(arguments=arguments)) == "OMOP export cdm"
    made = origin(arguments=arguments, export={"last_event": "2019-12-30"})
    assert source(made) == "OMOP export cdm, with records up to 2019-12-30"
    assert source(origin()) == ""


def test_links_in_numbers_and_words():
    orders = {kind: {"total": 50, "linked in the same visit": 40, "unlinked": 10} for kind in ("rx", "pr")}
    linkage = {"orders": orders, "commonest_links": []}
    expected = "80% of 100 orders are linked to a diagnosis; orders without a reason are dropped"
    assert links_policy(origin(arguments={"unlinked": "drop"}, linkage=linkage)) == expected
    assert links_policy(origin()) == ""


def test_the_rules_that_a_phrase_has_no_room_for():
    found = list(details(origin({"observation_days": 540, "gap_days": 7, "censoring": "exclude"})))
    assert found == [
        "uses the visits of 540 days before the prediction time",
        "uses nothing of the last 7 days",
        "records that end before the horizon without the outcome are left out",
    ]


@pytest.mark.parametrize("value", [10**400, -1, True, "x", [1], {"a": 1}, None, 0.5])
@pytest.mark.parametrize("name", ["horizon_days", "prediction_at", "age", "sex", "min_visits", "censoring", "gap_days"])
def test_a_file_of_a_stranger_makes_words_or_none(name, value):
    made = origin({name: value})
    assert question(made).startswith("Gout (M10)") and all(isinstance(text, str) for text in details(made))
