"""The regression of a blend: its columns are chosen by predictions for patients that it was not fitted to."""

import dataclasses

import numpy as np

from mime_tf.config import TrainConfig
from mime_tf.data.cohort import Cohort
from mime_tf.regression import linear, yardsticks
from mime_tf.regression.columns import DAY_HALVINGS, HALVINGS, Columns
from mime_tf.regression.linear import Linear
from mime_tf.regression.sequences import Sequences
from mime_tf.splits.split import Split
from mime_tf.training.beside_codes import BesideCodes
from mime_tf.training.blend_weights import calibrated_losses


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class OutOfFold:
    """A regression, and its predictions for the training patients.

    Attributes:
        fitted: the regression, fitted to all of train.
        logits: float64 (patients,), each by the same regression fitted without the patient's fold.
        losses: float64 (patients,), log losses of `logits`, after a slope and an intercept were fitted to them.
    """

    fitted: Linear
    logits: np.ndarray
    losses: np.ndarray

    def gains_on(self, other: "OutOfFold") -> bool:
        """Returns whether the mean loss is lower than another's by more than twice the difference's standard error.

        So columns that seem to help by chance stay out, as they would not if the patients of valid decided alone.
        """
        gains = other.losses - self.losses
        return bool(gains.mean() > 2 * gains.std(ddof=1) / np.sqrt(len(gains)))


def fit_regression(
    cohort: Cohort, split: Split, folds: np.ndarray, config: TrainConfig, beside: BesideCodes, seed: int
) -> OutOfFold:
    """Fits the regression of a blend.

    Penalty and windows are those of the least loss out of fold; the strength of each penalty is the best on valid.
    Ancestors of codes, and then pairs of diagnoses, come in if they gain out of fold.

    Args:
        cohort: the patients, with labels.
        split: its sets.
        folds: int64, the fold of each patient of train.
        config: the flags.
        beside: age and sex that the regression reads.
        seed: seed of scikit-learn's solver.
    """
    store, labels, train = split.train.store, cohort.require_labels(), split.train
    table, attributes = cohort.attributes, beside.attributes
    patients = (store, labels, train.rows, split.valid.rows)

    def out_of_fold(fitted: Linear) -> OutOfFold:
        logits = np.empty(len(train))
        for fold in np.unique(folds):
            kept, held_out = train.rows[folds != fold], train.rows[folds == fold]
            refitted = linear.refit(fitted, store, labels, kept, len(kept) / len(train), seed, table)
            logits[folds == fold] = refitted.logits(store, held_out, table)
        return OutOfFold(fitted, logits, calibrated_losses(logits, train.labels))

    def best_of(columns: Columns) -> OutOfFold:
        every = linear.candidates(*patients, attributes, columns=columns, table=table, seed=seed)
        return min(map(out_of_fold, every), key=lambda each: each.losses.mean())

    halvings = HALVINGS if store.days is None else HALVINGS + DAY_HALVINGS
    best = best_of(Columns.learn(store, train.rows, halvings=halvings))
    lineage = None if config.hierarchy == "none" else yardsticks.lineage_of(cohort)
    if lineage is not None:
        richer = best_of(Columns.learn(store, train.rows, lineage=lineage, halvings=halvings))
        best = richer if richer.gains_on(best) else best
    sequences = Sequences.learn(store, train.rows)
    if len(sequences):
        with_pairs = linear.with_sequences(best.fitted, sequences, *patients, table=table, seed=seed)
        richer = out_of_fold(with_pairs)
        best = richer if richer.gains_on(best) else best
    return best
