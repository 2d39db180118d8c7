"""How orders were linked to diagnoses: the content of linkage.json, and its printed table."""

from collections.abc import Iterator
from typing import Any

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.events import Events
from mime_tf.ehr.linkage.link import Linked
from mime_tf.ehr.linkage.terms import NOT_LINKED, ORIGINS

KIND_NAMES = {"rx": "medications", "pr": "procedures"}
COMMONEST = 10


def report(engine: Engine, events: Events, linked: Linked) -> dict[str, Any]:
    """Counts orders by the origin of their links, and the Dx-objects that they make.

    Returns:
        The content of linkage.json: `"orders"`, by kind, the total and the number by the closest origin of their links;
        `"links"`, one per reason of an order; `"dx_objects"`, `"visits"` and `"patients"` of the whole export;
        `"commonest_links"`, for a clinician to look at; `"left_out"`; `"kept"`, what is odd and kept.
    """
    orders = engine.arrow(events.orders.group_by("kind").agg(total=events.orders.count())).to_pylist()
    totals = {row["kind"]: row["total"] for row in orders}
    closest = linked.links.group_by("o", "kind").agg(origin=linked.links.origin.min())
    counted = engine.arrow(closest.group_by("kind", "origin").agg(times=closest.count())).to_pylist()
    by_kind = {}
    for kind in KIND_NAMES:
        times = {ORIGINS[row["origin"]]: row["times"] for row in counted if row["kind"] == kind}
        total = totals.get(kind, 0)
        by_origin = {origin: times.get(origin, 0) for origin in ORIGINS}
        by_kind[kind] = {"total": total} | by_origin | {NOT_LINKED: total - sum(times.values())}
    dxobjects = linked.dxobjects
    numbers = engine.numbers(
        {
            "links": linked.links.count(),
            "dx_objects": dxobjects.count(),
            "visits": events.visits.count(),
            "visits with one": dxobjects.v.nunique(),
            "patients": events.patients.count(),
            "patients with one": dxobjects.p.nunique(),
        }
    )
    return {
        "orders": by_kind,
        "links": numbers["links"],
        "dx_objects": numbers["dx_objects"],
        "visits": {"total": numbers["visits"], "with a Dx-object": numbers["visits with one"]},
        "patients": {"total": numbers["patients"], "with a Dx-object": numbers["patients with one"]},
        "commonest_links": commonest(engine, events, linked),
        "left_out": events.left_out,
        "kept": events.kept,
    }


def commonest(engine: Engine, events: Events, linked: Linked) -> list[dict[str, Any]]:
    """Returns the commonest pairs of a diagnosis and an order, with their names."""
    counts = linked.links.group_by("dx", "kind", "code").agg(orders=linked.links.count())
    concepts = events.concepts
    diagnoses = concepts.select("concept", dx_system="system", dx_code="code", diagnosis="display")
    named = counts.join(diagnoses, counts.dx == concepts.concept).drop("concept")
    orders = concepts.select("concept", order_system="system", order_code="code", order="display")
    named = named.join(orders, named.code == concepts.concept)
    columns = ("orders", "kind", "dx_system", "dx_code", "diagnosis", "order_system", "order_code", "order")
    keys = ("dx_code", "dx_system", "order_code", "order_system", "kind")
    ordered = named.order_by([named.orders.desc(), *(named[name] for name in keys)])
    return engine.arrow(ordered.limit(COMMONEST).select(*columns)).to_pylist()


def lines(report: dict[str, Any]) -> Iterator[str]:
    """Yields the lines of the printed table."""
    titles = {"total": "orders"} | {origin: f"  {origin}" for origin in (*ORIGINS, NOT_LINKED)}
    yield f"{'':40}" + "".join(f"{name:>22}" for name in KIND_NAMES.values())
    for origin, title in titles.items():
        counts = [report["orders"][kind][origin] for kind in KIND_NAMES]
        if any(counts) or origin == "total":
            totals = [report["orders"][kind]["total"] for kind in KIND_NAMES]
            cells = (
                f"{count:,} ({count / total:.1%})" if total else "0"
                for count, total in zip(counts, totals, strict=True)
            )
            yield f"{title:40}" + "".join(f"{cell:>22}" for cell in cells)
    for name in ("visits", "patients"):
        counts = report[name]
        yield f"{name:40}{counts['total']:>14,}, of which {counts['with a Dx-object']:,} with a Dx-object"
    yield f"{'Dx-objects':40}{report['dx_objects']:>14,}"
    for reason, times in report["left_out"].items():
        yield f"left out: {times:,} {reason}"
    for oddity, times in report["kept"].items():
        yield f"kept: {times:,} {oddity}"
    if report["commonest_links"]:
        yield "the commonest links, for a clinician to look at:"
    for pair in report["commonest_links"]:
        diagnosis, order = pair["diagnosis"] or pair["dx_code"], pair["order"] or pair["order_code"]
        yield f"{pair['orders']:>9,}  {diagnosis}  ->  {order}"
