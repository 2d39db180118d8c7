"""Logistic regression on code counts: a baseline that sees neither the order in time nor the links."""

import dataclasses
from typing import Any

import numpy as np

from mime_tf.assess import summary
from mime_tf.data.store import Store
from mime_tf.splits.split import Split

# Inverse strengths of the penalty on the squared weights, scikit-learn's `C`; the best on valid is chosen.
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A fitted regression.

    Attributes:
        strength: the member of `STRENGTHS` of the lowest log loss on valid.
        valid_loss: that log loss.
        test: float64 (rows of test,), the probabilities.
    """

    strength: float
    valid_loss: float
    test: np.ndarray


def fit(split: Split, num_codes: int) -> Fitted:
    """Fits a logistic regression to a split of unlinked patients.

    Args:
        split: patients from `mime_tf.ablation.unlinking.unlinked`; its train has both labels.
        num_codes: size of their vocabulary.
    """
    from sklearn.linear_model import LogisticRegression

    train, valid, test = (features(part.patients(), num_codes) for part in (split.train, split.valid, split.test))
    fits = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000).fit(train, split.train.labels)
        loss = summary.log_loss(split.valid.labels, model.predict_proba(valid)[:, 1])
        fits.append((loss, strength, model))
    loss, strength, best = min(fits, key=lambda entry: entry[:2])
    return Fitted(strength, loss, best.predict_proba(test)[:, 1])


def features(store: Store, num_codes: int) -> Any:
    """Returns `log(1 + count)` of each code over all visits of each patient.

    Args:
        store: Store of unlinked patients.
        num_codes: size of their vocabulary.

    Returns:
        scipy.sparse.csr_array, float64 (patients, num_codes).
    """
    from scipy import sparse

    ends = store.dxobjs[store.visits]
    counts = sparse.csr_array((np.ones(len(store.dx)), store.dx, ends), shape=(len(store), num_codes))
    counts.sum_duplicates()
    return counts.log1p()
