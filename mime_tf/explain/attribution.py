"""Contributions of each diagnosis, and of each pair of a diagnosis and an order, to a patient's logit.

MiME adds the orders of a Dx-object to its diagnosis as vectors (`DxObjectEmbedding` has the equations):

    x = e + sum of q(e, order),   q(e, rx) = s(e W_dr + b_dr) * a(W_rx[rx]),   q(e, pr) with W_dp, b_dp and W_pr

so `q` is the vector of a pair. The logit changes in two stages, each a straight path whose gradient is integrated
(integrated gradients: Sundararajan, Taly and Yan, ICML 2017, https://arxiv.org/abs/1703.01365):

1. Diagnoses. The visits grow from zero vectors, which empty visits have, to their vectors without any order: t o(e),
   t from 0 to 1. A diagnosis is given the inner product of its o(e) and the mean gradient.
2. Orders. With the diagnoses in place all pairs grow: x = e + t sum of q. A pair is given the inner product of its q
   and the mean gradient, so that it is about the order given its diagnosis.

The contributions add up to the logit less that of empty visits, which are at the same times where the model reads days;
age and sex add the same to both. `mime_tf.explain.stages` computes the stages with a
model, `mime_tf.explain.integration` integrates them and tells the gap that is left.
"""

import dataclasses
import functools
import itertools

import numpy as np

from mime_tf.batches.tables import block_bounds
from mime_tf.data.store import ranges
from mime_tf.errors import InputError
from mime_tf.explain.integration import integrate
from mime_tf.explain.stages import Stages, tables
from mime_tf.model import MiME

# In units of the logit, or of its change where that is larger.
TOLERANCE = 1e-3
# Share of the tolerance that an interval's gap may have; a smaller one for patients whose gaps add up to too much.
_SHARES = (1 / 4, 1 / 32, 1 / 512)
_BATCH_VISITS = 1024  # of the patients that are computed together


@dataclasses.dataclass(frozen=True, repr=False)
class Contributions:
    """Contributions of the codes of patients to their logits, all float64 and in the order of a Store's columns.

    Attributes:
        dx: (Dx-objects,), of the diagnosis without its orders.
        rx, pr: (medications,) and (procedures,), of the pair of the order and its diagnosis.
        empty_logits: (patients,), logits of as many visits with nothing in them.
        dx_logits: (patients,), logits of the diagnoses without any order.
        logits: (patients,), logits of the whole records.
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
        """Returns the Contributions of a Store, all zero."""
        codes = [np.zeros(len(codes)) for codes in (store.dx, store.rx, store.pr)]
        return cls(*codes, *(np.zeros(len(store)) for _ in range(4)))

    def __repr__(self):
        gap = f"{self.gaps.max():.2g}" if len(self.gaps) else "none"
        return (
            f"Contributions({len(self.logits):,} patients, {len(self.dx):,} diagnoses, {len(self.rx):,} medications, "
            f"{len(self.pr):,} procedures, largest gap {gap})"
        )


def contributions(model, store, tolerance=TOLERANCE, progress=None, attributes=None):
    """Divides the logits of patients among their diagnoses and their pairs of diagnosis and order.

    Args:
        model: MiME. It is computed in float32, also where it was trained in mixed precision.
        store: `mime_tf.data.store.Store` of codes that the model has room for, with days if it reads them.
        tolerance: the largest gap to accept, in units of the logit, or of its change where that is more than 1.
        progress: function that is given a text now and then, such as `Console.progress`.
        attributes: float (patients, attributes), of a model that reads some; their term is in the logits of empty
            visits. None leaves the term out.

    Returns:
        Contributions.

    Raises:
        InputError: a patient's gap stays above the tolerance, or the logits are not numbers.
    """
    model, result = _in_float32(model), Contributions.zeros(store)
    store, stages = store if model.reads_days else store.with_days(None), Stages(model)
    remaining = np.argsort(store.visit_counts, kind="stable")
    for share in _SHARES:
        done, failed = len(store) - len(remaining), [remaining[:0]]
        bounds = block_bounds(store.visit_counts[remaining], _BATCH_VISITS, _BATCH_VISITS)
        for start, end in itertools.pairwise(bounds):
            rows = remaining[start:end]
            batch = _compute(stages, store.select(rows), share * tolerance)
            _fill_in(result, batch, store, rows)
            failed.append(rows[~_adds_up(batch, tolerance)])
            done += len(rows) - len(failed[-1])
            if progress:
                progress(f"explained {done:,} of {len(store):,} patients")
        remaining = np.concatenate(failed)
    if len(remaining):
        raise InputError(
            f"the contributions of {len(remaining)} patients, the first at index {remaining[0]}, fail to add up to the "
            f"change of the logit, by {result.gaps[remaining[0]]:.3g}; at most {tolerance:g} is accepted, and "
            "the model's weights are not numbers, or too large for it"
        )
    if attributes is not None and model.attributes:
        term = attributes @ np.asarray(model.split_kernel()[1][:, 0], np.float64)
        for logits in (result.empty_logits, result.dx_logits, result.logits):
            logits += term
    return result


def _in_float32(model):
    """Returns the model, or a model of the same weights that computes in float32."""
    if model.compute_dtype == "float32":
        return model
    copy = MiME.from_config({**model.get_config(), "dtype": "float32"})
    copy.set_weights(model.get_weights())
    return copy


def _compute(stages, store, accepted_gap):
    """Returns the Contributions of a few patients; no interval's gap is above `accepted_gap` if that can be."""
    batch = tables(store)
    patient_of_dx = batch["visit"] // batch["mask"].shape[1]
    patient_of_order = patient_of_dx[np.concatenate([batch["rx_dxobject"], batch["pr_dxobject"]])]

    def along(stage, patient_of):
        return integrate(functools.partial(stage, batch), patient_of, len(store), accepted_gap)

    (empty_logits, dx_logits), dx, dx_gaps = along(stages.diagnoses, patient_of_dx)
    (_, logits), orders, order_gaps = along(stages.orders, patient_of_order)
    rx, pr = np.split(orders, [len(store.rx)])
    return Contributions(dx, rx, pr, empty_logits, dx_logits, logits, dx_gaps + order_gaps)


def _adds_up(batch, tolerance):
    """Returns for which patients the contributions add up, bool (patients,); a gap that is not a number does not."""
    return batch.gaps <= tolerance * np.maximum(1, np.abs(batch.logits - batch.empty_logits))


def _fill_in(result, batch, store, rows):
    """Writes the Contributions of the patients at `rows` of a Store into those of the whole Store."""
    for name in ("empty_logits", "dx_logits", "logits", "gaps"):
        getattr(result, name)[rows] = getattr(batch, name)
    dx_bounds = store.dxobjs[store.visits]
    bounds = {"dx": dx_bounds, "rx": store.rx_offsets[dx_bounds], "pr": store.pr_offsets[dx_bounds]}
    for kind, starts in bounds.items():
        indices = ranges(starts[rows], starts[rows + 1] - starts[rows])
        getattr(result, kind)[indices] = getattr(batch, kind)
