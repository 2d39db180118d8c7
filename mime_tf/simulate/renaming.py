"""Codes that have other names among later patients, as after a change of the coding."""

import dataclasses

import numpy as np

from mime_tf.data.hierarchy import Relation
from mime_tf.data.store import CODE_KINDS, Store
from mime_tf.simulate.parameters import Parameters

LATER = 0.2  # share of the patients, the last, who are the later ones


def first_later(patients: int) -> int:
    """Returns the index of the first later patient."""
    return patients - max(round(patients * LATER), 1)


def renamed_codes(parameters: Parameters) -> dict[str, np.ndarray]:
    """Returns by kind the codes that are renamed, drawn by chance: int64, ascending."""
    rng, share = parameters.generator(6), parameters.renamed or 0.0
    return {kind: np.sort(rng.permutation(size)[: round(size * share)]) for kind, size in parameters.sizes.items()}


def new_index(parameters: Parameters, kind: str) -> int:
    """Returns the index of the new name of the first renamed code; the others follow."""
    return parameters.sizes[kind] + (kind == "dx" and parameters.unlinked > 0)  # after the diagnosis of no reason


def new_name(code: str) -> str:
    """Returns the new name of a code.

    >>> new_name("DX7")
    'DX7-new'
    """
    return f"{code}-new"


def rename(store: Store, parameters: Parameters) -> Store:
    """Returns records with the new names of the codes that are renamed."""
    codes, columns = renamed_codes(parameters), {}
    for kind in CODE_KINDS:
        first = new_index(parameters, kind)
        table = np.arange(first, dtype=np.int32)
        table[codes[kind]] = first + np.arange(len(codes[kind]))
        columns[kind] = table[getattr(store, kind)]
    return dataclasses.replace(store, **columns)


def relations(rows: list[Relation], parameters: Parameters) -> list[Relation]:
    """Returns the rows of a hierarchy, followed by those of the new names, which have the ancestors of the old."""
    codes = {(kind, f"{kind.upper()}{code}") for kind, of_kind in renamed_codes(parameters).items() for code in of_kind}
    return [*rows, *(row._replace(code=new_name(row.code)) for row in rows if (row.kind, row.code) in codes)]
