"""Dx-objects as the nested records of a cohort."""

import dataclasses

import numpy as np

from mime_tf.data.store import Store, offsets


@dataclasses.dataclass(frozen=True)
class Dropped:
    """What the vocabulary does not have, and so the cohort lacks.

    Attributes:
        dx_objects: how many; their orders go with them.
        orders: how many of the others' orders.
        codes: how many different codes.
    """

    dx_objects: int
    orders: int
    codes: int


def known_only(features, codes):
    """Drops the codes without an index, a diagnosis together with its orders.

    Args:
        features: `mime_tf.ehr.encode.features.Features`.
        codes: `mime_tf.ehr.encode.codes.Codes`.

    Returns:
        Features and Dropped.
    """
    dx, of, code = features.dx["dx"], features.orders["dx"], features.orders["code"]
    dx_known, of_known, code_known = (codes.index[numbers] >= 0 for numbers in (dx, of, code))
    unknown = np.concatenate([dx[~dx_known], code[~code_known]])
    dropped = Dropped(int((~dx_known).sum()), int((of_known & ~code_known).sum()), len(np.unique(unknown)))
    return features.keep(dx_known, of_known & code_known), dropped


def encode(features, codes, rows):
    """Nests Dx-objects in visits and visits in rows. Visits are in the order of time, Dx-objects and orders by code.

    Args:
        features: `mime_tf.ehr.encode.features.Features`, of known codes only.
        codes: `mime_tf.ehr.encode.codes.Codes`.
        rows: how many rows there are; each has a Dx-object.

    Returns:
        `mime_tf.data.store.Store`.
    """
    row, visit, dx = (features.dx[name] for name in ("row", "v", "dx"))
    order = np.lexsort((dx, visit, row))  # concepts are numbered by system and code, visits by time
    row, visit, dx = row[order], visit[order], dx[order]
    starts = np.ones(len(row), bool)
    starts[1:] = (row[1:] != row[:-1]) | (visit[1:] != visit[:-1])
    store = {
        "visits": offsets(np.bincount(row[starts], minlength=rows)),
        "dxobjs": offsets(np.bincount(np.cumsum(starts) - 1)),
        "dx": codes.index[dx].astype(np.int32),
    }
    dxobject = _dxobject_of_orders(features.orders, row, visit, dx)
    for kind in ("rx", "pr"):
        chosen = codes.kind[features.orders["code"]] == kind
        place, code = dxobject[chosen], features.orders["code"][chosen]
        order = np.lexsort((code, place))
        store[f"{kind}_offsets"] = offsets(np.bincount(place, minlength=len(dx)))
        store[kind] = codes.index[code[order]].astype(np.int32)
    return Store(**store)


def _dxobject_of_orders(orders, row, visit, dx):
    """The position of each order's Dx-object among those that are sorted by row, visit and dx."""
    # One number for each of the three keys' combinations, in two steps so that it can't overflow.
    visits = int(max(visit.max(initial=0), orders["v"].max(initial=0))) + 1
    of_visit, number = np.unique(row * visits + visit, return_inverse=True)
    at = np.searchsorted(of_visit, orders["row"] * visits + orders["v"])
    concepts = int(max(dx.max(initial=0), orders["dx"].max(initial=0))) + 1
    keys, wanted = number * concepts + dx, at * concepts + orders["dx"]
    found = np.searchsorted(keys, wanted)
    if not np.array_equal(keys[np.minimum(found, len(keys) - 1)], wanted):
        raise ValueError("an order has no Dx-object; `features.gather` must give one for each")
    return found
