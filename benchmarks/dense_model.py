"""MiME in the layout of the authors' program: every visit padded to a fixed number of slots.

It is timed against `mime_tf.MiME` and computes the same numbers: the layout differs, not the model.
"""

import keras
import numpy as np
import tensorflow as tf

from mime_tf.layers import GRUV1Cell
from mime_tf.losses import LogLoss, sum_of_squares


def dense_batch(store, slots):
    """Pads patients to fixed slots, and in time to the longest of them.

    Args:
        store: `mime_tf.data.store.Store` of the patients of the batch.
        slots: dict of `"max_dx_per_visit"` (D), `"max_rx_per_dx"` (R) and `"max_pr_per_dx"` (P).

    Returns:
        Dict of int32 arrays: `"lengths"` (B,), visits per patient; `"dx"` (B, T, D), `"rx"` (B, T, D, R) and `"pr"`
        (B, T, D, P), padded with -1.
    """
    patient, time = _indices(store.visits)
    visit, slot = _indices(store.dxobjs)
    dxobj_index = patient[visit], time[visit], slot
    shape = len(store), int(store.visit_counts.max()), slots["max_dx_per_visit"]
    batch = {"lengths": store.visit_counts.astype(np.int32), "dx": np.full(shape, -1, np.int32)}
    batch["dx"][dxobj_index] = store.dx
    for kind in ("rx", "pr"):
        dxobj, order = _indices(getattr(store, f"{kind}_offsets"))
        batch[kind] = np.full((*shape, slots[f"max_{kind}_per_dx"]), -1, np.int32)
        batch[kind][(*(index[dxobj] for index in dxobj_index), order)] = getattr(store, kind)
    return batch


def _indices(offsets):
    """The index of the segment of each item, and the index of the item in it; segments are given by their offsets."""
    segments = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return segments, np.arange(len(segments)) - offsets[segments]


class DenseMiME(keras.Model):
    """MiME over padded slots, with rectified linear activations, the authors' recurrence and the auxiliary heads.

    Its weights are those of `mime_tf.MiME` with heads, in the same order, so `set_weights` copies them from one model
    to the other. As in the authors' program, the auxiliary losses are computed even if `aux_lambda` is 0.

    Args:
        num_dx, num_rx, num_pr: numbers of codes.
        emb_size, dxobj_emb_size, rnn_size: widths E, O and H.
        regularize: weight of the sum of squares.
        aux_lambda: weight of the auxiliary losses.
        **kwargs: arguments of `keras.Model`.

    Call arguments:
        inputs: dict as from `dense_batch`.

    Returns:
        Probabilities, float32 of shape (B, 1).
    """

    def __init__(
        self,
        num_dx,
        num_rx,
        num_pr,
        emb_size=200,
        dxobj_emb_size=256,
        rnn_size=256,
        regularize=1e-4,
        aux_lambda=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.regularize, self.aux_lambda = regularize, aux_lambda
        self.vocabularies = {"dx": num_dx, "rx": num_rx, "pr": num_pr}
        self.embeddings = [keras.layers.Embedding(codes, emb_size) for codes in self.vocabularies.values()]
        self.dx_to_rx = keras.layers.Dense(emb_size, "relu")
        self.dx_to_pr = keras.layers.Dense(emb_size, "relu")
        self.to_dxobj = keras.layers.Dense(dxobj_emb_size, "relu")
        self.rnn = keras.layers.RNN(GRUV1Cell(rnn_size))
        self.prediction = keras.layers.Dense(1, "sigmoid")
        self.heads = [keras.layers.Dense(codes) for codes in self.vocabularies.values()]
        for layer in self.embeddings:
            layer.build(None)
        for layer in (self.dx_to_rx, self.dx_to_pr, self.to_dxobj):
            layer.build((None, emb_size))
        self.rnn.build((None, None, dxobj_emb_size))
        self.prediction.build((None, rnn_size))
        for layer in self.heads:
            layer.build((None, dxobj_emb_size))
        self.built = True

    def call(self, inputs):
        return self.predict_patients(self.embed_dxobjects(inputs), inputs)

    def embed_dxobjects(self, inputs):
        """Returns the embeddings of all slots, (B, T, D, O); zeros without a Dx-object."""
        dx, rx, pr = (
            tf.nn.relu(embedding(tf.maximum(inputs[kind], 0))) * _mask(inputs[kind])
            for kind, embedding in zip(self.vocabularies, self.embeddings, strict=True)
        )
        combined = dx + self.dx_to_rx(dx) * tf.reduce_sum(rx, axis=3) + self.dx_to_pr(dx) * tf.reduce_sum(pr, axis=3)
        return self.to_dxobj(combined) * _mask(inputs["dx"])

    def predict_patients(self, dxobjects, inputs):
        """Returns the probabilities (B, 1), given the embeddings of all slots."""
        visits = tf.reduce_sum(dxobjects, axis=2)
        mask = tf.sequence_mask(inputs["lengths"], tf.shape(visits)[1])
        return self.prediction(self.rnn(visits, mask=mask))

    def total_loss(self, inputs, labels):
        """Returns the total loss, a scalar."""
        dxobjects = self.embed_dxobjects(inputs)
        main = LogLoss()(labels, self.predict_patients(dxobjects, inputs))
        auxiliary = self.auxiliary_loss(dxobjects, inputs)
        return main + self.regularize * sum_of_squares(self.trainable_weights) + self.aux_lambda * auxiliary

    def auxiliary_loss(self, dxobjects, inputs):
        """Returns the sum of the three auxiliary losses, each the mean over all slots against dense targets."""
        dx, rx, pr = (head(dxobjects) * _mask(inputs["dx"]) for head in self.heads)
        targets = tf.one_hot(inputs["dx"], self.vocabularies["dx"])
        total = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(targets, dx))
        for kind, logits in (("rx", rx), ("pr", pr)):
            targets = tf.reshape(_multi_hot(inputs[kind], self.vocabularies[kind]), tf.shape(logits))
            total += tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(targets, logits))
        return total

    def train_step(self, data):
        """Takes one step along the gradient of the total loss."""
        inputs, labels = data
        with tf.GradientTape() as tape:
            loss = self.total_loss(inputs, labels)
        self.optimizer.apply(tape.gradient(loss, self.trainable_weights), self.trainable_weights)
        return {"loss": loss}


def _mask(codes):
    """1 for a code and 0 for padding, a factor for embeddings."""
    return tf.cast(codes >= 0, tf.float32)[..., tf.newaxis]


def _multi_hot(codes, vocabulary):
    """The set of codes of each slot as a row of zeros and ones: (slots, vocabulary)."""
    codes = tf.reshape(codes, [-1, codes.shape[-1]])
    filled = tf.cast(tf.where(codes >= 0), tf.int32)
    indices = tf.stack([filled[:, 0], tf.gather_nd(codes, filled)], axis=1)
    zeros = tf.zeros([tf.shape(codes)[0], vocabulary])
    return tf.tensor_scatter_nd_update(zeros, indices, tf.ones(tf.shape(indices)[0]))
