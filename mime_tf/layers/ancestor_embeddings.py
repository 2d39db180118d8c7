"""AncestorEmbeddings: the parts that the embeddings of codes of one family share."""

import keras
import tensorflow as tf

from mime_tf.layers.lookup import gather_rows, segment_sum

KINDS = ("dx", "rx", "pr")


class AncestorEmbeddings(keras.layers.Layer):
    """Adds the embeddings of its ancestors to that of each code.

    With `own` the embeddings of codes and `above` those of ancestors, a code `c` has the embedding

        own[c] + sum over its ancestors j of above[j]

    Args:
        sizes: list of int, the numbers of ancestors and of relations, of diagnoses, medications and procedures.
        emb_size: width E of the embeddings.
        **kwargs: arguments of `keras.layers.Layer`. It computes in float32 whatever its dtype policy.

    Weights, for each kind of codes:
        above: float32 (ancestors, E).
        relations: int64 (relations, 2), a code and the number of an ancestor of it each; not trained.
    """

    def __init__(self, sizes, emb_size, **kwargs):
        super().__init__(**kwargs)
        if len(sizes) != 2 * len(KINDS) or any(size < 0 for size in sizes):
            raise ValueError(f"`sizes` must be 6 whole numbers of 0 or more. Received: {sizes=}")
        self.sizes, self.emb_size = list(sizes), emb_size

    def build(self, input_shape=None):
        self.above, self.relations = {}, {}
        for kind, ancestors, relations in zip(KINDS, self.sizes[::2], self.sizes[1::2], strict=True):
            # Not cast in mixed precision: an ancestor of thousands of codes has a sum of as many gradients.
            self.above[kind] = self.add_weight(
                name=f"{kind}_ancestor_embeddings", shape=(ancestors, self.emb_size), autocast=False
            )
            self.relations[kind] = self.add_weight(
                name=f"{kind}_relations", shape=(relations, 2), dtype="int64", initializer="zeros", trainable=False
            )
        self.built = True

    def add_to(self, own, kind):
        """Returns the embeddings of all codes of a kind, float32 (codes, E).

        Args:
            own: float tensor or variable of shape (codes, E), what each code has alone.
            kind: `"dx"`, `"rx"` or `"pr"`.
        """
        own = tf.cast(own, tf.float32)
        code, ancestor = tf.unstack(tf.convert_to_tensor(self.relations[kind]), axis=1)
        return own + segment_sum(gather_rows(self.above[kind], ancestor), code, tf.shape(own)[0])

    def get_config(self):
        return {**super().get_config(), "sizes": self.sizes, "emb_size": self.emb_size}
