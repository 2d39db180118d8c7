"""Origin of a cohort: how orders were linked and patients chosen, as `convert` wrote beside it."""

import dataclasses

from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Origin:
    """Origin of a cohort. An attribute is empty where `convert` left nothing about it.

    Attributes:
        orders: list of rows: how orders were linked, number of medications, number of procedures; one row is the total.
        links: list of rows, the commonest links: number of orders, diagnosis, order.
        flow: list of rows, the steps of choosing patients: step, patients, rows or None.
        audit: list of str, findings of the audit for leakage.
        rules: dict, how patients and prediction times were chosen.
    """

    orders: list
    links: list
    flow: list
    audit: list
    rules: dict


def origin_of(conversion):
    """Returns the facts in the files that `convert` left beside a cohort.

    Args:
        conversion: `mime_tf.data.conversion.Conversion`, or None.

    Returns:
        Origin, or None.

    Raises:
        InputError: one of the files is not as `convert` writes it.
    """
    if conversion is None:
        return None
    orders, links, flow, audit, rules = [], [], [], [], {}
    if conversion.linkage is not None:
        orders, links = _extracted(conversion.linkage_path, _linkage, conversion.linkage)
    if conversion.rules is not None:
        flow, audit, rules = _extracted(conversion.rules_path, _rules, conversion.rules)
    return Origin(orders, links, flow, audit, rules)


def _extracted(path, extract, content):
    """Returns the facts in the content of a file, which may hold anything."""
    try:
        return extract(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not as convert writes it: {type(error).__name__}: {error}") from error


def _linkage(content):
    rx, pr = content["orders"]["rx"], content["orders"]["pr"]
    orders = [(str(way), int(rx[way]), int(pr[way])) for way in rx if way == "total" or rx[way] or pr[way]]
    links = [
        (int(link["orders"]), link["diagnosis"] or link["dx_code"], link["order"] or link["order_code"])
        for link in content["commonest_links"]
    ]
    return orders, links


def _rules(content):
    flow = [
        (step, int(counts["patients"]), None if counts["rows"] is None else int(counts["rows"]))
        for step, counts in content["flow"].items()
    ]
    return flow, list(_audit(content["audit"] or {})), dict(content["rules"])


def _audit(audit):
    """Yields the findings of the audit for leakage; without prediction times it has none."""
    if "events_at_or_after_prediction" in audit:
        yield f"{audit['events_at_or_after_prediction']:,} events at or after the prediction time"
        yield f"{audit['visits_outside_window']:,} visits outside the window"
    for code in audit.get("strongest_codes", []):
        yield f"{code['display'] or code['code']}: AUC {code['auc']:.3f} of having it ({code['rows']:,} rows)"
