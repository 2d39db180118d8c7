"""From orders and their reasons to Dx-objects: the part of an import that decides whether MiME has anything to learn.

An order's reason need not be recorded as a diagnosis in the visit in which the order is made: in recent exports of
Synthea 93 of 100 medications that name a reason point to a condition of an earlier visit, as refills do. So a reason is
a Dx-object of the visit of its order, whether or not that visit recorded it.
"""

import dataclasses
from typing import Any

import ibis

from mime_tf.ehr.linkage.ways import EARLIER, INFERRED, LATER, NEVER, RESERVED, RESERVED_DX, SAME, SINGLE


@dataclasses.dataclass(frozen=True)
class Linked:
    """The Dx-objects of all visits; Ibis tables.

    Attributes:
        dxobjects: v, p, dx, time: when it was first known in the visit. A visit has a dx once.
        links: o, v, p, dx, kind, code, time, how: an order in a Dx-object.
    """

    dxobjects: Any
    links: Any


def link(engine, events, unlinked="drop", infer_share=0.5):
    """Links orders to diagnoses.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        events: `mime_tf.ehr.events.Events`.
        unlinked: what becomes of orders without a reason. `"drop"`: nothing. `"null"`: a Dx-object of a reserved
            diagnosis, one a visit, takes them. `"single"`: the visit's only diagnosis takes them; where it has none or
            several they are dropped. `"infer"`: of the visit's diagnoses, the one with which the code is most often
            linked elsewhere in the data takes them, the lower concept if two are equal, when it has a share of
            `infer_share` or more of the code's links.
        infer_share: from 0 to 1.

    Returns:
        Linked.
    """
    links = engine.keep(_with_reason(events), "links")
    dxobjects = engine.keep(_dxobjects(events.diagnoses, links), "dxobjects")
    free = events.orders.anti_join(links.select("o"), "o")
    given = {
        "drop": lambda: None,
        "null": lambda: _to_reserved(free),
        "single": lambda: _to_only(free, dxobjects),
        "infer": lambda: _to_inferred(free, dxobjects, links, infer_share),
    }[unlinked]()
    if given is None:
        return Linked(dxobjects, links)
    links = engine.keep(ibis.union(links, given.select(*links.columns)), "links_given")
    if unlinked == "null":
        dxobjects = engine.keep(_dxobjects(events.diagnoses, links), "dxobjects_given")
    return Linked(dxobjects, links)


def _with_reason(events):
    """Each order with each of its reasons, and where that diagnosis is recorded."""
    recorded, orders = events.diagnoses, events.orders
    here = recorded.select("v", "dx").mutate(here=True)
    first = recorded.group_by("p", "dx").agg(first=recorded.v.min())
    joined = orders.join(events.reasons, "o")
    joined = joined.left_join(here, ["v", "dx"]).drop("v_right", "dx_right")
    joined = joined.left_join(first, ["p", "dx"]).drop("p_right", "dx_right")
    how = ibis.cases(
        (joined.here.notnull(), SAME),
        (joined["first"].isnull(), NEVER),
        (joined["first"] < joined.v, EARLIER),
        else_=LATER,
    )
    return joined.select("o", "v", "p", "dx", "kind", "code", "time", how=how.cast("int64"))


def _dxobjects(diagnoses, links):
    """The distinct diagnoses of each visit: those recorded and those because of which something was ordered."""
    both = ibis.union(diagnoses.select("v", "p", "dx", "time"), links.select("v", "p", "dx", "time"))
    return both.group_by("v", "p", "dx").agg(time=both.time.min())


def _given(orders, how):
    return orders.mutate(how=ibis.literal(how).cast("int64"))


def _to_reserved(free):
    return _given(free, RESERVED).mutate(dx=ibis.literal(RESERVED_DX).cast("int64"))


def _to_known(orders, how):
    """Orders given to diagnoses: before a diagnosis is `known`, nobody can know of an order in it."""
    return _given(orders.mutate(time=ibis.greatest(orders.time, orders.known)), how)


def _to_only(free, dxobjects):
    only = dxobjects.group_by("v").agg(dx=dxobjects.dx.min(), known=dxobjects.time.min(), several=dxobjects.count())
    return _to_known(free.join(only.filter(only.several == 1), "v"), SINGLE)


def _to_inferred(free, dxobjects, links, share):
    """Each free order with the diagnosis of its visit that its code has the most links with, if they are enough."""
    counts = links.group_by("kind", "code", "dx").agg(times=links.count())
    shares = counts.mutate(share=counts.times / counts.times.sum().over(group_by=["kind", "code"]))
    choices = free.join(dxobjects.select("v", "dx", known="time"), "v").join(
        shares.filter(shares.share >= share), ["kind", "code", "dx"]
    )
    rank = ibis.row_number().over(group_by=choices.o, order_by=[choices.times.desc(), choices.dx])
    ranked = choices.mutate(rank=rank)
    return _to_known(ranked.filter(ranked["rank"] == 0), INFERRED)
