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
    sizes = {}
    for name in SIZE_NAMES:
        values, what, is_code = _bounded(store, name)
        largest = max(int(values.max(initial=1 - is_code)) + is_code, 1)
        limit = given[name] or (LARGEST_VOCABULARY if is_code else largest)
        if largest > limit:
            row = int(np.argmax(values > limit - is_code))
            wanted = f"{name} is {limit}" if given[name] else f"codes count from 0 and run below {limit}"
            raise InputError(
                f"{source}: {_place(store, name, row)}: found {what} {values[row]}; {wanted}"
                + (f": the data need at least {largest}" if given[name] else f", or {name} is given")
            )
        sizes[name] = given[name] or largest
    return sizes


def _bounded(store, name):
    """What the size `name` bounds, a value a place; what to call it; whether it is a code, which counts from 0."""
    return {
        "num_dx": (store.dx, "diagnosis code", True),
        "num_rx": (store.rx, "medication code", True),
        "num_pr": (store.pr, "procedure code", True),
        "max_dx_per_visit": (np.diff(store.dxobjs), "Dx-objects, numbering", False),
        "max_rx_per_dx": (np.diff(store.rx_offsets), "medications, numbering", False),
        "max_pr_per_dx": (np.diff(store.pr_offsets), "procedures, numbering", False),
    }[name]


def _place(store, name, row):
    """Names the patient, visit and Dx-object of a place of what the size `name` bounds."""
    owners = {"num_rx": store.rx_offsets, "num_pr": store.pr_offsets}
    dxobj = _owner(owners[name], row) if name in owners else row
    visit = row if name == "max_dx_per_visit" else _owner(store.dxobjs, dxobj)
    patient = _owner(store.visits, visit)
    place = f"patient {patient}, visit {visit - store.visits[patient]}"
    return place if name == "max_dx_per_visit" else f"{place}, Dx-object {dxobj - store.dxobjs[visit]}"


def _owner(starts, row):
    """The run of the offsets `starts` that `row` lies in."""
    return int(np.searchsorted(starts, row, side="right")) - 1
