"""Cross-fitted recalibration: each patient's probability by a function that other patients were fitted to.

Measures after a recalibration flatter on the patients that it was fitted to. Here the patients are divided into folds,
with about as many cases in each, and the function of a fold is fitted to the other folds.
"""

import dataclasses

import numpy as np

from mime_tf.assess import recalibration
from mime_tf.assess.scores import Scores
from mime_tf.errors import InputError

FOLDS = 5
LEAST = 10  # patients of either label, below which no function is fitted


def cross_fitted(scores: Scores, empty: np.ndarray, method: str, folds: int = FOLDS, seed: int = 0) -> Scores:
    """Recalibrates scores fold by fold; rows of one patient are in one fold.

    Args:
        scores: labels and probabilities of a set.
        empty: bool (rows,), patients of whom nothing is known: they are left out of the fits, and get the share of
            cases of the other folds, as by `mime-tf recalibrate`.
        method: one of `mime_tf.assess.recalibration.METHODS`.
        folds: number of folds.
        seed: seed of the division.

    Raises:
        InputError: cases or controls are too few, or no function mends the probabilities of a fold.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    for label, name in ((1, "cases"), (0, "controls")):
        count = len(np.unique(scores.patient_index[(scores.labels == label) & ~empty]))
        if count < LEAST:
            raise InputError(f"too few {name}: {count}, where {LEAST} are needed")
    changed = np.full(len(scores), np.nan)
    division = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    for others, fold in division.split(changed, scores.labels, scores.patient_index):
        function = recalibration.fit(scores.select(others[~empty[others]]), method)
        prevalence = scores.labels[others].mean()
        changed[fold] = np.where(empty[fold], prevalence, function(scores.probabilities[fold]))
    return dataclasses.replace(scores, probabilities=changed)
