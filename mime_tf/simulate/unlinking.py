"""Orders that lose the link to their diagnosis."""

import numpy as np

from mime_tf.data.store import Store, offsets


def unlink(store: Store, share: float, reserved: int, rng: np.random.Generator) -> Store:
    """Returns records in which orders lost their link, as `mime-tf convert --unlinked null` writes such orders.

    They are the orders of one more Dx-object of their visit, its last, whose diagnosis is a reserved code.

    Args:
        store: the records.
        share: probability of an order to lose its link.
        reserved: the reserved diagnosis, a code that no record has.
        rng: random generator.
    """
    visit = np.repeat(np.arange(len(store.dxobjs) - 1), np.diff(store.dxobjs))
    gains = np.zeros(len(store.dxobjs) - 1, bool)
    owners, lost = {}, {}
    for kind in ("rx", "pr"):
        owners[kind] = np.repeat(np.arange(len(store.dx)), np.diff(getattr(store, f"{kind}_offsets")))
        lost[kind] = rng.random(len(owners[kind])) < share
        gains[visit[owners[kind][lost[kind]]]] = True
    dxobjs = store.dxobjs + offsets(gains)
    kept = np.arange(len(store.dx)) + offsets(gains)[visit]  # where each Dx-object goes
    dx = np.full(dxobjs[-1], reserved, np.int32)
    dx[kept] = store.dx
    columns = []
    for kind in ("rx", "pr"):
        owner = np.where(lost[kind], dxobjs[visit[owners[kind]] + 1] - 1, kept[owners[kind]])
        columns += [offsets(np.bincount(owner, minlength=len(dx)))]
        columns += [getattr(store, kind)[np.argsort(owner, kind="stable")]]
    return Store(store.visits, dxobjs, dx, *columns).with_days(store.days)
