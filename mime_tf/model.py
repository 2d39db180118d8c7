"""MiME: patients in, probabilities out, and the losses it is trained with."""

import math

import keras
import tensorflow as tf

from mime_tf import losses, optimizer  # noqa: F401  (a saved model names the optimizer it was compiled with)
from mime_tf.layers import GRUV1, AuxiliaryHeads, DxObjectEmbedding, VisitEmbedding
from mime_tf.layers.checks import require_sizes
from mime_tf.layers.lookup import look_up

RNN_CELLS = {"gru_v1": GRUV1, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}


@keras.saving.register_keras_serializable("mime_tf")
class MiME(keras.Model):
    """Multilevel medical embedding of electronic health records, with one sigmoid-activated prediction a patient.

    Codes become Dx-objects (`DxObjectEmbedding`), Dx-objects visits (`VisitEmbedding`), and a recurrent layer reads a
    patient's visits. The loss is the compiled one, plus `regularize` times the sum of squares of every weight of
    rank 2 or more, plus `aux_lambda` times the losses of the auxiliary heads; each part is a metric of its own
    (`main_loss`, `l2_loss`, `aux_dx_loss`, `aux_rx_loss`, `aux_pr_loss`).

    Args:
        num_dx, num_rx, num_pr: numbers of diagnosis, medication and procedure codes.
        emb_size: width of the three code embeddings.
        dxobj_emb_size: width of a Dx-object's and of a visit's embedding.
        rnn_size: width of the recurrent state.
        emb_activation, order_activation: see `DxObjectEmbedding`.
        rnn_cell: `"gru_v1"`, the authors' recurrence (`GRUV1`); `"gru"` or `"lstm"`, Keras's.
        regularize: weight of the sum of squares.
        aux_lambda: weight of the auxiliary losses.
        aux_heads: whether there are auxiliary heads. By default only when `aux_lambda` is not 0. With heads and
            `aux_lambda` 0 their losses are reported and their weights counted among the squares, as in the
            authors' program; neither changes a prediction.
        max_dx_per_visit: the auxiliary losses are means over this many slots a visit, filled or not.
        dropout: share of the entries of each visit's embedding, and of each patient's last state, that a training step
            sets to 0, the others being divided by `1 - dropout`. It is the same for all cells: there is none inside
            the recurrence. A visit that occurs more than once in a batch loses the same entries wherever it occurs;
            patients lose theirs independently, those with equal histories too.
        **kwargs: of `keras.Model`.

    Call arguments:
        inputs: dict of integer tensors as `mime_tf.batches.tables` makes them, -1 where nothing is: `"patients"` (B,),
            `"visits"` (S, T), `"dxobjs"` (V, D), `"dx"` (N,), `"rx"` (N, R), `"pr"` (N, P).

    Returns:
        Probabilities, float32 of shape (B, 1).

    Raises:
        ValueError: an unknown `rnn_cell`, a size that is not a positive integer, a negative weight, a `dropout` outside
            of [0, 1), or `aux_lambda` without heads.

    Reference:
        Choi, Xiao, Stewart and Sun, "MiME: Multilevel Medical Embedding of Electronic Health Records for
        Predictive Healthcare", NeurIPS 2018.
    """

    def __init__(
        self,
        num_dx,
        num_rx,
        num_pr,
        emb_size=200,
        dxobj_emb_size=256,
        rnn_size=256,
        emb_activation="relu",
        order_activation="relu",
        rnn_cell="gru_v1",
        regularize=1e-4,
        aux_lambda=0.0,
        aux_heads=None,
        max_dx_per_visit=22,
        dropout=0.0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        if rnn_cell not in RNN_CELLS:
            raise ValueError(f"`rnn_cell` must be one of {sorted(RNN_CELLS)}. Received: rnn_cell={rnn_cell!r}")
        require_sizes(rnn_size=rnn_size, max_dx_per_visit=max_dx_per_visit)
        if aux_lambda < 0 or regularize < 0:
            raise ValueError(
                f"`aux_lambda` and `regularize` must not be negative. Received: {aux_lambda=}, {regularize=}"
            )
        if not 0 <= dropout < 1:
            raise ValueError(f"`dropout` must be at least 0 and less than 1. Received: {dropout=}")
        if aux_lambda and aux_heads is False:
            raise ValueError(f"`aux_heads` must not be False when `aux_lambda` is not 0. Received: {aux_lambda=}")
        self.rnn_size = rnn_size
        self.rnn_cell = rnn_cell
        self.dropout = dropout
        self.regularize = regularize
        self.aux_lambda = aux_lambda
        self.aux_heads = bool(aux_lambda) if aux_heads is None else aux_heads
        self.max_dx_per_visit = max_dx_per_visit
        self.dxobject_embedding = DxObjectEmbedding(
            num_dx,
            num_rx,
            num_pr,
            emb_size,
            dxobj_emb_size,
            emb_activation,
            order_activation,
            dtype=self.dtype_policy,
            name="dxobject_embedding",
        )
        self.visit_embedding = VisitEmbedding(dtype=self.dtype_policy, name="visit_embedding")
        self.rnn = RNN_CELLS[rnn_cell](rnn_size, dtype=self.dtype_policy, name="rnn")
        self.prediction = keras.layers.Dense(1, "sigmoid", dtype="float32", name="prediction")
        self.main_tracker = keras.metrics.Mean(name="main_loss")
        self.l2_tracker = keras.metrics.Mean(name="l2_loss")
        if self.aux_heads:
            self.auxiliary = AuxiliaryHeads(num_dx, num_rx, num_pr, dtype=self.dtype_policy, name="auxiliary")
            self.aux_trackers = {kind: keras.metrics.Mean(name=f"aux_{kind}_loss") for kind in ("dx", "rx", "pr")}
        # Made last, so that the weights are drawn as without it.
        self.dropout_seeds = keras.random.SeedGenerator() if dropout else None
        self.build()

    def build(self, input_shape=None):
        """Makes every weight. None depends on the shape of the input, so the constructor has done it already."""
        if self.built:
            return
        dxobj_emb_size = self.dxobject_embedding.dxobj_emb_size
        self.dxobject_embedding.build()
        self.rnn.build((None, None, dxobj_emb_size))
        self.prediction.build((None, self.rnn_size))
        if self.aux_heads:
            self.auxiliary.build((None, dxobj_emb_size))
        self.built = True

    def call(self, inputs, training=None):
        return self.predict_patients(self.embed_dxobjects(inputs), inputs, training)

    @property
    def random_state(self):
        """List of the variables that the next random numbers depend on: one with dropout, else none."""
        return [self.dropout_seeds.state] if self.dropout else []

    def embed_dxobjects(self, inputs):
        """Returns the embeddings of the batch's Dx-objects, (N, O)."""
        return self.dxobject_embedding(inputs["dx"], inputs["rx"], inputs["pr"])

    def predict_patients(self, dxobjects, inputs, training=None):
        """Returns the probabilities (B, 1), given the embeddings (N, O) of the batch's Dx-objects."""
        drops = self.dropout and training
        visits = self.visit_embedding(dxobjects, inputs["dxobjs"])
        if drops:
            visits = self._drop(visits)
        if self.rnn_cell == "gru_v1":
            histories = self.rnn.recur(visits, tf.transpose(inputs["visits"]), training)
        else:
            mask = inputs["visits"] >= 0
            histories = self.rnn(look_up(visits, inputs["visits"]), mask=mask, training=training)
        if drops:
            # One history may be that of several patients, each of whom loses entries of its own.
            return self.prediction(self._drop(look_up(histories, inputs["patients"])))
        return look_up(self.prediction(histories), inputs["patients"])

    def _drop(self, values):
        """Sets entries to 0, others in every replica, and divides those that are left by `1 - dropout`."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = self.dropout_seeds.next()
        seed += tf.cast(tf.stack([replica, 0]), seed.dtype)
        return tf.nn.experimental.stateless_dropout(values, self.dropout, seed=seed)

    def train_step(self, data):
        """One update: the gradient of the total loss, `compute_loss`.

        Under a `tf.distribute` strategy an optimizer's `global_clipnorm` bounds the mean of the replicas' gradients:
        the gradient of all patients together, divided by the number of replicas.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss, y_pred = self._forward(x, y, sample_weight, training=True)
            scaled_loss = self.optimizer.scale_loss(loss)
        weights = self.trainable_weights
        gradients = tape.gradient(scaled_loss, weights)
        if _replicas() > 1 and getattr(self.optimizer, "inner_optimizer", self.optimizer).global_clipnorm:
            # Keras clips before it adds the replicas' gradients up, so each is given what it is to be a share of.
            gradients = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
        self.optimizer.apply(gradients, weights)
        return self._update_metrics(loss, x, y, y_pred, sample_weight)

    def test_step(self, data):
        """The same losses without an update."""
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        loss, y_pred = self._forward(x, y, sample_weight, training=False)
        return self._update_metrics(loss, x, y, y_pred, sample_weight)

    def _forward(self, x, y, sample_weight, training):
        """Returns the total loss and the predictions; the Dx-objects are embedded once for both."""
        dxobjects = self.embed_dxobjects(x)
        y_pred = self.predict_patients(dxobjects, x, training)
        x = {**x, "dxobjects": dxobjects}
        return self.compute_loss(x, y, y_pred, sample_weight, training=training), y_pred

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Returns the total loss: the compiled one, the weighted squares and the weighted auxiliary losses.

        Args:
            x: the inputs; the embeddings of their Dx-objects may stand beside them as `"dxobjects"` (N, O).
            y: labels, (B,) or (B, 1).
            y_pred: probabilities, (B, 1).
            sample_weight: optional weights of the compiled loss, (B,).
            training: whether this is a training step.

        Returns:
            Scalar. Under a `tf.distribute` strategy it is the replica's share: shares of equally many patients add up
            to the loss of all patients together, and so do their gradients.
        """
        # Keras has divided the compiled loss by the number of replicas; here it is a whole one again.
        main = super().compute_loss(x, y, y_pred, sample_weight, training) * _replicas()
        patients = tf.shape(x["patients"])[0]
        self.main_tracker.update_state(main, sample_weight=patients)
        l2 = self.regularize * losses.sum_of_squares(self.trainable_weights)
        self.l2_tracker.update_state(l2, sample_weight=patients)
        total = main + l2
        if self.aux_heads:
            dxobjects = x["dxobjects"] if "dxobjects" in x else self.embed_dxobjects(x)
            for kind, loss in self.auxiliary_losses(dxobjects, x).items():
                self.aux_trackers[kind].update_state(loss, sample_weight=patients)
                total += self.aux_lambda * loss
        return total / _replicas()

    def auxiliary_losses(self, dxobjects, inputs):
        """Returns the losses of the auxiliary heads, each the mean over all slots of the batch.

        There are `longest visit count x patients x max_dx_per_visit` slots, the longest being that of all replicas. An
        empty one gives 0 to `dx` and log 2 to `rx` and to `pr`, as a target of zeros and a logit of 0 would.

        Args:
            dxobjects: float tensor of shape (N, O).
            inputs: the batch.

        Returns:
            Dict of scalars, `"dx"`, `"rx"` and `"pr"`.
        """
        logits = {kind: tf.cast(values, tf.float32) for kind, values in self.auxiliary(dxobjects).items()}
        times_history = _times_named(inputs["patients"], 1.0, tf.shape(inputs["visits"])[0])
        times_visit = _times_named(inputs["visits"], times_history[:, tf.newaxis], tf.shape(inputs["dxobjs"])[0])
        times = _times_named(inputs["dxobjs"], times_visit[:, tf.newaxis], tf.shape(inputs["dx"])[0])
        longest = tf.reduce_max(tf.reduce_sum(tf.cast(inputs["visits"] >= 0, tf.float32), axis=1))
        if _replicas() > 1:
            longest = tf.reduce_max(tf.distribute.get_replica_context().all_gather(longest[tf.newaxis], axis=0))
        slots = longest * tf.reduce_sum(times_history) * self.max_dx_per_visit
        empty = (slots - tf.reduce_sum(times)) * math.log(2)
        return {
            "dx": tf.reduce_sum(times * losses.diagnosis_loss(logits["dx"], inputs["dx"])) / slots,
            "rx": (tf.reduce_sum(times * losses.order_loss(logits["rx"], inputs["rx"])) + empty) / slots,
            "pr": (tf.reduce_sum(times * losses.order_loss(logits["pr"], inputs["pr"])) + empty) / slots,
        }

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy Keras would take a batch away here, and average the replicas' tables, whose shapes differ, to
        # build a model that the constructor has built.
        pass

    def _update_metrics(self, loss, x, y, y_pred, sample_weight):
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss * _replicas(), sample_weight=tf.shape(y_pred)[0])
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def get_config(self):
        embedding = self.dxobject_embedding.get_config()
        names = ("num_dx", "num_rx", "num_pr", "emb_size", "dxobj_emb_size", "emb_activation", "order_activation")
        return {
            **super().get_config(),
            **{name: embedding[name] for name in names},
            "rnn_size": self.rnn_size,
            "rnn_cell": self.rnn_cell,
            "regularize": self.regularize,
            "aux_lambda": self.aux_lambda,
            "aux_heads": self.aux_heads,
            "max_dx_per_visit": self.max_dx_per_visit,
            "dropout": self.dropout,
        }

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()


def _replicas():
    """The number of replicas that train together."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def _times_named(references, weights, rows):
    """How often each of `rows` rows is named by `references`, each naming counted `weights` times; -1 names none."""
    weights = tf.cast(references >= 0, tf.float32) * weights
    return tf.math.unsorted_segment_sum(tf.reshape(weights, [-1]), tf.reshape(tf.maximum(references, 0), [-1]), rows)
