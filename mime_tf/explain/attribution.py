"""What each diagnosis and each pair of a diagnosis and an order adds to a patient's logit.

MiME adds the orders of a Dx-object to its diagnosis as vectors (`DxObjectEmbedding` has the equations):

    x = e + sum of q(e, order),   q(e, rx) = s(e W_dr + b_dr) * a(W_rx[rx]),   q(e, pr) likewise

so `q` is the vector of a pair. The logit changes in two stages, each a straight path whose gradient is integrated
(integrated gradients: Sundararajan, Taly and Yan, ICML 2017, https://arxiv.org/abs/1703.01365):

1. Diagnoses. The visits grow from zero vectors, which is what an empty visit is, to what they are without any order:
   t o(e), t from 0 to 1. A diagnosis is given the inner product of its o(e) and the mean gradient.
2. Orders. With the diagnoses in place all pairs grow: x = e + t sum of q. A pair is given the inner product of its q
   and the mean gradient, so that it is about the order given its diagnosis.

All of it adds up to the logit less that of empty visits. A path is cut into intervals, integrated by Simpson's rule.
The logits at an interval's ends tell what the contributions should add up to there, and it is halved until they do:
relu makes the gradient jump, and only the intervals with a jump become small. The gap that is left is known.
"""

import dataclasses
import itertools

import numpy as np
import tensorflow as tf

from mime_tf.batches.tables import runs_of
from mime_tf.data.store import ranges
from mime_tf.errors import InputError
from mime_tf.layers.lookup import gather_padded
from mime_tf.model import MiME

# In units of the logit, or of its change where that is larger.
TOLERANCE = 1e-3
# The share of the tolerance that an interval may have as its gap: a smaller one where a patient's add up to too much.
_SHARES = (1 / 4, 1 / 32, 1 / 512)
_INTERVALS, _SHORTEST = 4, 2.0**-14  # of a path from 0 to 1: how many at first, and how short they may become
_VISITS, _ROWS = 1024, 8192  # of patients in a batch; visits, or Dx-objects, times points that are computed together


@dataclasses.dataclass(frozen=True)
class Contributions:
    """What the codes of patients add to their logits, all float64 and in the order of a Store's columns.

    Attributes:
        dx: (Dx-objects,), of the diagnosis without its orders.
        rx, pr: (medications,) and (procedures,), of the pair of the order and its diagnosis.
        empty_logits: (patients,), of as many visits with nothing in them.
        dx_logits: (patients,), of the diagnoses without any order.
        logits: (patients,), of all that the patient has.
        gaps: (patients,), by how much the contributions may fail to add up to `logits - empty_logits`: the sum of both
            stages' absolute gaps.
    """

    dx: np.ndarray
    rx: np.ndarray
    pr: np.ndarray
    empty_logits: np.ndarray
    dx_logits: np.ndarray
    logits: np.ndarray
    gaps: np.ndarray

    @classmethod
    def zeros(cls, store):
        """Returns those of a Store, all zero."""
        of_codes = [np.zeros(len(codes)) for codes in (store.dx, store.rx, store.pr)]
        return cls(*of_codes, *(np.zeros(len(store)) for _ in range(4)))


def contributions(model, store, tolerance=TOLERANCE, progress=None):
    """Divides the logits of patients among their diagnoses and their pairs of diagnosis and order.

    Args:
        model: MiME. It is computed in float32, also where it was trained in mixed precision.
        store: `mime_tf.data.store.Store` of codes that the model has room for.
        tolerance: the largest gap to accept, in units of the logit, or of its change where that is more than 1.
        progress: function that is given a text now and then, such as `Console.progress`.

    Returns:
        Contributions.

    Raises:
        InputError: a patient's gap stays above the tolerance, or the logits are not numbers.
    """
    paths, result = _Paths(_in_float32(model)), Contributions.zeros(store)
    left = np.argsort(store.visit_counts, kind="stable")
    for share in _SHARES:
        failed, done = [left[:0]], len(store) - len(left)
        bounds = runs_of(store.visit_counts[left], _VISITS, _VISITS)
        for start, end in itertools.pairwise(bounds):
            rows = left[start:end]
            found = paths.integrate(store.select(rows), share * tolerance)
            _fill_in(result, found, store, rows)
            failed.append(rows[~(found.gaps <= tolerance * np.maximum(1, np.abs(found.logits - found.empty_logits)))])
            done += len(rows) - len(failed[-1])
            if progress:
                progress(f"explained {done:,} of {len(store):,} patients")
        left = np.concatenate(failed)
    if len(left):
        raise InputError(
            f"the contributions of {len(left)} patients, the first at position {left[0]}, fail to add up to the change "
            f"of the logit, there by {result.gaps[left[0]]:.3g}; at most {tolerance:g} is accepted, and the model's "
            "weights are not numbers, or too large for it"
        )
    return result


def _in_float32(model):
    """Returns the model, or one of the same weights that computes in float32."""
    if model.compute_dtype == "float32":
        return model
    copy = MiME.from_config({**model.get_config(), "dtype": "float32"})
    copy.set_weights(model.get_weights())
    return copy


def _fill_in(result, found, store, rows):
    """Writes the contributions of the patients at `rows` into those of the whole Store."""
    for name in ("empty_logits", "dx_logits", "logits", "gaps"):
        getattr(result, name)[rows] = getattr(found, name)
    bounds = store.dxobjs[store.visits]
    for kind, bounds_of in (("dx", bounds), ("rx", store.rx_offsets[bounds]), ("pr", store.pr_offsets[bounds])):
        places = ranges(bounds_of[rows], bounds_of[rows + 1] - bounds_of[rows])
        getattr(result, kind)[places] = getattr(found, kind)


class _Paths:
    """The two paths of patients, through a model.

    A batch is a dict: `dx` [N], the diagnosis of each Dx-object; `place` [N], the row of its visit where patients'
    visits are rows of a table [B T]; `rx` [M] and `pr` [L], codes; `rx_of` [M] and `pr_of` [L], the Dx-objects that
    they belong to; `mask` [B, T], where a patient has a visit. A path is computed at K points of each patient at once.
    """

    def __init__(self, model):
        self._model = model
        vector = tf.TensorSpec((None,), tf.int32)
        batch = {name: vector for name in ("dx", "place", "rx", "rx_of", "pr", "pr_of")}
        batch["mask"] = tf.TensorSpec((None, None), tf.bool)
        signature = [batch, tf.TensorSpec((None, None), tf.float32)]
        self._diagnoses = tf.function(self._diagnoses, input_signature=signature)
        self._orders = tf.function(self._orders, input_signature=signature)

    def integrate(self, store, accepted):
        """Returns the Contributions of a few patients; an interval is halved while its gap is above `accepted`."""
        batch = _layout(store)
        patient_of = batch["place"] // batch["mask"].shape[1]
        of_orders = np.concatenate([batch["rx_of"], batch["pr_of"]])
        (empty, dx_logits), dx, gaps = _along(self._diagnoses, batch, patient_of, accepted)
        (_, logits), orders, more_gaps = _along(self._orders, batch, patient_of[of_orders], accepted)
        rx, pr = np.split(orders, [len(store.rx)])
        return Contributions(dx, rx, pr, empty, dx_logits, logits, gaps + more_gaps)

    def _diagnoses(self, batch, points):
        """Stage 1 at the points (B, K): the logits there, (B, K), and their derivatives by each diagnosis, (N, K)."""
        layer = self._model.dxobject_embedding
        alone = layer.to_dxobj(self._embeddings("dx", batch["dx"]))
        visits = tf.math.unsorted_segment_sum(alone, batch["place"], tf.size(batch["mask"]))
        grown = visits[:, tf.newaxis] * tf.repeat(points, tf.shape(batch["mask"])[1], axis=0)[..., tf.newaxis]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(grown)
            logits = self._logits(grown, batch["mask"])
        return logits, _inner(alone, tape.gradient(logits, grown), batch["place"])

    def _orders(self, batch, points):
        """Stage 2 likewise: the logits, and their derivatives by each pair, first of rx, then of pr: (M + L, K)."""
        layer = self._model.dxobject_embedding
        dx = self._embeddings("dx", batch["dx"])
        of_rx, of_pr = batch["rx_of"], batch["pr_of"]
        rx = tf.gather(layer.dx_to_rx(dx), of_rx) * self._embeddings("rx", batch["rx"])
        pr = tf.gather(layer.dx_to_pr(dx), of_pr) * self._embeddings("pr", batch["pr"])
        pairs, of_pairs = tf.concat([rx, pr], axis=0), tf.concat([of_rx, of_pr], axis=0)
        added = tf.math.unsorted_segment_sum(pairs, of_pairs, tf.shape(dx)[0])
        weights = tf.gather(points, batch["place"] // tf.shape(batch["mask"])[1])
        grown = dx[:, tf.newaxis] + added[:, tf.newaxis] * weights[..., tf.newaxis]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(grown)
            visits = tf.math.unsorted_segment_sum(layer.to_dxobj(grown), batch["place"], tf.size(batch["mask"]))
            logits = self._logits(visits, batch["mask"])
        return logits, _inner(pairs, tape.gradient(logits, grown), of_pairs)

    def _embeddings(self, kind, codes):
        """The activated embeddings of codes, (codes, E)."""
        layer = self._model.dxobject_embedding
        return gather_padded(layer.emb_activation(getattr(layer, f"{kind}_embeddings")), codes)

    def _logits(self, visits, mask):
        """The logits (B, K) of visit vectors (B T, K, O)."""
        patients, times, points, width = tf.shape(mask)[0], tf.shape(mask)[1], tf.shape(visits)[1], visits.shape[2]
        histories = tf.transpose(tf.reshape(visits, [patients, times, points, width]), [0, 2, 1, 3])
        histories = tf.reshape(histories, [patients * points, times, width])
        # Not with training=False, which is for those who want no gradient; no cell draws anything in training.
        states = self._model.rnn(histories, mask=tf.repeat(mask, points, axis=0))
        head = self._model.prediction
        return tf.reshape(states @ head.kernel + head.bias, [patients, points])


def _inner(vectors, gradients, rows):
    """The inner products (n, K) of vectors (n, W) with the gradients (., K, W) at `rows` (n,)."""
    return tf.einsum("nw,nkw->nk", vectors, tf.gather(gradients, rows))


def _along(stage, batch, patient_of, accepted):
    """Integrates a stage along its path.

    Args:
        stage: function of the batch and of points (B, K) that returns logits (B, K) and derivatives (n, K).
        batch: as `_Paths` says.
        patient_of: (n,), the patient of each derivative.
        accepted: the largest gap of an interval that is not halved.

    Returns:
        The logits at both ends of the path, (2, B); the contributions, (n,); and the gaps, (B,).
    """
    patients = len(batch["mask"])
    ends = np.tile(np.linspace(0, 1, _INTERVALS + 1), (patients, 1))
    low, high = ends[:, :-1], ends[:, 1:]
    contributions = np.zeros(len(patient_of))
    logits = None
    while low.size:
        points = np.stack([low, (low + high) / 2, high], axis=2).reshape(patients, -1)
        values, slopes = _at(stage, batch, points)
        values, slopes = (array.reshape(len(array), low.shape[1], 3) for array in (values, slopes))
        if logits is None:
            logits = values[:, 0, 0], values[:, -1, 2]
        parts = (high - low)[patient_of] * (slopes @ np.array([1, 4, 1]) / 6)
        gaps = np.abs(_sums(parts, patient_of, patients) - (values[:, :, 2] - values[:, :, 0]))
        halved = (gaps > accepted) & (high - low > _SHORTEST)
        contributions += np.where(halved[patient_of], 0, parts).sum(axis=1)
        low, high = _halves(low, high, halved)
    gaps = np.abs(_sums(contributions[:, np.newaxis], patient_of, patients)[:, 0] - (logits[1] - logits[0]))
    return logits, contributions, gaps


def _at(stage, batch, points):
    """A stage at all points (B, K), as many at a time as fit."""
    together = max(1, _ROWS // max(batch["mask"].size, len(batch["dx"])))
    found = [stage(batch, np.float32(points[:, k : k + together])) for k in range(0, points.shape[1], together)]
    return (np.concatenate([np.float64(part) for part in parts], axis=1) for parts in zip(*found, strict=True))


def _sums(values, patient_of, patients):
    """Sums the rows of `values` (n, K) by patient: (B, K)."""
    sums = np.zeros((patients, values.shape[1]))
    np.add.at(sums, patient_of, values)
    return sums


def _halves(low, high, halved):
    """Returns both halves of the intervals (B, K) marked in `halved`, filled up with empty ones at 0."""
    rows, columns = np.nonzero(halved)
    low, high = low[rows, columns], high[rows, columns]
    counts = halved.sum(axis=1)
    new = np.zeros((2, len(halved), 2 * counts.max()))
    places = 2 * ranges(np.zeros_like(counts), counts)
    middle = (low + high) / 2
    new[:, rows, places] = low, middle
    new[:, rows, places + 1] = middle, high
    return new


def _layout(store):
    """Returns the batch of a few patients, as `_Paths` takes it."""
    times = store.visit_counts.max()
    visit_rows = times * np.repeat(np.arange(len(store)), store.visit_counts)
    visit_rows += ranges(np.zeros(len(store), np.int64), store.visit_counts)
    numbers = np.arange(len(store.dx), dtype=np.int32)
    return {
        "dx": store.dx,
        "place": np.repeat(visit_rows, np.diff(store.dxobjs)).astype(np.int32),
        "rx": store.rx,
        "rx_of": np.repeat(numbers, np.diff(store.rx_offsets)),
        "pr": store.pr,
        "pr_of": np.repeat(numbers, np.diff(store.pr_offsets)),
        "mask": np.arange(times) < store.visit_counts[:, np.newaxis],
    }
