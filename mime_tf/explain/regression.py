"""Contributions of codes, linked pairs and pairs of diagnoses to the logit of a regression, exact: it is their sum."""

import keras
import numpy as np

from mime_tf.explain.attribution import Contributions
from mime_tf.regression.columns import Occurrences
from mime_tf.regression.lineage import Lineage


def regression_contributions(layer, store, attributes=None):
    """Divides the logits of patients among the occurrences of their codes and linked pairs.

    A column's term, `presence m + log_count log(1 + n)`, is divided among the occurrences that it counts: the first
    part equally among those of the largest weight m, the second in the ratio of the weights, whose sum is n. In windows
    that do not fade all weigh 1, and both are divided equally. An order is given the terms of its own code and those of
    its pair with its diagnosis. A code is given the terms of its ancestors as well, and an order those of pairs with
    ancestors. A term of two diagnoses, `both + order s`, is halved between them, and each half divided among the
    occurrences in the first visit of the diagnosis, which decides it.

    Args:
        layer: `mime_tf.layers.CodeRegression`.
        store: `mime_tf.data.store.Store`.
        attributes: float (patients, attributes), of a layer that has some; their term is in `empty_logits`. None leaves
            the term out.

    Returns:
        `mime_tf.explain.attribution.Contributions`, without gaps.
    """
    result = Contributions.zeros(store)
    keys, presence, log_count = (
        keras.ops.convert_to_numpy(weight).astype(kind)
        for weight, kind in ((layer.keys, np.int64), (layer.presence, float), (layer.log_count, float))
    )
    occurrences = Occurrences.read(store, links=True, lineage=_lineage(layer))
    values, start = np.zeros(len(occurrences.key)), 0
    for index, (window, size) in enumerate(zip(layer.windows, layer.sizes, strict=True)):
        columns = slice(start, start + size)
        if index < len(layer.windows) - layer.fading:
            within = occurrences.rows(window)
            weights = np.ones(len(within))
        else:
            weights = occurrences.weights(window)
            within = np.flatnonzero(weights)
            weights = weights[within]
        patient, key = occurrences.patient[within], occurrences.key[within]
        values[within] += _shares(patient, key, weights, keys[columns], presence[columns], log_count[columns])
        start += size
    if layer.sequences:
        diagnoses = slice(len(store.dx))  # the first occurrences, in their order
        values[diagnoses] += _sequence_shares(
            layer, occurrences.patient[diagnoses], occurrences.visit[diagnoses], store
        )
    counts = [len(store.dx), len(store.rx), len(store.pr)]
    dx, rx, pr = np.split(np.bincount(occurrences.item, values, sum(counts)), np.cumsum(counts)[:-1])
    result.dx[:], result.rx[:], result.pr[:] = dx, rx, pr
    sums = np.bincount(occurrences.patient, values, len(store))
    dx_sums = np.bincount(occurrences.patient[: len(dx)], dx, len(store))
    bias = np.full(len(store), float(layer.bias))
    if attributes is not None:
        bias += attributes @ keras.ops.convert_to_numpy(layer.attribute_weights).astype(float)
    result.empty_logits[:], result.dx_logits[:], result.logits[:] = bias, bias + dx_sums, bias + sums
    return result


def _lineage(layer):
    """Returns the ancestors of codes that a layer has, or None; they need no names here."""
    if layer.above is None:
        return None
    offsets, ancestors = (
        {kind: keras.ops.convert_to_numpy(weights[index]) for kind, weights in layer.above.by_kind.items()}
        for index in (0, 1)
    )
    return Lineage(offsets, ancestors, {})


def _shares(patient, key, weights, keys, presence, log_count):
    """Returns the share of each occurrence, given by its patient, key and weight, in the term of its column."""
    shares = np.zeros(len(key))
    if not len(keys):
        return shares
    column = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    hits = np.flatnonzero(keys[column] == key)
    column = column[hits]
    cells, cell = np.unique(patient[hits] * len(keys) + column, return_inverse=True)
    weights, largest = weights[hits], np.zeros(len(cells))
    np.maximum.at(largest, cell, weights)
    is_largest = weights == largest[cell]
    latest, sums = (np.bincount(cell, values, len(cells))[cell] for values in (is_largest, weights))
    shares[hits] = presence[column] * weights * is_largest / latest
    shares[hits] += log_count[column] * np.log1p(sums) * weights / sums
    return shares


def _sequence_shares(layer, patient, visit, store):
    """Returns the share of each diagnosis, given by its patient and visit, in the terms of pairs of diagnoses."""
    pairs, both, order = (keras.ops.convert_to_numpy(weight) for weight in (layer.pairs, layer.both, layer.order))
    codes, columns = np.unique(pairs, return_inverse=True)
    columns = columns.reshape(pairs.shape)
    column = np.minimum(np.searchsorted(codes, store.dx), len(codes) - 1)
    used = codes[column] == store.dx
    first, counts, shares = (np.zeros((len(store), len(codes))) for _ in range(3))
    np.maximum.at(first, (patient[used], column[used]), visit[used])  # visits count from the end
    is_first = used & (visit == first[patient, column])
    np.add.at(counts, (patient[is_first], column[is_first]), 1)
    visits = first[:, columns]
    terms = visits.all(axis=2) * (both.astype(float) + order * np.sign(visits[..., 0] - visits[..., 1])) / 2
    for side in (0, 1):
        np.add.at(shares, (slice(None), columns[:, side]), terms)
    return np.where(is_first, shares[patient, column] / np.maximum(counts[patient, column], 1), 0)
