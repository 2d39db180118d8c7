"""Dx-objects and orders nested in visits, and visits in rows: the `Store` of a cohort."""

import numpy as np

from mime_tf.data.store import Store, offsets
from mime_tf.ehr.encode.codes import Codes
from mime_tf.ehr.encode.features import Features
from mime_tf.ehr.schema import ORDER_KINDS


def nest(features: Features, codes: Codes, rows: int) -> Store:
    """Nests Dx-objects in visits and visits in rows. Visits are in order of time, Dx-objects and orders by code.

    Args:
        features: features of known codes only.
        codes: the codes.
        rows: number of rows; each has a Dx-object.
    """
    row, visit, dx = (features.dx[name] for name in ("row", "v", "dx"))
    order = np.lexsort((dx, visit, row))  # concepts are numbered by system and code, visits by time
    row, visit, dx = row[order], visit[order], dx[order]
    starts_visit = np.ones(len(row), bool)
    starts_visit[1:] = (row[1:] != row[:-1]) | (visit[1:] != visit[:-1])
    columns = {
        "visits": offsets(np.bincount(row[starts_visit], minlength=rows)),
        "dxobjs": offsets(np.bincount(np.cumsum(starts_visit) - 1)),
        "dx": codes.index[dx].astype(np.int32),
    }
    dxobject = _dxobject_of_orders(features.orders, row, visit, dx)
    for kind in ORDER_KINDS:
        of_kind = codes.kind[features.orders["code"]] == kind
        owner, code = dxobject[of_kind], features.orders["code"][of_kind]
        columns[f"{kind}_offsets"] = offsets(np.bincount(owner, minlength=len(dx)))
        columns[kind] = codes.index[code[np.lexsort((code, owner))]].astype(np.int32)
    return Store(**columns)


def _dxobject_of_orders(orders, row, visit, dx):
    """The index of each order's Dx-object, among Dx-objects sorted by row, visit and dx."""
    # One number for each combination of the three keys, in two steps so that it can't overflow.
    visits = int(max(visit.max(initial=0), orders["v"].max(initial=0))) + 1
    row_visits, row_visit = np.unique(row * visits + visit, return_inverse=True)
    order_row_visit = np.searchsorted(row_visits, orders["row"] * visits + orders["v"])
    concepts = int(max(dx.max(initial=0), orders["dx"].max(initial=0))) + 1
    keys, order_keys = row_visit * concepts + dx, order_row_visit * concepts + orders["dx"]
    index = np.searchsorted(keys, order_keys)
    if not np.array_equal(keys[np.minimum(index, len(keys) - 1)], order_keys):
        raise ValueError("an order has no Dx-object; `features.gather` must give one for each")
    return index
