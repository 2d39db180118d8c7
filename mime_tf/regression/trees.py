"""Gradient boosting on codes, linked pairs, age and sex: LightGBM, or scikit-learn's where that is not installed."""

import dataclasses
import importlib.util
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse, special

from mime_tf.data.patient_table import PatientTable
from mime_tf.data.store import Store
from mime_tf.regression.attributes import Attributes
from mime_tf.regression.columns import Columns
from mime_tf.regression.linear import design, log_loss

LIGHTGBM, SCIKIT_LEARN = "LightGBM", "scikit-learn"
Predict = Callable[[sparse.csr_matrix], np.ndarray]
_Values = tuple[sparse.csr_matrix, np.ndarray]  # with the labels
# Columns that scikit-learn's boosting is given, because it takes dense tables only.
DENSEST = 400
# Leaves of a tree; valid chooses.
LEAVES = (4, 8)
_MOST_ROUNDS = 2000
# Fitting ends after so many rounds that did no better on valid; the best round is kept.
_PATIENCE = 25
_LEARNING_RATE = 0.1


@dataclasses.dataclass(frozen=True, eq=False)
class Trees:
    """Fitted boosting.

    Attributes:
        columns: codes and pairs.
        attributes: age and sex, or None.
        kept: int64, the columns of `linear.design` that the trees see.
        engine: `LIGHTGBM` or `SCIKIT_LEARN`.
        leaves: most leaves of a tree.
        rounds: number of trees.
        valid_loss: mean log loss on valid.
        predict: function from values, sparse (patients, kept), to logits.
    """

    columns: Columns
    attributes: Attributes | None
    kept: np.ndarray
    engine: str
    leaves: int
    rounds: int
    valid_loss: float
    predict: Predict

    def logits(self, store: Store, patients: np.ndarray, table: PatientTable | None = None) -> np.ndarray:
        """Returns the logits of patients, float64 (patients,).

        Args:
            store: a cohort with the same codes.
            patients: int64, rows of `store`.
            table: the patients.csv beside it, if the trees see attributes.
        """
        return self.predict(design(self.columns, None, self.attributes, store, patients, table)[:, self.kept])

    def choice(self) -> str:
        """Returns the choice by valid, such as `LightGBM, 120 trees of at most 4 leaves`."""
        densest = f" on the {len(self.kept)} densest columns" if self.engine == SCIKIT_LEARN else ""
        return f"{self.engine}{densest}, {self.rounds} trees of at most {self.leaves} leaves"


def installed() -> str:
    """Returns the engine that is installed."""
    return LIGHTGBM if importlib.util.find_spec("lightgbm") else SCIKIT_LEARN


def fit(
    store: Store,
    labels: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    *,
    columns: Columns,
    table: PatientTable | None = None,
    seed: int = 0,
    engine: str | None = None,
) -> Trees:
    """Fits boosting in each of `Columns.parts`, with each of `LEAVES`; the least log loss on valid is chosen.

    Args:
        store: the cohort.
        labels: 0 or 1, one per patient of `store`.
        train: int64, the rows of `store` that train.
        valid: int64, the rows of `store` by which is chosen.
        columns: learned from `train`.
        table: the patients.csv beside the cohort, for age and sex; None for neither.
        seed: seed of the engine.
        engine: `LIGHTGBM` or `SCIKIT_LEARN`; by default that of `installed`.
    """
    engine = engine or installed()
    attributes = Attributes.learn(table, train) if table is not None else None
    fits = []
    for part in columns.parts():
        values, checks = (design(part, None, attributes, store, rows, table) for rows in (train, valid))
        kept = _kept(part, values, engine)
        of_train, of_valid = (values[:, kept], labels[train]), (checks[:, kept], labels[valid])
        for leaves, rounds, predict in _boostings(engine, of_train, of_valid, seed):
            loss = log_loss(labels[valid], predict(checks[:, kept]))
            fits.append(Trees(part, attributes, kept, engine, leaves, rounds, loss, predict))
    return min(fits, key=lambda fitted: fitted.valid_loss)


def _kept(columns: Columns, values: sparse.csr_matrix, engine: str) -> np.ndarray:
    """Returns the columns to show to trees: no presence, which splits no patients that a count does not split."""
    kept = np.concatenate([columns.counts, np.arange(len(columns), values.shape[1])])
    if engine == LIGHTGBM:
        return kept
    patients = values.getnnz(axis=0)[kept]
    return np.sort(kept[np.argsort(-patients, kind="stable")[:DENSEST]])


def _boostings(engine: str, train: _Values, valid: _Values, seed: int) -> Iterator[tuple[int, int, Predict]]:
    """Yields leaves, rounds and logits of boosting with each of `LEAVES`; of the constant if nothing can be learned."""
    values, labels = train
    if not values.shape[1] or len(np.unique(labels)) < 2:
        logit = float(special.logit((labels.sum() + 0.5) / (len(labels) + 1)))
        yield 1, 0, lambda other: np.full(other.shape[0], logit)
        return
    fitter = _fit_lightgbm if engine == LIGHTGBM else _fit_scikit_learn
    for leaves in LEAVES:
        yield leaves, *fitter(train, valid, leaves, seed)


def _fit_lightgbm(train: _Values, valid: _Values, leaves: int, seed: int) -> tuple[int, Predict]:
    import lightgbm

    settings = {
        "objective": "binary",
        "num_leaves": leaves,
        "learning_rate": _LEARNING_RATE,
        "feature_fraction": 1 / 3,
        "seed": seed,
        "deterministic": True,
        "force_col_wise": True,
        "num_threads": 1,  # as in `linear`
        "verbosity": -1,
    }
    data = lightgbm.Dataset(*train)
    checks = lightgbm.Dataset(*valid, reference=data)
    stopping = lightgbm.early_stopping(_PATIENCE, verbose=False)
    booster = lightgbm.train(settings, data, _MOST_ROUNDS, valid_sets=[checks], callbacks=[stopping])
    return booster.best_iteration, lambda other: booster.predict(other, raw_score=True, num_threads=1)


def _fit_scikit_learn(train: _Values, valid: _Values, leaves: int, seed: int) -> tuple[int, Predict]:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    def boosting(rounds: int, **settings: Any) -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(
            max_iter=rounds,
            max_leaf_nodes=leaves,
            max_bins=31,  # counts have few values
            learning_rate=_LEARNING_RATE,
            random_state=seed,
            **settings,
        )

    values, checks = train[0].toarray(), valid[0].toarray()
    with threadpool_limits(1):
        tried = boosting(_MOST_ROUNDS, early_stopping=True, n_iter_no_change=_PATIENCE)
        tried.fit(values, train[1], X_val=checks, y_val=valid[1])
        losses = [log_loss(valid[1], logits.ravel()) for logits in tried.staged_decision_function(checks)]
        rounds = 1 + int(np.argmin(losses))
        best = boosting(rounds, early_stopping=False).fit(values, train[1])
    return rounds, lambda other: best.decision_function(other.toarray())
