"""CodeRegression: a linear score of the codes, linked pairs and pairs of diagnoses of a patient."""

import keras
import tensorflow as tf

from mime_tf.layers.code_ancestors import CodeAncestors
from mime_tf.layers.code_occurrences import occurrences
from mime_tf.layers.lookup import gather_padded


@keras.saving.register_keras_serializable("mime_tf")
class CodeRegression(keras.layers.Layer):
    """Scores each patient by a regression that was fitted beforehand; nothing here is trained.

    A window is the last so many visits of a patient, those of the last so many days, or all of them. An occurrence of a
    key, a code or a linked pair of a diagnosis and an order, weighs 1 within a window and 0 outside. In a window that
    fades it weighs 2^(-age / halving), with the age in visits since or in days. With `m` the largest weight of a key's
    occurrences and `n` the sum of their weights,

        logit = bias + sum over windows and keys of presence[key] m + log_count[key] log(1 + n)
                     + sum over pairs of diagnoses that are both recorded of both[pair] + order[pair] s

    where s is 1 if the first of a pair was first recorded in an earlier visit than the second, -1 if in a later one, 0
    if in the same. Attributes of the patient, such as a standardized age, add their products with `attributes`.

    Args:
        windows: list of int, the last so many visits each; 0 for all visits; below 0 the visits of the last so many
            days. Of one that fades, its halving in visits, or below 0 in days.
        sizes: list of int, the number of keys of each window.
        sequences: int, P, number of pairs of diagnoses.
        attributes: int, A, number of attributes.
        ancestors: `sizes` of a `CodeAncestors`, or None. An ancestor of a code occurs where the code does, and has keys
            as a code has.
        fading: int, number of windows that fade, the last ones.
        **kwargs: arguments of `keras.layers.Layer`. It computes in float32 whatever its dtype policy.

    Weights, none of which is trainable:
        keys: int64 (K,), the keys of `mime_tf.regression.columns`, ascending within each window.
        presence, log_count: float32 (K,), coefficients.
        bias: float32, a scalar.
        pairs: int64 (P, 2), codes of two diagnoses each.
        both, order: float32 (P,), coefficients.
        attribute_weights: float32 (A,), coefficients.
        above: the weights of a `CodeAncestors`, with `ancestors` only.

    Call arguments:
        inputs: dict of the tables of a batch, of `mime_tf.batches.tables`, that of days among them if a window is of
            days; and `"attributes"`, float32 (B, A), unless A is 0.

    Returns:
        float32 tensor of shape (B, 1), logits.
    """

    def __init__(self, windows, sizes, sequences=0, attributes=0, ancestors=None, fading=0, **kwargs):
        super().__init__(**kwargs)
        if len(windows) != len(sizes) or any(size < 0 for size in sizes):
            raise ValueError(f"`windows` and `sizes` must be as many, sizes 0 or more. Received: {windows=}, {sizes=}")
        self.windows, self.sizes, self.sequences = list(windows), list(sizes), sequences
        if not 0 <= fading <= len(windows):
            raise ValueError(f"`fading` must be from 0 to the number of windows. Received: {fading=}, {windows=}")
        self.attributes, self.fading = attributes, fading
        self.ancestors = None if ancestors is None else list(ancestors)
        self.above = None if ancestors is None else CodeAncestors(ancestors, name="above")

    def build(self, inputs_shape=None):
        total = sum(self.sizes)
        options = {"initializer": "zeros", "trainable": False}
        self.keys = self.add_weight(name="keys", shape=(total,), dtype="int64", **options)
        self.presence = self.add_weight(name="presence", shape=(total,), dtype="float32", **options)
        self.log_count = self.add_weight(name="log_count", shape=(total,), dtype="float32", **options)
        self.bias = self.add_weight(name="bias", shape=(), dtype="float32", **options)
        self.pairs = self.add_weight(name="pairs", shape=(self.sequences, 2), dtype="int64", **options)
        self.both = self.add_weight(name="both", shape=(self.sequences,), dtype="float32", **options)
        self.order = self.add_weight(name="order", shape=(self.sequences,), dtype="float32", **options)
        self.attribute_weights = self.add_weight(
            name="attribute_weights", shape=(self.attributes,), dtype="float32", **options
        )
        if self.above is not None:
            self.above.build()
        self.built = True

    def call(self, inputs):
        history, visit, key, days = occurrences(inputs, self.above)
        histories = tf.shape(inputs["visits"])[0]
        scores = tf.zeros([histories])
        start = 0
        for index, size in enumerate(self.sizes):
            if size:
                weights = self._weights(index, visit, days)
                scores += self._window(slice(start, start + size), history, key, weights, histories)
            start += size
        if self.sequences:
            scores += self._sequences(history, visit, key, histories)
        logits = gather_padded((scores + self.bias)[:, tf.newaxis], inputs["patients"])
        if self.attributes:
            logits += tf.linalg.matvec(inputs["attributes"], self.attribute_weights)[:, tf.newaxis]
        return logits

    def _weights(self, index, visit, days):
        """Returns what each occurrence weighs in a window, float32."""
        window = self.windows[index]
        if index >= len(self.windows) - self.fading:
            ages = visit - 1 if window > 0 else days
            return tf.pow(0.5, tf.cast(ages, tf.float32) / abs(window))
        if not window:
            return tf.ones_like(visit, tf.float32)
        return tf.cast(visit <= window if window > 0 else days <= -window, tf.float32)

    def _window(self, columns, history, key, weights, histories):
        """Returns the score of one window, (histories,): of the keys at a slice of the layer's weights."""
        keys = self.keys[columns]
        column = tf.minimum(tf.searchsorted(keys, key, out_type=tf.int64), tf.size(keys, tf.int64) - 1)
        hits = tf.where((tf.gather(keys, column) == key) & (weights > 0))[:, 0]
        cell = tf.gather(history, hits) * tf.size(keys, tf.int64) + tf.gather(column, hits)
        cells, cell_of = tf.unique(cell)
        weights, count = tf.gather(weights, hits), tf.size(cells)
        largest, sums = (
            reduce(weights, cell_of, count) for reduce in (tf.math.unsorted_segment_max, tf.math.unsorted_segment_sum)
        )
        history, column = cells // tf.size(keys, tf.int64), cells % tf.size(keys, tf.int64)
        values = tf.gather(self.presence[columns], column) * largest
        values += tf.gather(self.log_count[columns], column) * tf.math.log1p(sums)
        return tf.math.unsorted_segment_sum(values, history, histories)

    def _sequences(self, history, visit, key, histories):
        """Returns the score of the pairs of diagnoses, (histories,)."""
        codes, _ = tf.unique(tf.reshape(self.pairs, [-1]))
        codes = tf.sort(codes)
        width = tf.size(codes, tf.int64)
        dx = -1 - key  # of a diagnosis, which is below 2**31; other keys have other numbers
        column = tf.minimum(tf.searchsorted(codes, dx, out_type=tf.int64), width - 1)
        hits = tf.where(tf.gather(codes, column) == dx)[:, 0]
        cell = tf.gather(history, hits) * width + tf.gather(column, hits)
        first = tf.math.unsorted_segment_max(tf.gather(visit, hits), cell, tf.cast(histories, tf.int64) * width)
        first = tf.reshape(tf.maximum(first, 0), [histories, -1])  # visits count from the end; 0 for none
        columns = tf.searchsorted(codes, tf.reshape(self.pairs, [-1]), out_type=tf.int64)
        visits = tf.reshape(tf.gather(first, columns, axis=1), [histories, -1, 2])
        recorded = tf.cast(tf.reduce_all(visits > 0, axis=2), tf.float32)
        sign = tf.cast(tf.sign(visits[..., 0] - visits[..., 1]), tf.float32)
        return tf.reduce_sum(recorded * (self.both + self.order * sign), axis=1)

    def compute_output_shape(self, inputs_shape):
        return (inputs_shape["patients"][0], 1)

    def get_config(self):
        names = ("windows", "sizes", "sequences", "attributes", "ancestors", "fading")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
