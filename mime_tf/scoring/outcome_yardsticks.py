"""Yardsticks of models of several outcomes: the shares in train, and the repetition of a patient's history."""

import numpy as np

from mime_tf.assess.summary import log_loss
from mime_tf.config import NEXT_VISIT
from mime_tf.splits.split import Part, Split

# Names for people.
NAMES = {
    "frequency": "frequency in train, the same for everyone",
    "repeated": "diagnoses of the history repeated, the latest first",
    "own_share": "share of the patient's own visits, shrunk to the frequency in train",
}
# Numbers of visits that the frequency in train counts as, among which valid chooses.
_STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


def available(task: str) -> tuple[str, ...]:
    """Returns the keys of `NAMES` that a task has: a history can be repeated if it is diagnoses that are predicted."""
    return tuple(NAMES) if task == NEXT_VISIT else ("frequency",)


def probabilities(name: str, split: Split, part: Part) -> np.ndarray:
    """Returns the probabilities of a yardstick that is fitted to train, float64 (patients, outcomes).

    Args:
        name: one of `NAMES`.
        split: the patients, whose labels are (patients, outcomes).
        part: the patients to score; their unknown diagnoses are dropped as for a model.
    """
    shares = split.train.labels.mean(axis=0)
    if name == "frequency":
        return np.tile(shares, (len(part), 1))
    if name == "repeated":
        # The shares order what was seen equally long ago, and what was never seen.
        return (_recency(part) + 1e-6 * shares) / 2
    strength = min(
        _STRENGTHS, key=lambda strength: log_loss(split.valid.labels, _shrunk(split.valid, shares, strength))
    )
    return _shrunk(part, shares, strength)


def _shrunk(part: Part, shares: np.ndarray, strength: float) -> np.ndarray:
    """Returns the shares of each patient's visits with a diagnosis, shrunk to the shares in train."""
    visits, counts = part.visit_counts, np.zeros(part.labels.shape)
    patient, dx, _ = _diagnoses(part)
    np.add.at(counts, (patient, dx), 1)
    return (counts + strength * shares) / (visits[:, np.newaxis] + strength)


def _recency(part: Part) -> np.ndarray:
    """Returns 1 / (1 + number of visits since the last one with a diagnosis), or 0 if no visit has it."""
    result = np.zeros(part.labels.shape)
    patient, dx, since = _diagnoses(part)
    np.maximum.at(result, (patient, dx), 1 / (1 + since))
    return result


def _diagnoses(part: Part) -> np.ndarray:
    """Returns patient, diagnosis and number of visits since, of each diagnosis of each visit once: int64 (3, D)."""
    store = part.patients()
    visit = np.repeat(np.arange(len(store.dxobjs) - 1), np.diff(store.dxobjs))
    patient = np.searchsorted(store.visits, visit, side="right") - 1
    rows = np.stack([patient, store.dx, store.visits[patient + 1] - 1 - visit], axis=1)
    return np.unique(rows, axis=0).T
