"""How well orders are linked to diagnoses: what linkage.json says, and its printed table."""

from mime_tf.ehr.linkage.ways import HOW, NOT_LINKED

KINDS = {"rx": "medications", "pr": "procedures"}
COMMONEST = 10


def report(engine, events, linked):
    """Counts orders by how they were linked, and what they make.

    Returns:
        Dict, as linkage.json has it: `"orders"`, by kind, how many in all and by the closest of their links
        (`mime_tf.ehr.linkage.ways.HOW`); `"links"`, as many as an order has reasons; `"dx_objects"`, `"visits"` and
        `"patients"` of the whole export; `"commonest_links"`, to be looked at by a clinician; `"left_out"`.
    """
    orders = engine.arrow(events.orders.group_by("kind").agg(total=events.orders.count())).to_pylist()
    totals = {row["kind"]: row["total"] for row in orders}
    closest = linked.links.group_by("o", "kind").agg(how=linked.links.how.min())
    counted = engine.arrow(closest.group_by("kind", "how").agg(times=closest.count())).to_pylist()
    by_kind = {}
    for kind in KINDS:
        found = {HOW[row["how"]]: row["times"] for row in counted if row["kind"] == kind}
        total = totals.get(kind, 0)
        ways = {way: found.get(way, 0) for way in HOW} | {NOT_LINKED: total - sum(found.values())}
        by_kind[kind] = {"total": total} | ways
    dxobjects = linked.dxobjects
    visits, patients = events.visits.count(), events.patients.count()
    return {
        "orders": by_kind,
        "links": engine.value(linked.links.count()),
        "dx_objects": engine.value(dxobjects.count()),
        "visits": {"total": engine.value(visits), "with a Dx-object": engine.value(dxobjects.v.nunique())},
        "patients": {"total": engine.value(patients), "with a Dx-object": engine.value(dxobjects.p.nunique())},
        "commonest_links": commonest(engine, events, linked),
        "left_out": events.left_out,
    }


def commonest(engine, events, linked):
    """Returns the commonest pairs of a diagnosis and an order, by name: a list of dicts."""
    pairs = linked.links.group_by("dx", "kind", "code").agg(orders=linked.links.count())
    names = events.concepts
    named = pairs.join(
        names.select("concept", dx_system="system", dx_code="code", diagnosis="display"), pairs.dx == names.concept
    ).drop("concept")
    named = named.join(
        names.select("concept", order_system="system", order_code="code", order="display"), named.code == names.concept
    )
    columns = ("orders", "kind", "dx_system", "dx_code", "diagnosis", "order_system", "order_code", "order")
    by = [
        named.orders.desc(),
        *(named[name] for name in ("dx_code", "dx_system", "order_code", "order_system", "kind")),
    ]
    return engine.arrow(named.order_by(by).limit(COMMONEST).select(*columns)).to_pylist()


def lines(report):
    """Yields the report as it is printed."""
    ways = {"total": "orders"} | {way: f"  {way}" for way in (*HOW, NOT_LINKED)}
    yield f"{'':40}" + "".join(f"{name:>22}" for name in KINDS.values())
    for way, title in ways.items():
        counts = [report["orders"][kind][way] for kind in KINDS]
        if any(counts) or way == "total":
            totals = [report["orders"][kind]["total"] for kind in KINDS]
            cells = (
                f"{count:,} ({count / total:.1%})" if total else "0"
                for count, total in zip(counts, totals, strict=True)
            )
            yield f"{title:40}" + "".join(f"{cell:>22}" for cell in cells)
    for name in ("visits", "patients"):
        found = report[name]
        yield f"{name:40}{found['total']:>14,}, of which {found['with a Dx-object']:,} with a Dx-object"
    yield f"{'Dx-objects':40}{report['dx_objects']:>14,}"
    for what, times in report["left_out"].items():
        yield f"left out: {times:,} {what}"
    if report["commonest_links"]:
        yield "the commonest links, for a clinician to look at:"
    for pair in report["commonest_links"]:
        yield f"{pair['orders']:>9,}  {pair['diagnosis'] or pair['dx_code']}  ->  {pair['order'] or pair['order_code']}"
