"""MiME: from patients to probabilities."""

import keras
import tensorflow as tf

from mime_tf import optimizer  # noqa: F401  (a saved model names the optimizer it was compiled with)
from mime_tf.joint_training import JointTraining
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
from mime_tf.layers.lookup import gather_padded, segment_sum
from mime_tf.layers.visit_pooling import VISIT_VIEWS
from mime_tf.layers.visit_times import TIMES, times_of

RNN_CELLS = {"gru_v1": GRUV1, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}
POOLING = ("last", *VISIT_VIEWS, "distinct")
EQUATIONS = ("program", "paper")


@keras.saving.register_keras_serializable("mime_tf")
class MiME(JointTraining):
    """Multilevel medical embedding of electronic health records, with a sigmoid prediction per patient and outcome.

    Codes become Dx-objects (`DxObjectEmbedding`), Dx-objects become visits (`VisitEmbedding`), and a recurrent layer
    reads the visits of a patient. `mime_tf.joint_training.JointTraining` has the losses of training.

    Args:
        num_dx, num_rx, num_pr: numbers of diagnosis, medication and procedure codes.
        emb_size: width of the three code embeddings.
        dxobj_emb_size: width of the embeddings of Dx-objects and visits.
        rnn_size: width of the recurrent state.
        emb_activation, order_activation: see `DxObjectEmbedding`.
        rnn_cell: `"gru_v1"`, the authors' recurrence (`GRUV1`), or Keras's `"gru"` or `"lstm"`.
        regularize, aux_lambda, aux_heads, max_dx_per_visit, regularize_embeddings: see `JointTraining`.
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
        ValueError: a wrong argument of `JointTraining`, an unknown `rnn_cell`, a size that is not a positive integer, a
            `dropout` or `code_dropout` outside of [0, 1), a `pooling` that is empty, repeats a view or has an unknown
            one, unknown `equations`, or those of the paper with different widths.

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
        super().__init__(
            regularize, aux_lambda, aux_heads, max_dx_per_visit, regularize_embeddings, name=name, **kwargs
        )
        require_sizes(rnn_size=rnn_size, outcomes=outcomes)
        _check(rnn_cell, pooling, equations, dropout=dropout, code_dropout=code_dropout)
        self.rnn_size = rnn_size
        self.rnn_cell = rnn_cell
        self.dropout = dropout
        self.pooling = tuple(pooling)
        # XLA would compute this view wrong without an error: no shape has its number of Dx-objects (TensorFlow 2.21).
        self.supports_jit = "distinct" not in self.pooling
        self.code_dropout = code_dropout
        self.equations = equations
        self.visit_activation = visit_activation
        self.outcomes = outcomes
        self.attributes = attributes
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
        if self.aux_heads:
            self.auxiliary = AuxiliaryHeads(*codes, name="auxiliary", **policy)
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
        return self.embed_and_predict(inputs, training)[1]

    def embed_and_predict(self, inputs, training=None):
        """Returns the embeddings of the Dx-objects of a batch, (N, O), and the probabilities, (B, K)."""
        inputs = self._drop_codes(inputs, training)
        dxobjects = self.embed_dxobjects(inputs)
        return dxobjects, self.predict_patients(dxobjects, inputs, training)

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

    def get_config(self):
        of_codes = ("num_dx", "num_rx", "num_pr", "emb_size", "dxobj_emb_size", "emb_activation", "order_activation")
        own = ("rnn_size", "rnn_cell", "dropout", "code_dropout", "equations", "visit_activation", "outcomes")
        embedding = self.dxobject_embedding.get_config()
        return {
            **super().get_config(),
            **{name: embedding[name] for name in (*of_codes, "ancestors")},
            **{name: getattr(self, name) for name in (*own, "attributes")},
            "pooling": list(self.pooling),
            "visit_days": self.reads_days,
        }

    def get_build_config(self):
        return {"input_shape": None}

    def build_from_config(self, config):
        self.build()


def count_attributes(attributes):
    """Returns the number of attributes that a model's argument `attributes` makes of a patient; 0 for None."""
    return sum(map(len, (attributes or {}).values()))


def _check(rnn_cell, pooling, equations, **shares):
    """Raises ValueError, naming the argument, for an unknown name, views that repeat or a share outside of [0, 1)."""
    if equations not in EQUATIONS:
        raise ValueError(f"`equations` must be one of {EQUATIONS}. Received: {equations=}")
    if rnn_cell not in RNN_CELLS:
        raise ValueError(f"`rnn_cell` must be one of {sorted(RNN_CELLS)}. Received: rnn_cell={rnn_cell!r}")
    if not pooling or isinstance(pooling, str) or not set(pooling) <= set(POOLING) or len(set(pooling)) < len(pooling):
        raise ValueError(f"`pooling` must be a list of different views of {POOLING}. Received: {pooling=}")
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise ValueError(f"`{name}` must be at least 0 and less than 1. Received: {name}={share}")
