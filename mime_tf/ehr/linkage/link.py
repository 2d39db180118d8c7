"""From orders and their reasons to Dx-objects: the step that decides whether MiME has anything to learn.

An order's reason need not be recorded as a diagnosis in the visit in which the order is made: in recent exports of
Synthea 93 of 100 medications that name a reason point to a condition of an earlier visit, as refills do. So a reason is
a Dx-object of the visit of its order, whether or not that visit recorded it.
"""

import dataclasses

import ibis

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.events import Events
from mime_tf.ehr.linkage.terms import (
    EARLIER,
    INFERRED,
    LATER,
    NEVER,
    ONLY_DIAGNOSIS,
    RESERVED,
    RESERVED_DX,
    SAME_VISIT,
)


@dataclasses.dataclass(frozen=True)
class Linked:
    """The Dx-objects of all visits.

    Attributes:
        dxobjects: v, p, dx, time: when the visit first has the dx. A visit has a dx once.
        links: o, v, p, dx, kind, code, time, origin (an index of `ORIGINS`): an order in a Dx-object.
    """

    dxobjects: ibis.Table
    links: ibis.Table


def link(engine: Engine, events: Events, unlinked: str = "drop", infer_share: float = 0.5) -> Linked:
    """Links orders to diagnoses.

    Args:
        engine: the events' engine.
        events: the numbered export.
        unlinked: policy for orders without a reason. `"drop"` leaves them out. `"null"` gives them to a Dx-object of a
            reserved diagnosis, one per visit. `"single"` gives them to the visit's only diagnosis, and drops them where
            the visit has none or several. `"infer"` gives them to the diagnosis of the visit with which their code is
            linked most often elsewhere in the data, the lower concept if two are equal, provided that it has a share
            of `infer_share` or more of the code's links.
        infer_share: from 0 to 1.
    """
    links = engine.keep(_links_by_reason(events), "links")
    dxobjects = engine.keep(_dxobjects(events.diagnoses, links), "dxobjects")
    if unlinked == "drop":
        return Linked(dxobjects, links)
    orders = events.orders.anti_join(links.select("o"), "o")  # those without a reason
    given = {
        "null": lambda: _to_reserved_diagnosis(orders),
        "single": lambda: _to_only_diagnosis(orders, dxobjects),
        "infer": lambda: _to_inferred_diagnosis(orders, dxobjects, links, infer_share),
    }[unlinked]()
    links = engine.keep(ibis.union(links, given.select(*links.columns)), "links_given")
    if unlinked == "null":
        dxobjects = engine.keep(_dxobjects(events.diagnoses, links), "dxobjects_given")
    return Linked(dxobjects, links)


def _links_by_reason(events):
    """Each order with each of its reasons; the origin is where that diagnosis is recorded."""
    recorded, orders = events.diagnoses, events.orders
    in_visit = recorded.select("v", "dx").mutate(in_visit=True)
    first = recorded.group_by("p", "dx").agg(first=recorded.v.min())
    joined = orders.join(events.reasons, "o")
    joined = joined.left_join(in_visit, ["v", "dx"]).drop("v_right", "dx_right")
    joined = joined.left_join(first, ["p", "dx"]).drop("p_right", "dx_right")
    origin = ibis.cases(
        (joined.in_visit.notnull(), SAME_VISIT),
        (joined["first"].isnull(), NEVER),
        (joined["first"] < joined.v, EARLIER),
        else_=LATER,
    )
    return joined.select("o", "v", "p", "dx", "kind", "code", "time", origin=origin.cast("int64"))


def _dxobjects(diagnoses, links):
    """The distinct diagnoses of each visit: those recorded, and those that led to an order."""
    both = ibis.union(diagnoses.select("v", "p", "dx", "time"), links.select("v", "p", "dx", "time"))
    return both.group_by("v", "p", "dx").agg(time=both.time.min())


def _with_origin(orders, origin):
    return orders.mutate(origin=ibis.literal(origin).cast("int64"))


def _to_reserved_diagnosis(orders):
    return _with_origin(orders, RESERVED).mutate(dx=ibis.literal(RESERVED_DX).cast("int64"))


def _to_known_diagnosis(orders, origin):
    """Orders given to a diagnosis; they count from when that is `known`, because no order in it can be known before."""
    return _with_origin(orders.mutate(time=ibis.greatest(orders.time, orders.known)), origin)


def _to_only_diagnosis(orders, dxobjects):
    visits = dxobjects.group_by("v").agg(dx=dxobjects.dx.min(), known=dxobjects.time.min(), diagnoses=dxobjects.count())
    return _to_known_diagnosis(orders.join(visits.filter(visits.diagnoses == 1), "v"), ONLY_DIAGNOSIS)


def _to_inferred_diagnosis(orders, dxobjects, links, min_share):
    """Each order with the diagnosis of its visit that its code has the most links with, if their share is enough."""
    counts = links.group_by("kind", "code", "dx").agg(times=links.count())
    shares = counts.mutate(share=counts.times / counts.times.sum().over(group_by=["kind", "code"]))
    choices = orders.join(dxobjects.select("v", "dx", known="time"), "v").join(
        shares.filter(shares.share >= min_share), ["kind", "code", "dx"]
    )
    rank = ibis.row_number().over(group_by=choices.o, order_by=[choices.times.desc(), choices.dx])
    ranked = choices.mutate(rank=rank)
    return _to_known_diagnosis(ranked.filter(ranked["rank"] == 0), INFERRED)
