"""Occurrences of codes in records: by which patient, in which visit."""

import numpy as np

from mime_tf.data.store import Store


def occurrences(store: Store, kind: str, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the occurrences of some codes, in the order of the records.

    Args:
        store: the records.
        kind: `"dx"`, `"rx"` or `"pr"`.
        wanted: bool (codes,), the codes to look for; a code past its end is not looked for.

    Returns:
        The patient, the visit (an index into all visits of the store) and the code of each occurrence.
    """
    codes = getattr(store, kind)
    indices = np.flatnonzero((codes < len(wanted)) & np.take(wanted, codes, mode="clip"))
    dxobj = indices
    if kind != "dx":
        dxobj = np.searchsorted(getattr(store, f"{kind}_offsets"), indices, side="right") - 1
    visit = np.searchsorted(store.dxobjs, dxobj, side="right") - 1
    return np.searchsorted(store.visits, visit, side="right") - 1, visit, codes[indices]


def visit_table(store: Store, kind: str, codes: np.ndarray, last: bool = False) -> np.ndarray:
    """Returns the first or the last visit with each of some codes, -1 where a patient has none of it.

    Args:
        store: the records.
        kind: `"dx"`, `"rx"` or `"pr"`.
        codes: int64 (n,), distinct codes.
        last: find the last visit, in place of the first.

    Returns:
        int64 (patients, n), indices into all visits of the store.
    """
    column = np.full(int(codes.max()) + 1, -1)
    column[codes] = np.arange(len(codes))
    patient, visit, code = occurrences(store, kind, column >= 0)
    result = np.full((len(store), len(codes)), -1)
    if last:
        np.maximum.at(result, (patient, column[code]), visit)
        return result
    result[patient, column[code]] = len(store.dxobjs)  # after all visits
    np.minimum.at(result, (patient, column[code]), visit)
    return result
