"""Logistic regression on how often each code occurs: what a prediction is worth without order in time and links."""

import dataclasses

import numpy as np

from mime_tf.assess import summary

# The inverse strength of the penalty on the squared weights, as scikit-learn's `C`: one of these does best on valid.
STRENGTHS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A fitted regression.

    Attributes:
        strength: the one of `STRENGTHS` whose log loss on valid is the lowest.
        valid_loss: that log loss.
        test: float64, (patients of test,), the probabilities.
    """

    strength: float
    valid_loss: float
    test: np.ndarray


def fit(split, num_codes):
    """Fits a logistic regression to a split of unlinked patients.

    Args:
        split: `mime_tf.splits.split.Split` of patients from `mime_tf.ablation.unlinking.unlinked`; its train has both
            labels.
        num_codes: the size of their vocabulary.

    Returns:
        Fitted.
    """
    from sklearn.linear_model import LogisticRegression

    train, valid, test = (features(part.patients(), num_codes) for part in (split.train, split.valid, split.test))
    found = []
    for strength in STRENGTHS:
        model = LogisticRegression(C=strength, max_iter=1000).fit(train, split.train.labels)
        loss = summary.log_loss(split.valid.labels, model.predict_proba(valid)[:, 1])
        found.append((loss, strength, model))
    loss, strength, best = min(found, key=lambda entry: entry[:2])
    return Fitted(strength, loss, best.predict_proba(test)[:, 1])


def features(store, num_codes):
    """Returns `log(1 + count)` of each code over all visits of each patient.

    Args:
        store: Store of unlinked patients.
        num_codes: the size of their vocabulary.

    Returns:
        scipy.sparse.csr_array, float64, (patients, num_codes).
    """
    from scipy import sparse

    ends = store.dxobjs[store.visits]
    counts = sparse.csr_array((np.ones(len(store.dx)), store.dx, ends), shape=(len(store), num_codes))
    counts.sum_duplicates()
    return counts.log1p()
