"""Origin of a cohort: what was asked of which export, and how orders were linked and patients chosen.

The facts are those that `convert` wrote beside the cohort, and that training takes along into the run.
"""

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any

from mime_tf.data.conversion import Conversion
from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Origin:
    """Origin of a cohort. An attribute is empty where `convert` left nothing about it.

    Attributes:
        orders: rows: how orders were linked, number of medications, number of procedures; one row is the total.
        links: rows, the commonest links: number of orders, diagnosis, order.
        flow: rows, the steps of choosing patients: step, patients, rows or None.
        audit: findings of the audit for leakage.
        rules: how patients and prediction times were chosen.
        arguments: the arguments of `convert`.
        outcome: name of each diagnosis that is the outcome, such as `Heart failure (88805009)`.
        last_event: day of the last event of the export, such as `2020-05-03`.
    """

    orders: list[tuple[str, int, int]]
    links: list[tuple[int, str, str]]
    flow: list[tuple[str, int, int | None]]
    audit: list[str]
    rules: dict[str, Any]
    arguments: dict[str, Any]
    outcome: list[str]
    last_event: str


def origin_of(conversion: Conversion | None) -> Origin | None:
    """Returns the facts in the files that `convert` left beside a cohort, or None.

    Raises:
        InputError: one of the files is not as `convert` writes it.
    """
    if conversion is None:
        return None
    orders, links, rules = [], [], {}
    if conversion.linkage is not None:
        orders, links = _extracted(conversion.linkage_path, _linkage, conversion.linkage)
    if conversion.rules is not None:
        rules = _extracted(conversion.rules_path, _rules, conversion.rules)
    empty: dict[str, Any] = {"flow": [], "audit": [], "rules": {}, "arguments": {}, "outcome": [], "last_event": ""}
    return Origin(orders=orders, links=links, **(empty | rules))


def _extracted(path: str, extract: Callable[[Any], Any], content: Any) -> Any:
    """Returns the facts in the content of a file, which may hold anything."""
    try:
        return extract(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not as convert writes it: {type(error).__name__}: {error}") from error


def _linkage(content: Any) -> tuple[list, list]:
    rx, pr = content["orders"]["rx"], content["orders"]["pr"]
    orders = [(str(way), int(rx[way]), int(pr[way])) for way in rx if way == "total" or rx[way] or pr[way]]
    links = [
        (int(link["orders"]), link["diagnosis"] or link["dx_code"], link["order"] or link["order_code"])
        for link in content["commonest_links"]
    ]
    return orders, links


def _rules(content: Any) -> dict[str, Any]:
    return {
        "flow": [
            (step, int(counts["patients"]), None if counts["rows"] is None else int(counts["rows"]))
            for step, counts in content["flow"].items()
        ],
        "audit": list(_audit(content["audit"] or {})),
        "rules": dict(content["rules"]),
        "arguments": dict(content.get("arguments", {})),
        "outcome": [_name(code) for code in content.get("outcome", [])],
        "last_event": str(content.get("export", {}).get("last_event", "")),
    }


def _name(code: dict[str, str]) -> str:
    """Returns display and code, without the tag by which SNOMED CT ends a full name, such as `(disorder)`."""
    display = re.sub(r" \((?:disorder|finding|situation|event)\)$", "", code["display"])
    return f"{display} ({code['code']})" if display else str(code["code"])


def _audit(audit: dict[str, Any]) -> Iterator[str]:
    """Yields the findings of the audit for leakage; without prediction times it has none."""
    if "events_at_or_after_prediction" in audit:
        yield f"{audit['events_at_or_after_prediction']:,} events at or after the prediction time"
        yield f"{audit['visits_outside_window']:,} visits outside the window"
    for code in audit.get("strongest_codes", []):
        yield f"{code['display'] or code['code']}: AUC {code['auc']:.3f} of having it ({code['rows']:,} rows)"
