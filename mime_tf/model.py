"""MiME: from patients to probabilities, and the losses of training."""

import math

import keras
import tensorflow as tf

from mime_tf import losses, optimizer  # noqa: F401  (a saved model names the optimizer it was compiled with)
from mime_tf.layers import (
    GRUV1,
    AuxiliaryHeads,
    DxObjectEmbedding,
    VisitEmbedding,
    VisitPooling,
    VisitTimes,
    VisitTransform,
)
from mime_tf.layers.checks import require_sizes
from mime_tf.layers.distinct_dxobjects import distinct_dxobjects
from mime_tf.layers.head_in_blocks import head_in_blocks
from mime_tf.layers.lookup import gather_padded, segment_sum
from mime_tf.layers.visit_pooling import VISIT_VIEWS
from mime_tf.layers.visit_times import TIMES, times_of

RNN_CELLS = {"gru_v1": GRUV1, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}
POOLING = ("last", *VISIT_VIEWS, "distinct")
EQUATIONS = ("program", "paper")


@keras.saving.register_keras_serializable("mime_tf")
class MiME(keras.Model):
    """Multilevel medical embedding of electronic health records, with a sigmoid prediction per patient and outcome.

    Codes become Dx-objects (`DxObjectEmbedding`), Dx-objects become visits (`VisitEmbedding`), and a recurrent layer
    reads the visits of a patient. The loss is the compiled one, plus `regularize` times the sum of squares of every
    weight of rank 2 or more, plus `aux_lambda` times the losses of the auxiliary heads; each part is logged under its
    own name (`main_loss`, `l2_loss`, `aux_dx_loss`, `aux_rx_loss`, `aux_pr_loss`).

    Args:
        num_dx, num_rx, num_pr: numbers of diagnosis, medication and procedure codes.
        emb_size: width of the three code embeddings.
        dxobj_emb_size: width of the embeddings of Dx-objects and visits.
        rnn_size: width of the recurrent state.
        emb_activation, order_activation: see `DxObjectEmbedding`.
        rnn_cell: `"gru_v1"`, the authors' recurrence (`GRUV1`), or Keras's `"gru"` or `"lstm"`.
        regularize: weight of the sum of squares.
        aux_lambda: weight of the auxiliary losses.
        aux_heads: whether to make auxiliary heads; by default only when `aux_lambda` is not 0. With heads and
            `aux_lambda` 0 the auxiliary losses are logged and the weights of the heads count among the squares, as in
            the authors' program; neither changes a prediction.
        max_dx_per_visit: number of Dx-object slots per visit, filled or empty, over which the auxiliary losses are
            means.
        dropout: share of the entries of each visit's embedding, and of each patient's last state, that a training step
            sets to 0; the rest is divided by `1 - dropout`. No cell has dropout inside its recurrence. A visit that
            occurs several times in a batch loses the same entries each time; patients lose entries independently, even
            with equal histories. With other `pooling` than `"last"` a patient's vector takes the place of the state.
        pooling: list of the views of a patient's record that the prediction reads, concatenated in this order:
            `"last"`, the state of the recurrence after the last visit; `"sum"`, `"mean"` and `"max"` over the visits'
            embeddings (`VisitPooling`); and `"distinct"`, the sum over the distinct diagnoses of the record, each
            embedded once as a Dx-object with the union of its orders. Without `"last"` the model has no recurrence.
        code_dropout: share of the orders of Dx-objects, and of the Dx-objects of visits, that a training step leaves
            out, each by a draw of its own; a Dx-object goes with its orders. A Dx-object that occurs in several visits
            of a batch loses the same orders in all of them, and equal visits lose the same Dx-objects. The auxiliary
            losses have the codes left out among their targets.
        equations: `"program"`, those of the authors' program, or `"paper"`, those of the paper where the program leaves
            something out: the skip connections G and F (`DxObjectEmbedding` with `skip`, `VisitTransform`), `W_v` and
            the visit activation. `emb_size` and `dxobj_emb_size` are then equal.
        visit_activation: of `VisitTransform`, with the equations of the paper.
        regularize_embeddings: weight of the sum of squares of the code embeddings, in place of `regularize`; by default
            the same.
        outcomes: K, number of outcomes per patient, each with a sigmoid unit of its own.
        ancestors: `sizes` of an `AncestorEmbeddings`, for embeddings that codes share with their ancestors; None for
            none. `dxobject_embedding.relate` says which code has which ancestor.
        visit_days: whether the model reads the days of visits (`VisitTimes`); `"distinct"` has no times.
        attributes: dict of how attributes of patients are made, as `mime_tf.regression.attributes.Attributes.config`
            has it, for a prediction that reads them beside the record; or None.
        name: name of the model.
        **kwargs: arguments of `keras.Model`.

    Call arguments:
        inputs: dict of int32 tensors as `mime_tf.batches.tables` makes them, padded with -1: `"patients"` (B,),
            `"visits"` (S, T), `"dxobjs"` (V, D), `"dx"` (N,), `"rx"` (N, R), `"pr"` (N, P); with `visit_days` `"days"`
            (S, T), days from each visit to the prediction time; with `attributes` float32 `"attributes"` (B, A).

    Returns:
        Probabilities, float32 of shape (B, K).

    Raises:
        ValueError: an unknown `rnn_cell`, a size that is not a positive integer, a negative weight, a `dropout` or
            `code_dropout` outside of [0, 1), `aux_lambda` without heads, a `pooling` that is empty, repeats a view or
            has an unknown one, unknown `equations`, or those of the paper with different widths.

    Example:
    >>> from mime_tf.batches.tables import Batch
    >>> from mime_tf.data import pickled
    >>> patients = pickled.from_lists([[[[4, [0, 5], []]], []], [[[1, [], [6]]]]])  # visits of [dx, [rx], [pr]]
    >>> model = MiME(num_dx=5, num_rx=6, num_pr=7, emb_size=4, dxobj_emb_size=4, rnn_size=3)
    >>> model(Batch(patients).tables()).shape
    TensorShape([2, 1])

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
        pooling=("last",),
        code_dropout=0.0,
        equations="program",
        visit_activation="relu",
        regularize_embeddings=None,
        outcomes=1,
        ancestors=None,
        visit_days=False,
        attributes=None,
        name="mime",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        require_sizes(rnn_size=rnn_size, max_dx_per_visit=max_dx_per_visit, outcomes=outcomes)
        _check_losses(regularize, regularize_embeddings or 0, aux_lambda, aux_heads)
        _check_structure(rnn_cell, pooling, equations)
        _check_shares(dropout=dropout, code_dropout=code_dropout)
        self.rnn_size = rnn_size
        self.rnn_cell = rnn_cell
        self.dropout = dropout
        self.pooling = tuple(pooling)
        # XLA would compute this view wrong without an error: no shape has its number of Dx-objects (TensorFlow 2.21).
        self.supports_jit = "distinct" not in self.pooling
        self.code_dropout = code_dropout
        self.equations = equations
        self.visit_activation = visit_activation
        self.regularize_embeddings = regularize_embeddings
        self.outcomes = outcomes
        self.attributes = attributes
        self.regularize = regularize
        self.aux_lambda = aux_lambda
        self.aux_heads = bool(aux_lambda) if aux_heads is None else aux_heads
        self.max_dx_per_visit = max_dx_per_visit
        codes, policy = (num_dx, num_rx, num_pr), {"dtype": self.dtype_policy}
        activations, skip = (emb_activation, order_activation), equations == "paper"
        self.dxobject_embedding = DxObjectEmbedding(
            *codes, emb_size, dxobj_emb_size, *activations, skip, ancestors, name="dxobject_embedding", **policy
        )
        self.visit_embedding = VisitEmbedding(name="visit_embedding", **policy)
        self.visit_transform = VisitTransform(visit_activation, name="visit_transform", **policy) if skip else None
        self.visit_times = VisitTimes(name="visit_times", **policy) if visit_days else None
        self.rnn = RNN_CELLS[rnn_cell](rnn_size, name="rnn", **policy) if "last" in self.pooling else None
        # In float32: in float16 the sum over a long history could overflow.
        self.visit_pooling = {
            view: VisitPooling(view, dtype="float32", name=f"visit_{view}")
            for view in self.pooling
            if view in VISIT_VIEWS
        }
        self.prediction = keras.layers.Dense(outcomes, "sigmoid", dtype="float32", name="prediction")
        self.main_tracker = keras.metrics.Mean(name="main_loss")
        self.l2_tracker = keras.metrics.Mean(name="l2_loss")
        if self.aux_heads:
            self.auxiliary = AuxiliaryHeads(*codes, name="auxiliary", **policy)
            self.aux_trackers = {kind: keras.metrics.Mean(name=f"aux_{kind}_loss") for kind in ("dx", "rx", "pr")}
        # Made last, so that dropout does not change which initial weights are drawn.
        self.dropout_seeds = keras.random.SeedGenerator() if dropout or code_dropout else None
        self.build()

    def build(self, input_shape=None):
        """Makes every weight. The constructor calls it, because no weight depends on the shape of the input."""
        if self.built:
            return
        dxobj_emb_size = self.dxobject_embedding.dxobj_emb_size
        self.dxobject_embedding.build((None,), (None, None), (None, None))
        self.visit_embedding.build((None, dxobj_emb_size), (None, None))
        if self.visit_transform:
            self.visit_transform.build((None, dxobj_emb_size))
        if self.visit_times:
            self.visit_times.build((None, dxobj_emb_size), (None, TIMES))
        if self.rnn:
            self.rnn.build((None, None, dxobj_emb_size))
        for layer in self.visit_pooling.values():
            layer.build((None, dxobj_emb_size), (None, None))
        widths = [self.rnn_size if view == "last" else dxobj_emb_size for view in self.pooling]
        self.prediction.build((None, sum(widths) + self.attribute_count))
        if self.aux_heads:
            self.auxiliary.build((None, dxobj_emb_size))
        self.built = True

    def call(self, inputs, training=None):
        inputs = self._drop_codes(inputs, training)
        return self.predict_patients(self.embed_dxobjects(inputs), inputs, training)

    @property
    def reads_days(self):
        """Whether a batch has to tell the days of visits."""
        return self.visit_times is not None

    @property
    def attribute_count(self):
        """Number of attributes of a patient that the prediction reads."""
        return count_attributes(self.attributes)

    @property
    def random_state(self):
        """List of the variables that determine the next random numbers: one with dropout of any kind, else empty."""
        return [self.dropout_seeds.state] if self.dropout_seeds else []

    def embed_dxobjects(self, inputs):
        """Returns the embeddings of the Dx-objects of a batch, (N, O)."""
        return self.dxobject_embedding(inputs["dx"], inputs["rx"], inputs["pr"])

    def predict_patients(self, dxobjects, inputs, training=None):
        """Returns the probabilities, (B, K), given the embeddings of the Dx-objects of a batch, (N, O)."""
        drops = self.dropout and training
        histories = self._histories(dxobjects, inputs, training)
        if not (drops or self.attributes):
            return gather_padded(self.prediction(histories), inputs["patients"])
        # Several patients may share a history, and each loses other entries.
        vectors = gather_padded(histories, inputs["patients"])
        vectors = self._drop_out(vectors) if drops else vectors
        if self.attributes:
            # In mixed precision Keras casts both to 16 bits.
            vectors = tf.concat([tf.cast(part, "float32") for part in (vectors, inputs["attributes"])], axis=1)
        return self.prediction(vectors)

    def logits(self, inputs):
        """Returns the logits of the probabilities of a batch, float32 of shape (B, K), as `call` does in inference."""
        histories = tf.cast(self._histories(self.embed_dxobjects(inputs), inputs), "float32")
        of_histories, of_attributes = self.split_kernel()
        logits = gather_padded(histories @ of_histories + self.prediction.bias, inputs["patients"])
        return logits + inputs["attributes"] @ of_attributes if self.attributes else logits

    def split_kernel(self):
        """Returns the prediction's kernel in two: of a patient's record, (W, K), and of attributes, (A, K)."""
        kernel, count = self.prediction.kernel, self.attribute_count
        return tf.split(kernel, [kernel.shape[0] - count, count])

    def _histories(self, dxobjects, inputs, training=None):
        """Returns the vectors that the prediction reads, (S, W), one for each distinct history of a batch."""
        visits = self.transform_visits(self.visit_embedding(dxobjects, inputs["dxobjs"]))
        if self.dropout and training:
            visits = self._drop_out(visits)
        distinct = self._sum_of_distinct(inputs) if "distinct" in self.pooling else None
        return self.pool(*self.date_visits(visits, inputs["visits"], inputs.get("days")), distinct, training)

    def transform_visits(self, sums):
        """Returns the embeddings of visits, (V, O), given the sums of their Dx-objects: the same, but in the paper."""
        return self.visit_transform(sums) if self.visit_transform else sums

    def date_visits(self, visits, members, days):
        """Returns visits with their times, each as often as it occurs in a history; the same if the model reads none.

        Args:
            visits: float tensor of shape (V, O), embeddings of visits.
            members: int32 tensor of shape (S, T), the rows of `visits` that form each history, padded with -1.
            days: int32 tensor of shape (S, T), days from each visit to the prediction time; None if the model reads
                none.

        Returns:
            Embeddings of visits, and the rows of them that form each history.
        """
        if not self.visit_times:
            return visits, members
        times = tf.reshape(times_of(days), [-1, TIMES])
        dated = self.visit_times(gather_padded(visits, tf.reshape(members, [-1])), times)
        rows = tf.reshape(tf.range(tf.size(members)), tf.shape(members))
        return dated, tf.where(members >= 0, rows, -1)

    def pool(self, visits, members, distinct=None, training=None):
        """Returns the vectors that the prediction reads: the views of `pooling`, concatenated.

        Args:
            visits: float tensor of shape (V, O), embeddings of visits.
            members: int32 tensor of shape (S, T), the rows of `visits` that form each history, padded with -1.
            distinct: float tensor of shape (S, O), the view `"distinct"` if the model has it.
            training: whether this is a training step.

        Returns:
            Tensor of shape (S, W), with W the sum of the views' widths.
        """
        views = {name: layer(visits, members) for name, layer in self.visit_pooling.items()}
        if distinct is not None:
            views["distinct"] = distinct
        if self.rnn:
            views["last"] = self._last_states(visits, members, training)
        if len(views) == 1:
            return views[self.pooling[0]]
        return tf.concat([tf.cast(views[name], "float32") for name in self.pooling], axis=1)

    def _last_states(self, visits, members, training):
        if self.rnn_cell == "gru_v1":
            return self.rnn.recur(visits, tf.transpose(members), training)
        return self.rnn(gather_padded(visits, members), mask=members >= 0, training=training)

    def _sum_of_distinct(self, inputs):
        """Returns the sum per history of the embeddings of its distinct Dx-objects, float32 of shape (S, O)."""
        layer = self.dxobject_embedding
        dx, rx, pr, history = distinct_dxobjects(inputs, layer.num_dx, layer.num_rx, layer.num_pr)
        dxobjects = tf.cast(layer.embed(dx, rx, pr), "float32")
        return segment_sum(dxobjects, history, tf.shape(inputs["visits"])[0])

    def _drop_out(self, values):
        """Sets entries to 0, different ones in each replica, and divides the rest by `1 - dropout`."""
        return tf.nn.experimental.stateless_dropout(values, self.dropout, seed=self._next_seed())

    def _drop_codes(self, inputs, training):
        """Returns the batch, in training without a share of its orders and of the Dx-objects in its visits."""
        if not (self.code_dropout and training):
            return inputs

        def drop(indices):
            draws = tf.random.stateless_uniform(tf.shape(indices), self._next_seed())
            return tf.where(draws < self.code_dropout, -1, indices)

        return {**inputs, **{name: drop(inputs[name]) for name in ("rx", "pr", "dxobjs")}}

    def _next_seed(self):
        """Returns the next seed, another one in each replica."""
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        seed = self.dropout_seeds.next()
        return seed + tf.cast(tf.stack([replica, 0]), seed.dtype)

    def train_step(self, data):
        """Updates the weights by the gradient of the total loss.

        Under a `tf.distribute` strategy an optimizer's `global_clipnorm` bounds the mean of the gradients of all
        replicas: the gradient over all patients, divided by the number of replicas.
        """
        x, y, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            loss, y_pred = self._predict_with_loss(x, y, sample_weight, training=True)
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
        loss, y_pred = self._predict_with_loss(x, y, sample_weight, training=False)
        return self._update_metrics(loss, x, y, y_pred, sample_weight)

    def _predict_with_loss(self, x, y, sample_weight, training):
        """Returns the total loss and the probabilities; both use one embedding of the Dx-objects."""
        shown = self._drop_codes(x, training)
        dxobjects = self.embed_dxobjects(shown)
        y_pred = self.predict_patients(dxobjects, shown, training)
        return self._total_loss(dxobjects, x, y, y_pred, sample_weight, training), y_pred

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
            return self.regularize * losses.sum_of_squares(self.trainable_weights)
        tables = [weight for weight in self.trainable_weights if weight.name.endswith("_embeddings")]
        others = [weight for weight in self.trainable_weights if not weight.name.endswith("_embeddings")]
        squares = self.regularize_embeddings * losses.sum_of_squares(tables)
        return squares + self.regularize * losses.sum_of_squares(others)

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
            "dx": filled(losses.diagnosis_loss, heads.dx_head, inputs["dx"]) / slots,
            "rx": (filled(losses.order_loss, heads.rx_head, inputs["rx"]) + empty) / slots,
            "pr": (filled(losses.order_loss, heads.pr_head, inputs["pr"]) + empty) / slots,
        }

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        # Under a strategy this private hook of Keras would take a batch from the dataset, and average the tables of the
        # replicas, whose shapes differ, to build a model that is built already (docs/decisions/0014-symbolic-build.md).
        pass

    def _update_metrics(self, loss, x, y, y_pred, sample_weight):
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss * _replicas(), sample_weight=tf.shape(y_pred)[0])
        return self.compute_metrics(x, y, y_pred, sample_weight=sample_weight)

    def get_config(self):
        embedding = self.dxobject_embedding.get_config()
        names = (
            "num_dx",
            "num_rx",
            "num_pr",
            "emb_size",
            "dxobj_emb_size",
            "emb_activation",
            "order_activation",
            "ancestors",
        )
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
            "pooling": list(self.pooling),
            "code_dropout": self.code_dropout,
            "equations": self.equations,
            "visit_activation": self.visit_activation,
            "regularize_embeddings": self.regularize_embeddings,
            "outcomes": self.outcomes,
            "visit_days": self.reads_days,
            "attributes": self.attributes,
        }

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()


def count_attributes(attributes):
    """Returns the number of attributes that a model's argument `attributes` makes of a patient; 0 for None."""
    return sum(map(len, (attributes or {}).values()))


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


def _check_structure(rnn_cell, pooling, equations):
    """Raises ValueError, naming the argument, for an unknown cell, view or name of equations, or views that repeat."""
    if equations not in EQUATIONS:
        raise ValueError(f"`equations` must be one of {EQUATIONS}. Received: {equations=}")
    if rnn_cell not in RNN_CELLS:
        raise ValueError(f"`rnn_cell` must be one of {sorted(RNN_CELLS)}. Received: rnn_cell={rnn_cell!r}")
    if not pooling or isinstance(pooling, str) or not set(pooling) <= set(POOLING) or len(set(pooling)) < len(pooling):
        raise ValueError(f"`pooling` must be a list of different views of {POOLING}. Received: {pooling=}")


def _check_shares(**shares):
    """Raises ValueError, naming the argument, unless each share is at least 0 and less than 1."""
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"`{name}` must be at least 0 and less than 1. Received: {name}={share}")


def _check_losses(regularize, regularize_embeddings, aux_lambda, aux_heads):
    """Raises ValueError, naming the argument, for a negative weight of a loss, or one of heads that are not made."""
    if regularize_embeddings < 0:
        raise ValueError(f"`regularize_embeddings` must not be negative. Received: {regularize_embeddings=}")
    if aux_lambda < 0 or regularize < 0:
        raise ValueError(f"`aux_lambda` and `regularize` must not be negative. Received: {aux_lambda=}, {regularize=}")
    if aux_lambda and aux_heads is False:
        raise ValueError(f"`aux_heads` must not be False when `aux_lambda` is not 0. Received: {aux_lambda=}")
