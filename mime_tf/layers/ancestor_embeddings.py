"""AncestorEmbeddings: the parts that the embeddings of codes of one family share."""

import keras
import tensorflow as tf

from mime_tf.layers.lookup import gather_rows, segment_sum

KINDS = ("dx", "rx", "pr")


class AncestorEmbeddings(keras.layers.Layer):
    """Adds the embeddings of its ancestors to that of each code, or attends to them.

    With `own` the embeddings of codes and `above` those of ancestors, a code `c` has the embedding

        own[c] + sum over its ancestors j of above[j]

    or, with attention, the mean of these vectors with weights that add up to 1 and are proportional to

        exp(u . tanh(W [own[c]; v] + b))        of each vector v: own[c], and above[j] of each ancestor j

    Args:
        sizes: list of int, the numbers of ancestors and of relations, of diagnoses, medications and procedures; and
            perhaps the width of `u`, for attention.
        emb_size: width E of the embeddings.
        **kwargs: arguments of `keras.layers.Layer`. It computes in float32 whatever its dtype policy.

    Weights, for each kind of codes:
        above: float32 (ancestors, E).
        relations: int64 (relations, 2), a code and the number of an ancestor of it each; not trained.

    And, with attention, for all kinds:
        hidden: a Dense of `W` and `b`.
        score: a Dense of `u`.

    Reference:
        Choi, Bahadori, Song, Stewart and Sun, "GRAM: Graph-based Attention Model for Healthcare Representation
        Learning", KDD 2017.
    """

    def __init__(self, sizes, emb_size, **kwargs):
        super().__init__(**kwargs)
        if len(sizes) - 2 * len(KINDS) not in (0, 1) or any(size < 0 for size in sizes):
            raise ValueError(f"`sizes` must be 6 or 7 whole numbers of 0 or more. Received: {sizes=}")
        self.sizes, self.emb_size = list(sizes), emb_size
        self.hidden = self.score = None
        if self.sizes[6:]:
            self.hidden = keras.layers.Dense(self.sizes[6], "tanh", dtype="float32", name="hidden")
            self.score = keras.layers.Dense(1, use_bias=False, dtype="float32", name="score")

    def build(self, input_shape=None):
        self.above, self.relations = {}, {}
        for kind, ancestors, relations in zip(KINDS, self.sizes[:6:2], self.sizes[1:6:2], strict=True):
            # Not cast in mixed precision: an ancestor of thousands of codes has a sum of as many gradients.
            self.above[kind] = self.add_weight(
                name=f"{kind}_ancestor_embeddings", shape=(ancestors, self.emb_size), autocast=False
            )
            self.relations[kind] = self.add_weight(
                name=f"{kind}_relations", shape=(relations, 2), dtype="int64", initializer="zeros", trainable=False
            )
        if self.hidden is not None:
            self.hidden.build((None, 2 * self.emb_size))
            self.score.build((None, self.sizes[6]))
        self.built = True

    def add_to(self, own, kind):
        """Returns the embeddings of all codes of a kind, float32 (codes, E).

        Args:
            own: float tensor or variable of shape (codes, E), what each code has alone.
            kind: `"dx"`, `"rx"` or `"pr"`.
        """
        own = tf.cast(own, tf.float32)
        code, ancestor = tf.unstack(tf.convert_to_tensor(self.relations[kind]), axis=1)
        above, codes = gather_rows(self.above[kind], ancestor), tf.shape(own)[0]
        if self.hidden is None:
            return own + segment_sum(above, code, codes)
        of = tf.concat([tf.range(tf.cast(codes, code.dtype)), code], axis=0)  # the code of each vector, its own first
        vectors = tf.concat([own, above], axis=0)
        scores = self.score(self.hidden(tf.concat([gather_rows(own, of), vectors], axis=1)))
        largest = tf.math.unsorted_segment_max(tf.stop_gradient(scores), of, codes)
        weights = tf.exp(scores - tf.gather(largest, of))
        return segment_sum(weights * vectors, of, codes) / segment_sum(weights, of, codes)

    def get_config(self):
        return {**super().get_config(), "sizes": self.sizes, "emb_size": self.emb_size}
