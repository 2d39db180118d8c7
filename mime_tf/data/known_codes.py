"""Number of codes that patients have, and of those that a model does not know."""

from collections.abc import Callable, Mapping

import numpy as np

from mime_tf.data.store import Store

_BLOCK = 50_000  # patients whose codes are looked at together


def count_codes(
    store: Store,
    known: Mapping[str, np.ndarray] | None,
    rows: np.ndarray | None = None,
    count: Callable[[int], object] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Counts the codes of patients, and those that they lose when unknown ones are dropped.

    Args:
        store: the patients.
        known: dict of boolean arrays, as for `Store.keep_known`, or None for all codes.
        rows: int64, the patients to count, or None for all of the store.
        count: function that is called with the number of patients counted so far now and then.

    Returns:
        Two int64 arrays (patients,): diagnoses, medications and procedures; and how many of them are lost, the orders
        of a lost diagnosis included.
    """
    rows = np.arange(len(store)) if rows is None else rows
    given, dropped = np.empty(len(rows), np.int64), np.zeros(len(rows), np.int64)
    for start in range(0, len(rows), _BLOCK):
        block = slice(start, start + _BLOCK)
        patients = store.select(rows[block])
        given[block] = _codes(patients)
        if known is not None:
            dropped[block] = given[block] - _codes(patients.keep_known(known))
        if count:
            count(min(start + _BLOCK, len(rows)))
    return given, dropped


def _codes(store: Store) -> np.ndarray:
    """Returns the number of codes of each patient."""
    dxobjs = store.dxobjs[store.visits]
    return np.diff(dxobjs) + np.diff(store.rx_offsets[dxobjs]) + np.diff(store.pr_offsets[dxobjs])
