"""The question that a cohort asks, in words: which outcome, within which time, of whom, from which source."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

from mime_tf.data.origin import Origin

_MOST_DAYS = 1e6
_NAMED = 2  # codes of an outcome that are named; the others are counted
_SOURCES = {"synthea": "Synthea", "fhir": "FHIR", "omop": "OMOP", "tables": "tables"}
_POLICIES = {
    "drop": "orders without a reason are dropped",
    "null": "orders without a reason belong to a reserved diagnosis",
    "single": "orders without a reason go to the visit's only diagnosis, and are dropped where it has several",
    "infer": "orders without a reason go to the diagnosis of the visit that their code is mostly linked to elsewhere",
}


def question(origin: Origin) -> str:
    """Returns the outcome, the horizon and the prediction time in one phrase; empty if `convert` left no rules.

    >>> from mime_tf.data.conversion import Conversion
    >>> from mime_tf.data.origin import origin_of
    >>> rules = {"target": "outcome", "design": "cohort", "prediction_at": "visit:3", "horizon_days": 90}
    >>> outcome = [{"system": "ICD10CM", "code": "N17", "display": "Acute kidney failure"}]
    >>> content = {"rules": rules, "outcome": outcome, "flow": {}, "audit": None}
    >>> question(origin_of(Conversion("", "", content, None)))
    'Acute kidney failure (N17) within 90 days of the third visit'
    """
    rules, target = origin.rules, origin.rules.get("target")
    if target == "labels":
        return f"Label 1 of {_file(origin.arguments.get('labels'))}, at the times given there{_whom(rules)}"
    if target != "outcome":
        return ""
    if rules.get("design") == "case_control":
        gap = _days(rules.get("gap_days"))
        before = f"{gap} before it" if gap else "just before it"
        return f"{_outcome(origin)}, of cases {before} and of matched controls{_whom(rules)}"
    within = _days(rules.get("horizon_days"))
    horizon = f" within {within}" if within else ""
    return f"{_outcome(origin)}{horizon} of {_moment(rules.get('prediction_at'))}{_whom(rules)}"


def source(origin: Origin) -> str:
    """Returns the kind of the export and the day of its last event, or an empty text."""
    kind = origin.arguments.get("source")
    if not kind:
        return ""
    until = f", with records up to {origin.last_event}" if origin.last_event else ""
    return f"{_SOURCES.get(str(kind), kind)} export {_file(origin.arguments.get('input'))}{until}"


def links_policy(origin: Origin) -> str:
    """Returns how orders were linked to diagnoses, with the share that was; empty if nothing is said about it."""
    unlinked = origin.arguments.get("unlinked")
    total = sum(sum(counts) for way, *counts in origin.orders if way == "total")
    left = sum(sum(counts) for way, *counts in origin.orders if way == "unlinked")
    policy = _POLICIES.get(str(unlinked), "")
    share = f"{1 - left / total:.0%} of {total:,} orders are linked to a diagnosis" if total else ""
    return "; ".join(text for text in (share, policy) if text)


def details(origin: Origin) -> Iterator[str]:
    """Yields the rules that a phrase has no room for: which visits are used, and what becomes of short records."""
    rules = origin.rules
    if observation := _days(rules.get("observation_days")):
        yield f"uses the visits of {observation} before the prediction time"
    elif rules.get("target") in ("outcome", "labels"):
        yield "uses all visits before the prediction time"
    gap = _days(rules.get("gap_days"))
    if gap and rules.get("design") != "case_control":
        yield f"uses nothing of the last {gap.removeprefix('1 ')}"
    censoring = {
        "exclude": "records that end before the horizon without the outcome are left out",
        "negative": "records that end before the horizon without the outcome count as without it",
    }
    if text := censoring.get(str(rules.get("censoring"))):
        yield text


def _outcome(origin: Origin) -> str:
    """Returns the name of the outcome: of its diagnoses, or the text of the option where no names were kept."""
    if not origin.outcome:
        text = str(origin.arguments.get("outcome") or "the outcome")
        return text[:1].upper() + text[1:]
    more = len(origin.outcome) - _NAMED
    named = origin.outcome[:_NAMED]
    if more > 0:
        return f"{', '.join(named)} or {more:,} more diagnos{'es' if more > 1 else 'is'}"
    return " or ".join(named)


def _moment(rule: Any) -> str:
    word, _, value = str(rule).partition(":")
    if word == "visit":
        ordinals = {"2": "the second visit", "3": "the third visit", "4": "the fourth visit", "5": "the fifth visit"}
        return ordinals.get(value, f"visit {value}")
    moments = {"random": "a random visit", "every": "every visit", "date": value, "age": f"the age of {value}"}
    return moments.get(word, "the prediction time")


def _whom(rules: Mapping[str, Any]) -> str:
    """Returns the restrictions on patients as the end of a phrase."""
    low, _, high = str(rules.get("age") or ":").partition(":")
    if low and high:
        ages = f"aged {low} to {high}"
    elif low or high:
        ages = f"aged {low} or more" if low else f"aged {high} or less"
    else:
        ages = ""
    sex = f"of sex {rules['sex']}" if rules.get("sex") else ""
    visits = rules.get("min_visits")
    visited = f"with {visits} visits or more" if isinstance(visits, int) and visits > 1 else ""
    restrictions = ", ".join(text for text in (ages, sex, visited) if text)
    return f", in patients {restrictions}" if restrictions else ""


def _days(days: Any) -> str:
    """Returns a number of days in words, in years where it is whole years; empty for none.

    >>> _days(1826), _days(365), _days(30), _days(1), _days(None)
    ('5 years', '1 year', '30 days', '1 day', '')
    """
    if not isinstance(days, (int, float)) or not 0 < days < _MOST_DAYS:
        return ""
    years = int(days // 365)
    count, unit = (years, "year") if years and days <= 366 * years else (days, "day")
    return f"{count:,g} {unit}{'' if count == 1 else 's'}"


def _file(path: Any) -> str:
    """Returns the name of a file or folder without the folders around it."""
    return os.path.basename(os.path.normpath(str(path))) if path else "(not named)"
