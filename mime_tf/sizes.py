"""The vocabulary and the largest numbers of things in things: found in the data, or given and checked against it."""

import numpy as np

from mime_tf.config import SIZE_NAMES
from mime_tf.errors import InputError

# A vocabulary this large is a mistake, such as codes that were not numbered from 0, rather than an embedding table.
LARGEST_VOCABULARY = 1_000_000


def resolve(store, given, source):
    """Returns the sizes to build a model with.

    Args:
        store: Store, the whole cohort.
        given: dict from each of `SIZE_NAMES` to an integer, or to None for what the data hold.
        source: the file's name, for errors.

    Returns:
        Dict from each of `SIZE_NAMES` to an integer of at least 1.

    Raises:
        InputError: the data hold more than a given size, or a code too large for a vocabulary to be inferred.
    """
    visit_of_dxobj = np.repeat(np.arange(len(store.dxobjs) - 1), np.diff(store.dxobjs))
    dxobj_of_rx = np.repeat(np.arange(len(store.dx)), np.diff(store.rx_offsets))
    dxobj_of_pr = np.repeat(np.arange(len(store.dx)), np.diff(store.pr_offsets))
    # What each size bounds, one value a place, and the Dx-object (or, for the first maximum, the visit) of the place.
    found = {
        "num_dx": (store.dx.astype(np.int64) + 1, np.arange(len(store.dx)), "diagnosis code", 1),
        "num_rx": (store.rx.astype(np.int64) + 1, dxobj_of_rx, "medication code", 1),
        "num_pr": (store.pr.astype(np.int64) + 1, dxobj_of_pr, "procedure code", 1),
        "max_dx_per_visit": (np.diff(store.dxobjs), None, "Dx-objects, numbering", 0),
        "max_rx_per_dx": (np.diff(store.rx_offsets), np.arange(len(store.dx)), "medications, numbering", 0),
        "max_pr_per_dx": (np.diff(store.pr_offsets), np.arange(len(store.dx)), "procedures, numbering", 0),
    }
    sizes = {}
    for name in SIZE_NAMES:
        values, dxobj_of_value, what, offset = found[name]
        largest = max(int(values.max(initial=1)), 1)
        limit = given[name] or (LARGEST_VOCABULARY if name.startswith("num_") else largest)
        if largest > limit:
            row = int(np.argmax(values > limit))
            visit = row if dxobj_of_value is None else visit_of_dxobj[dxobj_of_value[row]]
            place = _place(store, visit, None if dxobj_of_value is None else dxobj_of_value[row])
            wanted = f"{name} is {limit}" if given[name] else f"codes count from 0 and run below {limit}"
            raise InputError(
                f"{source}: {place}: found {what} {values[row] - offset}; {wanted}"
                + (f": the data need at least {largest}" if given[name] else f", or {name} is given")
            )
        sizes[name] = given[name] or largest
    return sizes


def _place(store, visit, dxobj):
    patient = int(np.searchsorted(store.visits, visit, side="right")) - 1
    place = f"patient {patient}, visit {visit - store.visits[patient]}"
    return place if dxobj is None else f"{place}, Dx-object {dxobj - store.dxobjs[visit]}"
