"""Cohorts without their links: orders dealt to wrong partners, or every code by itself.

Either way each visit keeps its codes, so a model loses by it only the gain that it had from the links.
"""

from collections.abc import Mapping

import numpy as np

from mime_tf.data.pickled import MAX_CODE
from mime_tf.data.store import Store, offsets
from mime_tf.errors import InputError


def shuffled(store: Store, rng: np.random.Generator) -> tuple[Store, float]:
    """Deals the orders of each visit anew to its Dx-objects.

    The medications of a visit are permuted among themselves, and so are its procedures: each Dx-object keeps its
    diagnosis and its numbers of orders.

    Returns:
        Store of the same patients and visits, and the share of the orders that lost their partner, as
        `partners_changed` counts it.
    """
    visits = _visits(store)
    rx_order = _permutation(np.repeat(visits, np.diff(store.rx_offsets)), rng)
    pr_order = _permutation(np.repeat(visits, np.diff(store.pr_offsets)), rng)
    rx, pr = store.rx[rx_order], store.pr[pr_order]
    dealt = Store(store.visits, store.dxobjs, store.dx, store.rx_offsets, rx, store.pr_offsets, pr)
    return dealt, partners_changed(store, dealt)


def partners_changed(store: Store, dealt: Store) -> float:
    """Returns the share of the orders of `dealt` whose pair of diagnosis and order the same visit of `store` lacks.

    A pair counts as often as it occurs. Nothing has changed where equal diagnoses swap orders.

    Args:
        store: the patients as they were.
        dealt: the same visits, Dx-objects and numbers of orders.

    Returns:
        Float from 0 to 1; 0 without orders.
    """
    orders = len(store.rx) + len(store.pr)
    kept = _pairs_kept(store, dealt, "rx") + _pairs_kept(store, dealt, "pr")
    return 1 - kept / orders if orders else 0.0


def unlinked(store: Store, sizes: Mapping[str, int]) -> Store:
    """Makes every code a Dx-object of its own, without orders: a visit becomes a flat bag of codes.

    MiME on it adds up one vector per code, `s(a(W_dx[code]) W_o + b_o)`, and no code acts on another within the visit.

    Args:
        store: the patients.
        sizes: `num_dx`, `num_rx` and `num_pr`. They make one joint vocabulary: diagnoses first, then medications from
            `num_dx`, then procedures from `num_dx + num_rx`.

    Returns:
        Store of the same patients and visits.

    Raises:
        InputError: the joint vocabulary is larger than a code can be.

    Example:
    >>> from mime_tf.data import pickled
    >>> store = pickled.from_lists([[[[1, [0, 0], [2]], [0, [], []]]]])
    >>> pickled.to_lists(unlinked(store, {"num_dx": 2, "num_rx": 1, "num_pr": 3}))
    [[[[1, [], []], [0, [], []], [2, [], []], [2, [], []], [5, [], []]]]]
    """
    total = sum(sizes[f"num_{kind}"] for kind in ("dx", "rx", "pr"))
    if total - 1 > MAX_CODE:
        raise InputError(f"num_dx, num_rx, num_pr: found {total} codes in all; at most {MAX_CODE + 1} can be numbered")
    visits = _visits(store)
    first_rx, first_pr = sizes["num_dx"], sizes["num_dx"] + sizes["num_rx"]
    codes = np.concatenate([store.dx, store.rx.astype(np.int64) + first_rx, store.pr.astype(np.int64) + first_pr])
    orders = (np.repeat(visits, np.diff(ends)) for ends in (store.rx_offsets, store.pr_offsets))
    code_visits = np.concatenate([visits, *orders])
    order = np.argsort(code_visits, kind="stable")
    dxobjs = offsets(np.bincount(code_visits, minlength=len(store.dxobjs) - 1))
    none, no_offsets = np.zeros(0, np.int32), np.zeros(len(codes) + 1, np.int64)
    return Store(store.visits, dxobjs, codes[order].astype(np.int32), no_offsets, none, no_offsets, none)


def _visits(store):
    """The visit index of each Dx-object."""
    return np.repeat(np.arange(len(store.dxobjs) - 1), np.diff(store.dxobjs))


def _permutation(groups, rng):
    """A permutation of indices that leaves each in its group; `groups` ascends."""
    return np.lexsort((rng.random(len(groups)), groups))


def _pairs_kept(store, dealt, kind):
    """Number of orders of a kind whose pair in `dealt` the same visit of `store` has as well."""
    ends, visits = getattr(store, f"{kind}_offsets"), _visits(store)
    counts = np.diff(ends)
    if not counts.any():
        return 0
    dx, visits = np.repeat(store.dx.astype(np.int64), counts), np.repeat(visits, counts)
    codes = np.concatenate([getattr(store, kind), getattr(dealt, kind)]).astype(np.int64)
    width = codes.max() + 1
    # Pairs are numbered first: visit, diagnosis and order in one number could exceed 64 bits.
    pairs = np.unique(np.tile(dx, 2) * width + codes, return_inverse=True)[1]
    keys, key_index = np.unique(np.tile(visits, 2) * (pairs.max() + 1) + pairs, return_inverse=True)
    before, after = (np.bincount(half, minlength=len(keys)) for half in np.split(key_index, 2))
    return int(np.minimum(before, after).sum())
