"""CodeAncestors: the ancestors of codes, as numbers above all codes."""

import keras
import tensorflow as tf

KINDS = ("dx", "rx", "pr")


class CodeAncestors(keras.layers.Layer):
    """Holds the ancestors of codes; nothing here is trained.

    Args:
        sizes: list of int, the numbers of codes and of their ancestors, of diagnoses, medications and procedures.
        **kwargs: arguments of `keras.layers.Layer`.

    Weights, for each kind of codes:
        offsets: int64 (codes + 1,): code c has the ancestors from `offsets[c]` to `offsets[c + 1]`.
        ancestors: int64, their numbers, the nearest of each code first.
    """

    def __init__(self, sizes, **kwargs):
        super().__init__(**kwargs)
        if len(sizes) != 2 * len(KINDS) or any(size < 0 for size in sizes):
            raise ValueError(f"`sizes` must be 6 whole numbers of 0 or more. Received: {sizes=}")
        self.sizes = list(sizes)

    def build(self, codes_shape=None):
        options = {"dtype": "int64", "initializer": "zeros", "trainable": False}
        self.by_kind = {}
        for kind, codes, relations in zip(KINDS, self.sizes[::2], self.sizes[1::2], strict=True):
            offsets = self.add_weight(name=f"offsets_{kind}", shape=(codes + 1,), **options)
            self.by_kind[kind] = offsets, self.add_weight(name=f"ancestors_{kind}", shape=(relations,), **options)
        self.built = True

    def assign(self, offsets, ancestors):
        """Gives the layer its weights: two dicts from each kind of codes to the values."""
        for kind, weights in self.by_kind.items():
            for weight, values in zip(weights, (offsets[kind], ancestors[kind]), strict=True):
                weight.assign(values)

    def expand(self, kind, codes, most=None):
        """Returns codes and their ancestors, as `mime_tf.regression.lineage.Lineage.expand` does.

        Args:
            kind: `"dx"`, `"rx"` or `"pr"`.
            codes: int64 vector of codes.
            most: number of ancestors of a code that are returned, the nearest first; None for all.

        Returns:
            int64 vectors: positions in `codes`, and numbers there: the codes as they are, then all ancestors.
        """
        offsets, ancestors = self.by_kind[kind]
        inside = tf.where(codes < tf.size(offsets, tf.int64) - 1)[:, 0]
        first, last = (tf.gather(offsets, tf.gather(codes, inside) + step) for step in (0, 1))
        widths = tf.maximum(last - first, 0) if most is None else tf.clip_by_value(last - first, 0, most)
        starts = tf.repeat(first - tf.cumsum(widths, exclusive=True), widths)
        at = starts + tf.range(tf.reduce_sum(widths))
        positions = tf.concat([tf.range(tf.size(codes, tf.int64)), tf.repeat(inside, widths)], axis=0)
        return positions, tf.concat([codes, tf.gather(ancestors, at)], axis=0)

    def get_config(self):
        return {**super().get_config(), "sizes": self.sizes}
