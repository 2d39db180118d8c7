"""What a cohort consists of, and what `convert` wrote beside it about how it was made."""

import dataclasses

import numpy as np

from mime_tf.data.store import CODE_KINDS
from mime_tf.data.vocabulary import code_name
from mime_tf.errors import InputError

TOP = 8


@dataclasses.dataclass(frozen=True)
class Facts:
    """A cohort in numbers.

    Attributes:
        patients, ones: rows, and those of label 1.
        visits, dxobjects: how many in all.
        visit_counts: the least, the median and the most visits of a patient.
        with_orders: share of the Dx-objects that have an order.
        occurrences, codes: dicts from `"dx"`, `"rx"` and `"pr"` to how many there are, and how many different ones.
        top: dict from a kind to its `TOP` commonest codes by patients: tuples of name, patients, occurrences.
    """

    patients: int
    ones: int
    visits: int
    dxobjects: int
    visit_counts: tuple
    with_orders: float
    occurrences: dict
    codes: dict
    top: dict


def describe(cohort, vocabulary=None):
    """Counts what a cohort consists of.

    Args:
        cohort: `mime_tf.data.cohort.Cohort` with labels.
        vocabulary: `mime_tf.data.vocabulary.Vocabulary`, or None.

    Returns:
        Facts.
    """
    store, counts = cohort.store, cohort.store.visit_counts
    of_visit = np.repeat(np.arange(len(store)), counts)
    of_dxobj = np.repeat(of_visit, np.diff(store.dxobjs))
    orders = {kind: np.diff(getattr(store, f"{kind}_offsets")) for kind in ("rx", "pr")}
    owners = {"dx": of_dxobj} | {kind: np.repeat(of_dxobj, lengths) for kind, lengths in orders.items()}
    counted = {kind: _count(getattr(store, kind), owners[kind]) for kind in CODE_KINDS}
    return Facts(
        patients=len(store),
        ones=int(cohort.labels.sum()),
        visits=len(of_visit),
        dxobjects=len(store.dx),
        visit_counts=(int(counts.min()), float(np.median(counts)), int(counts.max())),
        with_orders=float((orders["rx"] + orders["pr"] > 0).mean()) if len(store.dx) else 0.0,
        occurrences={kind: len(getattr(store, kind)) for kind in CODE_KINDS},
        codes={kind: len(codes) for kind, (codes, _, _) in counted.items()},
        top={kind: _top(vocabulary, kind, *found) for kind, found in counted.items()},
    )


def _count(codes, owners):
    """The different codes, how many patients have each, and how often each occurs."""
    different, which, times = np.unique(codes, return_inverse=True, return_counts=True)
    pairs = np.unique(which.astype(np.int64) + owners * max(len(different), 1))
    return different, np.bincount(pairs % max(len(different), 1), minlength=len(different)), times


def _top(vocabulary, kind, codes, patients, times):
    first = np.lexsort((codes, -times, -patients))[:TOP]
    return [(code_name(vocabulary, kind, int(codes[at])), int(patients[at]), int(times[at])) for at in first]


@dataclasses.dataclass(frozen=True)
class Origin:
    """What `convert` said of a cohort. Each is empty where it did not.

    Attributes:
        orders: list of rows: how orders were linked, the medications, the procedures.
        links: list of rows: orders, diagnosis, order.
        flow: list of rows: step, patients, rows.
        audit: list of str, what was found.
        rules: dict, how patients and times were chosen.
    """

    orders: list
    links: list
    flow: list
    audit: list
    rules: dict


def origin(conversion):
    """Returns what `convert` said of a cohort.

    Args:
        conversion: `mime_tf.data.conversion.Conversion`, or None.

    Returns:
        Origin, or None where there is neither.

    Raises:
        InputError: one is not as `convert` writes it.
    """
    if conversion is None:
        return None
    orders, links, flow, audit, rules = [], [], [], [], {}
    if conversion.linkage is not None:
        orders, links = _checked(conversion.linkage_path, _linkage, conversion.linkage)
    if conversion.rules is not None:
        flow, audit, rules = _checked(conversion.rules_path, _conversion, conversion.rules)
    return Origin(orders, links, flow, audit, rules)


def _checked(path, extract, content):
    """Returns what is extracted from a file that may hold anything."""
    try:
        return extract(content)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: not as convert writes it: {type(error).__name__}: {error}") from error


def _linkage(content):
    rx, pr = content["orders"]["rx"], content["orders"]["pr"]
    orders = [
        (way, _part(rx[way], rx["total"]), _part(pr[way], pr["total"]))
        for way in rx
        if way == "total" or rx[way] or pr[way]
    ]
    pairs = content["commonest_links"]
    links = [
        (f"{pair['orders']:,}", pair["diagnosis"] or pair["dx_code"], pair["order"] or pair["order_code"])
        for pair in pairs
    ]
    return orders, links


def _conversion(content):
    flow = [(step, f"{found['patients']:,}", _count_or_dash(found["rows"])) for step, found in content["flow"].items()]
    return flow, list(_audit(content["audit"] or {})), dict(content["rules"])


def _audit(audit):
    """Yields what the leakage audit found; there is none without prediction times."""
    if "events_at_or_after_prediction" in audit:
        yield f"{audit['events_at_or_after_prediction']:,} events at or after the prediction time"
        yield f"{audit['visits_outside_window']:,} visits outside the window"
    for code in audit.get("strongest_codes", []):
        yield f"{code['display'] or code['code']}: AUC {code['auc']:.3f} of having it ({code['rows']:,} rows)"


def _part(count, total):
    return f"{count:,} ({count / total:.1%})" if total else f"{count:,}"


def _count_or_dash(count):
    return "–" if count is None else f"{count:,}"
