"""Ranking of a patient's outcomes by their probabilities, and the table of the highest."""

from collections.abc import Iterator

import numpy as np

TOP = 20  # outcomes per patient that tables list


def ranks(probabilities: np.ndarray) -> np.ndarray:
    """Returns the rank of each outcome among those of its row, from 1: int32, of the shape of `probabilities`.

    Equal probabilities rank in the order of the outcomes, so that ranks are distinct.

    >>> ranks(np.array([[0.1, 0.7, 0.1], [0.0, 0.2, 0.5]])).tolist()
    [[2, 1, 3], [3, 2, 1]]
    """
    order = np.argsort(-np.asarray(probabilities), axis=1, kind="stable")
    result = np.empty(order.shape, np.int32)
    np.put_along_axis(result, order, np.arange(1, order.shape[1] + 1, dtype=np.int32)[np.newaxis], axis=1)
    return result


def highest(
    probabilities: np.ndarray, top: int = TOP, labels: np.ndarray | None = None
) -> Iterator[tuple[int, int, int]]:
    """Yields row, outcome and rank of the highest outcomes of each row, by rank, and of those that came true.

    Args:
        probabilities: (rows, outcomes).
        top: number of outcomes per row.
        labels: 0 or 1, of the same shape: an outcome of 1 is listed whatever its rank. None lists no others.
    """
    for row, ranked in enumerate(map(ranks, np.asarray(probabilities)[:, np.newaxis])):
        listed = ranked[0] <= top
        if labels is not None:
            listed |= labels[row] == 1
        outcomes = np.flatnonzero(listed)
        of_row = ranked[0, outcomes]
        for index in np.argsort(of_row):
            yield row, int(outcomes[index]), int(of_row[index])
