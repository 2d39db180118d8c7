"""Training of MiME by the sum of several losses, each logged under its own name."""

import math

import keras
import tensorflow as tf

from mime_tf.layers.checks import require_sizes
from mime_tf.layers.head_in_blocks import head_in_blocks
from mime_tf.losses import diagnosis_loss, order_loss, sum_of_squares


class JointTraining(keras.Model):
    """Trains a model to predict and, with auxiliary heads, to tell the codes of each Dx-object from its embedding.

    The loss is the compiled one, plus `regularize` times the sum of squares of every weight of rank 2 or more, plus
    `aux_lambda` times the losses of the auxiliary heads; each part is logged under its own name (`main_loss`,
    `l2_loss`, `aux_dx_loss`, `aux_rx_loss`, `aux_pr_loss`).

    A subclass has the methods `embed_dxobjects` and `embed_and_predict` of `mime_tf.MiME` and, with `aux_heads`, the
    layer `auxiliary`, an `AuxiliaryHeads`.

    Args:
        regularize: weight of the sum of squares.
        aux_lambda: weight of the auxiliary losses.
        aux_heads: whether to make auxiliary heads; by default only when `aux_lambda` is not 0. With heads and
            `aux_lambda` 0 the auxiliary losses are logged and the weights of the heads count among the squares, as in
            the authors' program; neither changes a prediction.
        max_dx_per_visit: number of Dx-object slots per visit, filled or empty, over which the auxiliary losses are
            means.
        regularize_embeddings: weight of the sum of squares of the code embeddings, in place of `regularize`; by default
            the same.
        **kwargs: arguments of `keras.Model`.

    Raises:
        ValueError: a negative weight, a `max_dx_per_visit` that is not a positive integer, or `aux_lambda` without
            heads.

    Reference:
        Choi, Xiao, Stewart and Sun, NeurIPS 2018, section 2, "Joint training with auxiliary tasks".
    """

    def __init__(self, regularize, aux_lambda, aux_heads, max_dx_per_visit, regularize_embeddings, **kwargs):
        super().__init__(**kwargs)
        require_sizes(max_dx_per_visit=max_dx_per_visit)
        _check_weights(regularize, regularize_embeddings or 0, aux_lambda, aux_heads)
        self.regularize = regularize
        self.aux_lambda = aux_lambda
        self.aux_heads = bool(aux_lambda) if aux_heads is None else aux_heads
        self.max_dx_per_visit = max_dx_per_visit
        self.regularize_embeddings = regularize_embeddings
        self.main_tracker = keras.metrics.Mean(name="main_loss")
        self.l2_tracker = keras.metrics.Mean(name="l2_loss")
        if self.aux_heads:
            self.aux_trackers = {kind: keras.metrics.Mean(name=f"aux_{kind}_loss") for kind in ("dx", "rx", "pr")}

    def train_step(self, data):
        """Updates the weights by the gradient of the total loss.

        Under a `tf.distribute` strategy an optimizer's `global_clipnorm` bounds the mean of the gradients of all
        replicas: the gradient over all patients, divided by the number of replicas.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            dxobjects, y_pred = self.embed_and_predict(x, training=True)
            loss = self._total_loss(dxobjects, x, y, y_pred, sample_weight, training=True)
            scaled_loss = self.optimizer.scale_loss(loss)
        weights = self.trainable_weights
        gradients = tape.gradient(scaled_loss, weights)
        if _replicas() > 1 and getattr(self.optimizer, "inner_optimizer", self.optimizer).global_clipnorm:
            # Keras clips each replica's gradients before it adds them up, so every replica is given their mean.
            gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        self.optimizer.apply(gradients, weights)
        return self._update_metrics(loss, x, y, y_pred, sample_weight)

    def test_step(self, data):
        """Returns the metrics of a batch without an update."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        dxobjects, y_pred = self.embed_and_predict(x, training=False)
        loss = self._total_loss(dxobjects, x, y, y_pred, sample_weight, training=False)
        return self._update_metrics(loss, x, y, y_pred, sample_weight)

    def _update_metrics(self, loss, x, y, y_pred, sample_weight):
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss * _replicas(), sample_weight=tf.shape(y_pred)[0])
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Returns the total loss: the compiled one, the weighted squares and the weighted auxiliary losses.

        Args:
            x: the inputs.
            y: labels, (B,) or (B, K).
            y_pred: probabilities, (B, K).
            sample_weight: optional weights of the compiled loss, (B,).
            training: whether this is a training step.

        Returns:
            Scalar. Under a `tf.distribute` strategy it is the share of the replica: shares of equally many patients add
            up to the loss over all patients, and so do their gradients.
        """
        dxobjects = self.embed_dxobjects(x) if self.aux_heads else None
        return self._total_loss(dxobjects, x, y, y_pred, sample_weight, training)

    def _total_loss(self, dxobjects, x, y, y_pred, sample_weight, training):
        """Returns the loss of `compute_loss`, given the embeddings of the Dx-objects, (N, O), and logs its parts."""
        # Keras divides the compiled loss by the number of replicas; the product is the mean over this one's patients.
        main = super().compute_loss(x, y, y_pred, sample_weight, training) * _replicas()
        patients = tf.shape(x["patients"])[0]
        self.main_tracker.update_state(main, sample_weight=patients)
        l2 = self._weighted_squares()
        self.l2_tracker.update_state(l2, sample_weight=patients)
        total = main + l2
        if self.aux_heads:
            for kind, loss in self.auxiliary_losses(dxobjects, x).items():
                self.aux_trackers[kind].update_state(loss, sample_weight=patients)
                total += self.aux_lambda * loss
        return total / _replicas()

    def _weighted_squares(self):
        """Returns the weighted sum of squares of the weights."""
        if self.regularize_embeddings is None:
            return self.regularize * sum_of_squares(self.trainable_weights)
        tables = [weight for weight in self.trainable_weights if weight.name.endswith("_embeddings")]
        others = [weight for weight in self.trainable_weights if not weight.name.endswith("_embeddings")]
        squares = self.regularize_embeddings * sum_of_squares(tables)
        return squares + self.regularize * sum_of_squares(others)

    def auxiliary_losses(self, dxobjects, inputs):
        """Returns the losses of the auxiliary heads, each the mean over all slots of the batch.

        A batch has `most visits x patients x max_dx_per_visit` slots, where the most visits of a patient are taken over
        all replicas. An empty slot adds 0 to the loss of `dx` and log 2 to those of `rx` and `pr`, the cross-entropy
        between a target of zeros and a logit of 0.

        Args:
            dxobjects: float tensor of shape (N, O), embeddings of the Dx-objects.
            inputs: the batch.

        Returns:
            Dict of scalars, `"dx"`, `"rx"` and `"pr"`.
        """
        # Number of times that each distinct history, visit and Dx-object occurs in the batch.
        histories = _count_references(inputs["patients"], 1.0, tf.shape(inputs["visits"])[0])
        visits = _count_references(inputs["visits"], histories[:, tf.newaxis], tf.shape(inputs["dxobjs"])[0])
        counts = _count_references(inputs["dxobjs"], visits[:, tf.newaxis], tf.shape(inputs["dx"])[0])
        longest = tf.reduce_max(tf.reduce_sum(tf.cast(inputs["visits"] >= 0, tf.float32), axis=1))
        if _replicas() > 1:
            longest = tf.reduce_max(tf.distribute.get_replica_context().all_gather(longest[tf.newaxis], axis=0))
        slots = longest * tf.reduce_sum(histories) * self.max_dx_per_visit
        empty = (slots - tf.reduce_sum(counts)) * math.log(2)

        def filled(loss, head, codes):
            return head_in_blocks(loss, head, dxobjects, codes, counts)

        heads = self.auxiliary
        return {
            "dx": filled(diagnosis_loss, heads.dx_head, inputs["dx"]) / slots,
            "rx": (filled(order_loss, heads.rx_head, inputs["rx"]) + empty) / slots,
            "pr": (filled(order_loss, heads.pr_head, inputs["pr"]) + empty) / slots,
        }

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy this private hook of Keras would take a batch from the dataset, and average the tables of the
        # replicas, whose shapes differ, to build a model that is built already (docs/decisions/0014-symbolic-build.md).
        pass

    def get_config(self):
        names = ("regularize", "aux_lambda", "aux_heads", "max_dx_per_visit", "regularize_embeddings")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def _replicas():
    """Returns the number of replicas that train together."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def _count_references(indices, weights, rows):
    """Returns the weighted number of references to each row: float32, (rows,).

    Args:
        indices: integer tensor of row indices, padded with -1.
        weights: float tensor that broadcasts to the shape of `indices`: how often each reference counts.
        rows: number of rows.
    """
    weights = tf.cast(indices >= 0, tf.float32) * weights
    return tf.math.unsorted_segment_sum(tf.reshape(weights, [-1]), tf.reshape(tf.maximum(indices, 0), [-1]), rows)


def _check_weights(regularize, regularize_embeddings, aux_lambda, aux_heads):
    """Raises ValueError, naming the argument, for a negative weight of a loss, or one of heads that are not made."""
    if regularize_embeddings < 0:
        raise ValueError(f"`regularize_embeddings` must not be negative. Received: {regularize_embeddings=}")
    if aux_lambda < 0 or regularize < 0:
        raise ValueError(f"`aux_lambda` and `regularize` must not be negative. Received: {aux_lambda=}, {regularize=}")
    if aux_lambda and aux_heads is False:
        raise ValueError(f"`aux_heads` must not be False when `aux_lambda` is not 0. Received: {aux_lambda=}")
