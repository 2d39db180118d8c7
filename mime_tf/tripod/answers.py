"""Answers to the items of a checklist from the facts of a run: from the run, not done, or for a person to say."""

import dataclasses
from collections.abc import Callable
from typing import Any

from mime_tf.config import TIME
from mime_tf.data.question import details, links_policy, source
from mime_tf.tripod.facts import Facts
from mime_tf.tripod.items import Item

FROM_RUN, FOR_YOU, NOT_DONE = STATES = ("from the run", "for you to say", "not done")


@dataclasses.dataclass(frozen=True)
class Answer:
    """An item, answered.

    Attributes:
        item: the item.
        state: one of `STATES`.
        text: the answer; empty where it is for a person to say.
    """

    item: Item
    state: str
    text: str


Answering = Callable[[Facts], "str | None"]


def answers(facts: Facts, items: tuple[Item, ...]) -> list[Answer]:
    """Answers items; one whose facts the run lacks is for a person to say."""
    return [_answer(facts, item) for item in items]


def count(of: list[Answer]) -> dict[str, int]:
    """Returns the number of answers in each of `STATES`."""
    return {state: sum(answer.state == state for answer in of) for state in STATES}


def _answer(facts: Facts, item: Item) -> Answer:
    missing = _NOT_DONE.get(item.key, lambda facts: None)(facts)
    if missing:
        return Answer(item, NOT_DONE, missing)
    text = _FROM_RUN.get(item.key, lambda facts: None)(facts)
    return Answer(item, FROM_RUN, text) if text else Answer(item, FOR_YOU, "")


# Answers from the run. One that has no facts returns an empty text.


def _title(facts: Facts) -> str:
    return f"Development and test of a prediction model: {facts.subject.question}"


def _source(facts: Facts) -> str:
    return source(facts.subject.origin) if facts.subject.origin else ""


def _dates(facts: Facts) -> str:
    population, origin = facts.subject.population, facts.subject.origin
    years = population.columns.get("prediction_time", {}).get("years") if population else None
    between = f"prediction times in {years[0]} to {years[1]}" if years else ""
    last = f"records up to {origin.last_event}" if origin and origin.last_event else ""
    return "; ".join(text for text in (between, last) if text)


def _eligible(facts: Facts) -> str:
    config, origin = facts.config, facts.subject.origin
    rules = list(details(origin)) if origin else []
    visits = f"{config.min_threshold} to {config.max_threshold - 1:,} visits"
    rules = [facts.subject.question, *rules] if origin and origin.rules else rules
    return "; ".join([*rules, f"the run takes rows with {visits}"])


def _preparation(facts: Facts) -> str:
    origin = facts.subject.origin
    parts = [links_policy(origin) if origin else "", "codes that training lacks are dropped from valid, test and use"]
    if origin and origin.audit:
        parts.append(f"audit for leakage: {'; '.join(origin.audit[:2])}")
    return "; ".join(part for part in parts if part)


def _outcome(facts: Facts) -> str:
    return facts.subject.question if facts.rules else ""


def _predictors(facts: Facts) -> str:
    codes = ", ".join(
        f"{facts.splits[0].configuration.sizes[f'num_{kind}']:,} {name}"
        for kind, name in (("dx", "diagnoses"), ("rx", "medications"), ("pr", "procedures"))
    )
    text = f"the codes of all visits with their links and order: room for {codes}"
    beside = {"age_sex": "age and sex", "visit_days": "days of visits"}
    asked = [name for flag, name in beside.items() if getattr(facts.config, flag) != "none"]
    return "; ".join([text, *(f"{name}, if the cohort has them" for name in asked)])


def _definitions(facts: Facts) -> str:
    origin = facts.subject.origin
    window = "; ".join(details(origin)) if origin else ""
    return f"codes as recorded ({window})" if window else ""


def _size(facts: Facts) -> str:
    return facts.sets


def _missing(facts: Facts) -> str:
    empty, rows = facts.unknown
    rule = facts.splits[0].adjustment.rule
    return (
        "nothing is imputed: a code that is not recorded counts as absent; of "
        f"{empty:,} of {rows:,} test rows the model knows no code, and they are scored {rule}"
    )


def _partition(facts: Facts) -> str:
    return f"{facts.division}. {facts.sets}" if facts.sets else facts.division


def _form(facts: Facts) -> str:
    origin = facts.subject.origin
    grouped = origin.arguments.get("roll_up") if origin else None
    text = "each code has an embedding that is learned, or columns of a regression for its presence and its count"
    return f"{text}; codes were replaced by ancestors before: {grouped}" if grouped else text


def _model(facts: Facts) -> str:
    return facts.model


def _measures(facts: Facts) -> str:
    times = facts.bootstrap.times
    text = "ROC AUC, average precision, Brier score, observed / expected, calibration intercept, slope and smooth curve"
    return f"{text}; 95% percentile intervals of {times:,} bootstrap resamples of the patients" if times else text


def _updated(facts: Facts) -> str:
    return f"recalibrated: {', '.join(facts.recalibrated)}" if facts.recalibrated else ""


def _computed(facts: Facts) -> str:
    versions: dict[str, Any] = facts.splits[0].configuration.versions
    named = ", ".join(f"{name} {versions[name]}" for name in sorted(versions))
    return f"by mime-tf predict or the exported model ({named})"


def _balance(facts: Facts) -> str:
    weight = facts.config.class_weight
    if weight == "none":
        return "none was applied: no resampling and no weights, so that probabilities keep their calibration"
    after = "recalibrated" if facts.recalibrated else "not recalibrated, so the probabilities are not calibrated"
    return f"label 1 weighs {weight} in training; {after}"


def _output(facts: Facts) -> str:
    return "a probability from 0 to 1; the run settles no threshold"


def _flow(facts: Facts) -> str:
    flow = facts.subject.origin.flow if facts.subject.origin else []
    return "; ".join(
        f"{step} {patients:,}" + ("" if rows is None else f" ({rows:,} rows)") for step, patients, rows in flow
    )


def _characteristics(facts: Facts) -> str:
    population = facts.subject.population
    return "; ".join(population.described()) if population else ""


def _specification(facts: Facts) -> str:
    data = facts.splits[0].configuration.data or {}
    digest = next(iter(data.values()), "")[:12]
    known = f"; data of SHA-256 {digest}…" if digest else ""
    served = "mime-tf export writes it for servers"
    return f"model.keras in the folder of each split, all flags in config.json{known}; {served}"


def _performance(facts: Facts) -> str:
    return f"on test, {facts.tested}: {facts.performance}"


def _sizes_of_tests(facts: Facts) -> str:
    return f"{facts.sets}; test: {facts.tested}" if facts.sets else f"test: {facts.tested}"


def _empty_input(facts: Facts) -> str:
    rule = facts.splits[0].adjustment.rule
    dropped = "codes that training lacks are dropped and counted"
    return f"{dropped}; a patient of whom nothing is known is scored {rule}, and marked"


def _overfitting(facts: Facts) -> str:
    config = facts.config
    if config.blend:
        return "penalties and weights of the parts were chosen out of fold and on valid; test took no part in it"
    kept = "the update of the lowest loss on valid is kept"
    return f"L2 penalty {config.regularize:g}, dropout {config.dropout:g}; {kept}; test took no part in it"


def _leakage(facts: Facts) -> str:
    origin, column = facts.subject.origin, facts.config.group_column
    together = f"rows with one {column} are in one set" if column else "rows are divided one by one (no group_column)"
    audit = f"; audit of the export: {'; '.join(origin.audit[:2])}" if origin and origin.audit else ""
    return f"{together}; known codes, weights and the choice of the model are of train and valid alone{audit}"


def _site_names(facts: Facts) -> str:
    return f"each measured by itself: {', '.join(site.name for site in facts.sites)}"


def _other_data(facts: Facts) -> str:
    return f"evaluated also on other data than training's: {', '.join(site.name for site in facts.sites)}"


def _site_patients(facts: Facts) -> str:
    return "; ".join(f"{site.name}: {site.patients}" for site in facts.sites)


def _site_performance(facts: Facts) -> str:
    return "; ".join(f"{site.name}: {site.performance}" for site in facts.sites)


_FROM_RUN: dict[str, Answering] = {
    "1": _title,
    "4": lambda facts: "development, with a test on patients that were held out",
    "5a": _source,
    "5b": _dates,
    "6b": _eligible,
    "7": _preparation,
    "8a": _outcome,
    "9a": _predictors,
    "9b": _definitions,
    "10": _size,
    "11": _missing,
    "12a": _partition,
    "12b": _form,
    "12c": _model,
    "12d": _site_names,
    "12e": _measures,
    "12f": _updated,
    "12g": _computed,
    "13": _balance,
    "15": _output,
    "16": _other_data,
    "20a": _flow,
    "20b": _characteristics,
    "20c": _site_patients,
    "21": _sizes_of_tests,
    "22": _specification,
    "23a": _performance,
    "23b": _site_performance,
    "24": _updated,
    "27a": _empty_input,
    "d_source": _source,
    "d_eligible": _eligible,
    "d_known_in_time": _definitions,
    "d_outcome": _outcome,
    "d_interval": _outcome,
    "d_size": _size,
    "d_missing": _missing,
    "d_imbalance": _balance,
    "d_overfitting": _overfitting,
    "d_leakage": _leakage,
    "e_source": _other_data,
    "e_same": lambda facts: (
        "test is of the same cohort, with the same codes; codes that training lacks are dropped and counted"
    ),
    "e_size": lambda facts: f"test: {facts.tested}",
    "e_left_out": _missing,
    "e_measures": _performance,
}


def _one_cohort(facts: Facts) -> str:
    way = "by time" if facts.config.split_by == TIME else "at random"
    return f"of one cohort, divided {way}; no other data were measured"


_ONE_SOURCE = "the run has one cohort; mime-tf validate measures the model at other sites and in other periods"
_NO_GROUPS = "the run measures no groups; mime-tf evaluate --subgroup sex does, and compares them"
_NOT_UPDATED = "the model is not updated; mime-tf recalibrate fits its probabilities to other patients"


def _unless_validated(facts: Facts) -> str | None:
    return None if facts.sites else _ONE_SOURCE


def _unless_recalibrated(facts: Facts) -> str | None:
    return None if facts.recalibrated else _NOT_UPDATED


_NOT_DONE: dict[str, Answering] = {
    "12d": _unless_validated,
    "12f": _unless_recalibrated,
    "14": lambda facts: _NO_GROUPS,
    "16": lambda facts: None if facts.sites else f"train, valid and test are {_one_cohort(facts)}",
    "20c": _unless_validated,
    "23b": _unless_validated,
    "24": _unless_recalibrated,
    "e_source": lambda facts: None if facts.sites else f"train and test are {_one_cohort(facts)}",
    "e_fair": lambda facts: _NO_GROUPS,
}
