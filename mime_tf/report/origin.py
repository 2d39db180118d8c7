"""Origin of a cohort: what `convert` wrote beside it about how orders were linked and patients chosen."""

import dataclasses
import os

from mime_tf.data import cohort
from mime_tf.errors import InputError
from mime_tf.runs.folder import read_json

LINKAGE, CONVERT = "linkage.json", "convert.json"


@dataclasses.dataclass(frozen=True)
class Origin:
    """Origin of a cohort. An attribute is empty where `convert` left nothing about it.

    Attributes:
        orders: list of rows: how orders were linked, number of medications, number of procedures; the total is one.
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


def read_origin(source):
    """Reads linkage.json and convert.json beside a cohort.

    Args:
        source: as `mime_tf.data.cohort` says.

    Returns:
        Origin, or None where both are missing.

    Raises:
        InputError: one of them is not as `convert` writes it.
    """
    folder = cohort.folder(source)
    linkage_path, convert_path = (os.path.join(folder, name) for name in (LINKAGE, CONVERT))
    linkage, conversion = read_json(linkage_path), read_json(convert_path)
    if linkage is None and conversion is None:
        return None
    orders, links = ([], []) if linkage is None else _extracted(linkage_path, _linkage, linkage)
    flow, audit, rules = ([], [], {}) if conversion is None else _extracted(convert_path, _conversion, conversion)
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


def _conversion(content):
    flow = [
        (step, int(counts["patients"]), None if counts["rows"] is None else int(counts["rows"]))
        for step, counts in content["flow"].items()
    ]
    return flow, list(_audit(content["audit"] or {})), dict(content["rules"])


def _audit(audit):
    """Yields the findings of the audit for leakage; without prediction times there are none."""
    if "events_at_or_after_prediction" in audit:
        yield f"{audit['events_at_or_after_prediction']:,} events at or after the prediction time"
        yield f"{audit['visits_outside_window']:,} visits outside the window"
    for code in audit.get("strongest_codes", []):
        yield f"{code['display'] or code['code']}: AUC {code['auc']:.3f} of having it ({code['rows']:,} rows)"
