"""Code embeddings to start from: the links between diagnoses and orders, which need no labels."""

from collections.abc import Mapping

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import LinearOperator, svds

from mime_tf.data.store import CODE_KINDS, Store


def link_vectors(store: Store, sizes: Mapping[str, int], dimensions: int) -> dict[str, np.ndarray]:
    """Returns a vector per code, from the singular vectors of the table of diagnoses by the orders linked to them.

    With `n` the number of times that a Dx-object of a diagnosis carries an order, of all medications and procedures,
    and `m` the number that the two codes' totals lead one to expect, the table has the standardized residuals
    `(n - m) / sqrt(m)`, as in correspondence analysis. Its left singular vectors are of the diagnoses, the right ones
    of the orders. The sign of each pair makes the largest entry of the left one positive, or
    the first of them.

    Args:
        store: the patients.
        sizes: dict of `"num_dx"`, `"num_rx"` and `"num_pr"`.
        dimensions: number of singular vectors; fewer are found in a table with fewer rows or columns.

    Returns:
        Dict of float64 arrays `"dx"`, `"rx"` and `"pr"`, (codes, dimensions): each column has the mean square 1 over
        the codes of its kind that have a link. Codes without a link, and dimensions that were not found, are nan.
    """
    counts = _link_counts(store, sizes)
    left, right = _singular_vectors(counts, min(dimensions, min(counts.shape) - 1))
    vectors = left, *np.split(right, [sizes["num_rx"]])
    linked = counts.sum(axis=1) > 0, *np.split(counts.sum(axis=0) > 0, [sizes["num_rx"]])
    parts = zip(CODE_KINDS, vectors, linked, strict=True)
    return {kind: _standardized(of_kind, is_linked, dimensions) for kind, of_kind, is_linked in parts}


def _link_counts(store: Store, sizes: Mapping[str, int]) -> csr_array:
    """Returns the number of links of each diagnosis (row) with each medication, then each procedure (columns)."""
    dx, orders, first = [], [], 0
    for kind in CODE_KINDS[1:]:
        dx.append(np.repeat(store.dx, np.diff(getattr(store, f"{kind}_offsets"))))
        orders.append(getattr(store, kind).astype(np.int64) + first)
        first += sizes[f"num_{kind}"]
    rows, columns = np.concatenate(dx), np.concatenate(orders)
    return csr_array((np.ones(len(rows)), (rows, columns)), shape=(sizes["num_dx"], first))


def _singular_vectors(counts: csr_array, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first left and right singular vectors of the standardized residuals, the largest value first."""
    rows, columns = counts.sum(axis=1), counts.sum(axis=0)
    total = max(counts.sum(), 1.0)
    if dimensions < 1 or not counts.nnz:
        return np.zeros((len(rows), 0)), np.zeros((len(columns), 0))
    # Of shares: (n - r c) / sqrt(r c) is the scaled table, which is sparse, less the product of two vectors.
    root_rows, root_columns = np.sqrt(rows / total), np.sqrt(columns / total)
    scaled = counts.tocoo()
    expected = root_rows[scaled.row] * root_columns[scaled.col]
    scaled = csr_array((scaled.data / total / expected, (scaled.row, scaled.col)), shape=counts.shape)
    table = LinearOperator(
        counts.shape,
        matvec=lambda x: scaled @ x.ravel() - root_rows * (root_columns @ x.ravel()),
        rmatvec=lambda x: scaled.T @ x.ravel() - root_columns * (root_rows @ x.ravel()),
        dtype=np.float64,
    )
    start = np.random.default_rng(0).normal(size=min(counts.shape))  # otherwise drawn anew, to other last digits
    left, values, right = svds(table, dimensions, v0=start)
    found = np.argsort(-values, kind="stable")[: np.count_nonzero(values > 1e-9)]
    left, right = left[:, found], right[found].T
    # Of entries that are as large as the largest but for rounding the first one, so that rounding decides nothing.
    first = (np.abs(left) > 0.999 * np.abs(left).max(axis=0)).argmax(axis=0)
    signs = np.sign(left[first, np.arange(len(first))])
    return left * signs, right * signs


def _standardized(vectors: np.ndarray, linked: np.ndarray, dimensions: int) -> np.ndarray:
    """Returns columns of the mean square 1 over the `linked` codes, nan for other codes and further dimensions."""
    result = np.full((len(vectors), dimensions), np.nan)
    if linked.any():
        columns = vectors[linked]
        scale = np.sqrt(np.mean(columns**2, axis=0))
        result[linked, : columns.shape[1]] = np.divide(
            columns, scale, out=np.full_like(columns, np.nan), where=scale > 1e-9
        )
    return result
