"""MiME in PyTorch, as a yardstick: flat Dx-objects, sums by index, and PyTorch's own GRU over a packed sequence.

It computes what `MiME` with `rnn_cell="gru"` computes; `benchmarks.timed_torch.compare` holds it to that. It has
rectified linear activations, and takes patients with a visit or more, in ascending order of their visits.
"""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.rnn import PackedSequence

KINDS = ("dx", "rx", "pr")


class TorchMiME(nn.Module):
    """MiME with one outcome.

    Args:
        num_dx, num_rx, num_pr: numbers of codes.
        emb_size, dxobj_emb_size, rnn_size: widths.
        regularize: weight of the sum of squares.
        aux_lambda: weight of the auxiliary losses, whose heads are left out at 0.
        max_dx_per_visit: number of slots per visit that the auxiliary losses are means over.
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
        max_dx_per_visit=22,
    ):
        super().__init__()
        self.regularize, self.aux_lambda, self.max_dx_per_visit = regularize, aux_lambda, max_dx_per_visit
        counts = dict(zip(KINDS, (num_dx, num_rx, num_pr), strict=True))
        self.tables = nn.ParameterDict(
            {kind: nn.init.xavier_uniform_(torch.empty(count, emb_size)) for kind, count in counts.items()}
        )
        self.dx_to_rx, self.dx_to_pr = nn.Linear(emb_size, emb_size), nn.Linear(emb_size, emb_size)
        self.to_dxobj = nn.Linear(emb_size, dxobj_emb_size)
        self.rnn = nn.GRU(dxobj_emb_size, rnn_size)
        self.prediction = nn.Linear(rnn_size, 1)
        heads = counts if aux_lambda else {}
        self.heads = nn.ModuleDict({kind: nn.Linear(dxobj_emb_size, count) for kind, count in heads.items()})

    def forward(self, batch):
        """Returns the total loss of a batch of `flat_batch`."""
        dxobjects = self._dxobjects(batch)
        visits = _sums(dxobjects, batch["visit"], len(batch["order"]))
        packed = PackedSequence(visits[batch["order"]], batch["batch_sizes"])
        logits = self.prediction(self.rnn(packed)[1][0])[:, 0]
        loss = functional.binary_cross_entropy_with_logits(logits, batch["labels"])
        squares = sum(weight.square().sum() for weight in self.parameters() if weight.dim() > 1)
        auxiliary = self.aux_lambda * self._auxiliary_loss(dxobjects, batch) if self.heads else 0.0
        return loss + self.regularize * squares + auxiliary

    def _dxobjects(self, batch):
        dx, rx, pr = (functional.relu(self.tables[kind])[batch[kind]] for kind in KINDS)
        from_rx = functional.relu(self.dx_to_rx(dx)) * _sums(rx, batch["rx_owner"], len(dx))
        from_pr = functional.relu(self.dx_to_pr(dx)) * _sums(pr, batch["pr_owner"], len(dx))
        return functional.relu(self.to_dxobj(dx + from_rx + from_pr))

    def _auxiliary_loss(self, dxobjects, batch):
        """Returns the sum of the three losses, each the mean over all slots, of which an empty one costs log 2."""
        sizes = batch["batch_sizes"]
        slots = len(sizes) * int(sizes[0]) * self.max_dx_per_visit
        total = functional.cross_entropy(self.heads["dx"](dxobjects), batch["dx"], reduction="sum")
        for kind in ("rx", "pr"):
            logits = self.heads[kind](dxobjects)
            target = torch.zeros_like(logits)
            target[batch[f"{kind}_owner"], batch[kind]] = 1
            losses = functional.binary_cross_entropy_with_logits(logits, target, reduction="sum")
            total = total + losses / logits.shape[1] + (slots - len(dxobjects)) * math.log(2)
        return total / slots

    def take(self, model):
        """Takes over the weights of a `MiME` with `rnn_cell="gru"`."""
        embedding, cell = model.dxobject_embedding, model.rnn.cell
        for kind in KINDS:
            _set(self.tables[kind], getattr(embedding, f"{kind}_embeddings"))
        heads = [(head, getattr(model.auxiliary, f"{kind}_head")) for kind, head in self.heads.items()]
        dense = [(getattr(self, name), getattr(embedding, name)) for name in ("dx_to_rx", "dx_to_pr", "to_dxobj")]
        for mine, theirs in [*dense, *heads, (self.prediction, model.prediction)]:
            _set(mine.weight, np.transpose(theirs.kernel))
            _set(mine.bias, theirs.bias)
        kernels = zip((self.rnn.weight_ih_l0, self.rnn.weight_hh_l0), (cell.kernel, cell.recurrent_kernel), strict=True)
        for mine, theirs in kernels:
            _set(mine, np.transpose(_reset_first(theirs)))
        for mine, theirs in zip((self.rnn.bias_ih_l0, self.rnn.bias_hh_l0), np.asarray(cell.bias), strict=True):
            _set(mine, _reset_first(theirs))


def flat_batch(store, labels):
    """Returns the tensors of a batch, a dict.

    Args:
        store: `Store` of its patients, in ascending order of their visits.
        labels: 0 and 1, (patients,).
    """
    counts, starts = store.visit_counts[::-1], store.visits[:-1][::-1]  # PyTorch wants the longest first
    batch_sizes = (counts[:, None] > np.arange(counts[0])).sum(axis=0)
    order = np.concatenate([starts[:size] + step for step, size in enumerate(batch_sizes)])
    of_rx, of_pr, of_visits = (np.diff(offsets) for offsets in (store.rx_offsets, store.pr_offsets, store.dxobjs))
    arrays = {
        **{kind: np.asarray(getattr(store, kind), np.int64) for kind in KINDS},
        "rx_owner": np.repeat(np.arange(len(of_rx)), of_rx),
        "pr_owner": np.repeat(np.arange(len(of_pr)), of_pr),
        "visit": np.repeat(np.arange(len(of_visits)), of_visits),
        "order": order,
        "batch_sizes": batch_sizes,
        "labels": labels[::-1].astype(np.float32),
    }
    return {name: torch.from_numpy(np.ascontiguousarray(values)) for name, values in arrays.items()}


def _sums(rows, owners, count):
    """Returns the sum of the rows of each owner."""
    return rows.new_zeros(count, rows.shape[1]).index_add(0, owners, rows)


def _reset_first(columns):
    """Returns the columns of the gates in PyTorch's order: Keras has update, reset and candidate."""
    update, reset, candidate = np.split(np.asarray(columns), 3, axis=-1)
    return np.concatenate([reset, update, candidate], axis=-1)


def _set(parameter, values):
    parameter.data = torch.tensor(np.asarray(values))
