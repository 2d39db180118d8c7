"""Looking into simulated cohorts: links of pairs, Dx-objects and visits."""

import numpy as np

from mime_tf.simulate.risk.pairs import KINDS as PAIR_KINDS

SMALL = {"num_dx": 60, "num_rx": 24, "num_pr": 30, "mean_visits": 8}


def columns(store):
    return {name: column.tolist() for name, column in store.records.items()}


def own_orders(world):
    """Dict from the kind of a pair and one of its diagnoses to the pair's orders."""
    pairs = zip(PAIR_KINDS, world.pairs.dx.tolist(), world.pairs.orders.tolist(), strict=True)
    return {(kind, dx): orders for kind, both, orders in pairs for dx in both}


def links_of(patient, pair):
    """The wirings, +1 or -1, that a patient's links of one pair of the truth show."""
    field = 1 if pair["kind"] == "rx" else 2
    links = [[dxobj[0], code] for visit in patient for dxobj in visit for code in dxobj[field]]
    return {1 for link in links if link in pair["links_of_risk"]} | {
        -1 for link in links if link in pair["links_of_protection"]
    }


def visit_of(store):
    """The visit of each Dx-object."""
    return np.repeat(np.arange(len(store.dxobjs) - 1), np.diff(store.dxobjs))


def dxobj_of(store, kind):
    """The Dx-object of each code of a kind."""
    return np.repeat(np.arange(len(store.dx)), np.diff(getattr(store, f"{kind}_offsets")))


def linked(store, kind, dx, code):
    """The Dx-objects of a diagnosis that hold an order, one for each time."""
    dxobj = dxobj_of(store, kind)
    return dxobj[(store.dx[dxobj] == dx) & (getattr(store, kind) == code)]


def in_visits(store, dxobjs):
    """Number of the given Dx-objects in each visit."""
    return np.bincount(visit_of(store)[dxobjs], minlength=len(store.dxobjs) - 1)
