"""Which patients have which codes."""

import numpy as np
from scipy import sparse

from mime_tf.data.store import Store


def code_matrix(store: Store, kind: str, size: int) -> sparse.csr_matrix:
    """Returns who has a code of a kind at least once, float64 of 0 and 1, (patients, size).

    Args:
        store: the patients.
        kind: one of `mime_tf.data.store.CODE_KINDS`.
        size: number of codes; larger ones are left out.
    """
    codes = getattr(store, kind)
    has_room = codes < size
    patients, codes = store.patients_of(kind)[has_room], codes[has_room]
    counts = sparse.csr_matrix((np.ones(len(codes)), (patients, codes)), (len(store), size))
    return counts.sign()
