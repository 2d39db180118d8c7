"""Logistic regression on codes, linked pairs, pairs of diagnoses, age and sex; valid chooses penalty and columns."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from scipy import sparse, special

from mime_tf.assess import summary
from mime_tf.data.patient_table import PatientTable
from mime_tf.data.store import Store
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.regression.attributes import Attributes
from mime_tf.regression.columns import Columns, window_name
from mime_tf.regression.sequences import Sequences

# A path goes from a strong penalty to weaker ones, each weaker by this factor.
_FACTORS = {"L1": 1.5, "L2": 2.0}
_MOST_STEPS = 24
# It ends after so many strengths in a row that did no better on valid than the best before them; after more, as long as
# none did better than the constant, since the first columns that L1 lets in may be there by chance.
_PATIENCE = 2
_PATIENCE_AT_FIRST = 8
_STRONGEST_L2 = 0.0003
_INTERCEPT_SCALING = 10.0
# The fields of a regression beside its columns.
_OWN = ("weights", "intercept", "penalty", "strength", "valid_loss")


@dataclasses.dataclass(frozen=True, eq=False)
class Linear:
    """A fitted regression.

    Attributes:
        columns: codes and linked pairs, or None.
        sequences: pairs of diagnoses, or None.
        attributes: age and sex, or None.
        weights: float64, one per column of `columns`, of `sequences` and of `attributes`.
        intercept: the logit of a patient whose columns are all 0.
        penalty: `"L1"` or `"L2"`, or `"none"` for the constant model if no other did better on valid.
        strength: inverse strength of the penalty, scikit-learn's `C`; 0 for the constant model.
        valid_loss: mean log loss on valid.
    """

    columns: Columns | None
    sequences: Sequences | None
    attributes: Attributes | None
    weights: np.ndarray
    intercept: float
    penalty: str
    strength: float
    valid_loss: float

    def logits(self, store: Store, patients: np.ndarray, table: PatientTable | None = None) -> np.ndarray:
        """Returns the logits of patients, float64 (patients,).

        Args:
            store: a cohort with the same codes.
            patients: int64, rows of `store`.
            table: the patients.csv beside it, if the regression has attributes.
        """
        return self.design(store, patients, table) @ self.weights + self.intercept

    def design(self, store: Store, patients: np.ndarray, table: PatientTable | None = None) -> sparse.csr_matrix:
        """Returns the values of patients, float64 (patients, columns); arguments are those of `logits`."""
        return design(self.columns, self.sequences, self.attributes, store, patients, table)

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns arrays for an archive of NumPy, from which `from_arrays` makes the regression again."""
        fields = {name: np.array(getattr(self, name)) for name in _OWN}
        blocks = [self.columns, self.sequences, self.attributes]
        return fields | {name: array for block in blocks if block is not None for name, array in block.arrays().items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Linear":
        """Returns the regression of `arrays`."""
        columns = Columns.from_arrays(arrays) if "keys" in arrays else None
        sequences = Sequences.from_arrays(arrays) if "pairs" in arrays else None
        attributes = Attributes.from_arrays(arrays) if "sexes" in arrays else None
        fields = {name: arrays[name].item() for name in _OWN if name != "weights"}
        return cls(columns, sequences, attributes, weights=arrays["weights"], **fields)

    def names(self, vocabulary: Vocabulary | None = None) -> list[str]:
        """Returns a name of each weight for people."""
        names = self.columns.names(vocabulary) if self.columns is not None else []
        names += self.sequences.names(vocabulary) if self.sequences is not None else []
        return names + (self.attributes.names() if self.attributes is not None else [])

    def choice(self) -> str:
        """Returns the choice by valid, such as `L1, C 0.15, all visits`."""
        windows = [window_name(*view) for view in self.columns.views] if self.columns is not None else []
        blocks = [" and ".join(windows)] if windows else []
        blocks += ["with ancestors"] if self.columns is not None and self.columns.lineage is not None else []
        blocks += ["pairs of diagnoses"] if self.sequences is not None else []
        return ", ".join([self.penalty, f"C {self.strength:.2g}", *blocks])


def design(
    columns: Columns | None,
    sequences: Sequences | None,
    attributes: Attributes | None,
    store: Store,
    patients: np.ndarray,
    table: PatientTable | None = None,
) -> sparse.csr_matrix:
    """Returns the values of patients: those of the columns, the sequences and the attributes.

    Args:
        columns: codes and linked pairs, or None.
        sequences: pairs of diagnoses, or None.
        attributes: age and sex, or None.
        store: the cohort.
        patients: int64, rows of `store`.
        table: the patients.csv beside the cohort, for the attributes.

    Returns:
        float64 (patients, columns of all three).
    """
    blocks = [sparse.csr_matrix((len(patients), 0))]
    if columns is not None:
        blocks.append(columns.matrix(store, patients))
    if sequences is not None:
        blocks.append(sequences.matrix(store, patients))
    if attributes is not None:
        if table is None:
            raise ValueError("attributes need a table of patients")
        blocks.append(sparse.csr_matrix(attributes.matrix(table, patients)))
    return sparse.hstack(blocks, format="csr")


def fit(
    store: Store,
    labels: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    *,
    columns: Columns | None = None,
    table: PatientTable | None = None,
    seed: int = 0,
) -> Linear:
    """Returns the one of the `candidates` that has the least log loss on valid.

    Arguments are theirs; age and sex become numbers as `train` has them.
    """
    attributes = Attributes.learn(table, train) if table is not None else None
    every = candidates(store, labels, train, valid, attributes, columns=columns, table=table, seed=seed)
    return min(every, key=lambda fitted: fitted.valid_loss)


def candidates(
    store: Store,
    labels: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    attributes: Attributes | None,
    *,
    columns: Columns | None = None,
    table: PatientTable | None = None,
    seed: int = 0,
) -> list[Linear]:
    """Fits paths of L1 and of L2 penalties in each of `Columns.parts`.

    Args:
        store: the cohort.
        labels: 0 or 1, one per patient of `store`.
        train: int64, the rows of `store` that train.
        valid: int64, the rows of `store` by which the strength of a penalty is chosen.
        attributes: age and sex, or None.
        columns: learned from `train`; None for age and sex alone.
        table: the patients.csv beside the cohort, for the attributes.
        seed: seed of scikit-learn's solver.

    Returns:
        The constant, then of each path the regression of the least log loss on valid.
    """
    parts = [None] if columns is None else columns.parts()
    constant = _constant(parts[0], attributes, labels[train], labels[valid])
    if len(np.unique(labels[train])) < 2:
        return [constant]
    ends = (
        _end_of_path(penalty, (part, None, attributes), store, labels, train, valid, table, seed)
        for part in parts
        for penalty in _FACTORS
    )
    return [constant, *(end for end in ends if end is not None)]


def with_sequences(
    fitted: Linear,
    sequences: Sequences,
    store: Store,
    labels: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    *,
    table: PatientTable | None = None,
    seed: int = 0,
) -> Linear:
    """Fits the columns of a regression together with pairs of diagnoses, with L1, because few of many pairs matter.

    Args:
        fitted: from `fit` or `candidates`.
        sequences: learned from `train`, one or more.
        store: the cohort.
        labels: 0 or 1, one per patient of `store`.
        train: int64, the rows of `store` that train.
        valid: int64, the rows of `store` by which the strength of the penalty is chosen.
        table: the patients.csv beside the cohort, if `fitted` has attributes.
        seed: seed of scikit-learn's solver.
    """
    blocks = (fitted.columns, sequences, fitted.attributes)
    end = _end_of_path("L1", blocks, store, labels, train, valid, table, seed)
    assert end is not None  # there are sequences, and they are columns
    return end


def _end_of_path(
    penalty: str,
    blocks: tuple[Columns | None, Sequences | None, Attributes | None],
    store: Store,
    labels: np.ndarray,
    train: np.ndarray,
    valid: np.ndarray,
    table: PatientTable | None,
    seed: int,
) -> Linear | None:
    """Returns the regression of a path that has the least log loss on valid, or None without any column."""
    values, checks = (design(*blocks, store, rows, table) for rows in (train, valid))
    if not values.shape[1]:
        return None
    path = _path(penalty, values, labels[train], seed)
    strength, weights, intercept, loss = _least_loss(path, checks, labels[train], labels[valid])
    return Linear(*blocks, weights, intercept, penalty, strength, loss)


def log_loss(labels: np.ndarray, logits: np.ndarray) -> float:
    """Returns the mean log loss of logits."""
    return summary.log_loss(labels, special.expit(logits))


def _constant(
    part: Columns | None, attributes: Attributes | None, train_labels: np.ndarray, valid_labels: np.ndarray
) -> Linear:
    """Returns the regression that gives all patients the logit of the share of label 1 in training."""
    width = (0 if part is None else len(part)) + (0 if attributes is None else len(attributes))
    share = (train_labels.sum() + 0.5) / (len(train_labels) + 1)  # finite also if all labels are alike
    intercept = float(special.logit(share))
    loss = log_loss(valid_labels, np.full(len(valid_labels), intercept))
    return Linear(part, None, attributes, np.zeros(width), intercept, "none", 0.0, loss)


def refit(
    fitted: Linear,
    store: Store,
    labels: np.ndarray,
    patients: np.ndarray,
    share: float,
    seed: int,
    table: PatientTable | None = None,
) -> Linear:
    """Fits a regression again, to some of its training patients, with the same columns and penalty.

    Args:
        fitted: from `fit`.
        store: the cohort.
        labels: 0 or 1, one per patient of `store`.
        patients: int64, rows of `store`.
        share: that of the training patients which these are; the penalty per patient stays the same.
        seed: seed of scikit-learn's solver.
        table: the patients.csv beside the cohort, for attributes.
    """
    if fitted.penalty == "none":
        return _constant(fitted.columns, fitted.attributes, labels[patients], labels[patients])
    values = fitted.design(store, patients, table)
    model = _estimator(fitted.penalty, seed).set_params(C=fitted.strength / share).fit(values, labels[patients])
    weights, intercept = model.coef_[0], float(model.intercept_[0])
    return dataclasses.replace(fitted, weights=weights, intercept=intercept)


def _estimator(penalty: str, seed: int) -> Any:
    """Returns the logistic regression of scikit-learn with a kind of penalty."""
    from sklearn.linear_model import LogisticRegression

    if penalty == "L1":
        # The solver penalizes the intercept as well, the less the larger its scaling.
        settings = {"l1_ratio": 1, "solver": "liblinear", "intercept_scaling": _INTERCEPT_SCALING}
    else:
        settings = {"l1_ratio": 0, "solver": "lbfgs", "warm_start": True}
    return LogisticRegression(max_iter=1000, random_state=seed, **settings)


def _path(
    penalty: str, values: sparse.csr_matrix, labels: np.ndarray, seed: int
) -> Iterator[tuple[float, np.ndarray, float]]:
    """Yields strength, weights and intercept of ever weaker penalties."""
    from sklearn.svm import l1_min_c
    from threadpoolctl import threadpool_limits

    strongest = _STRONGEST_L2
    if penalty == "L1":
        strongest = l1_min_c(values, labels, loss="log", intercept_scaling=_INTERCEPT_SCALING)
    model = _estimator(penalty, seed)
    for step in range(_MOST_STEPS):
        model.set_params(C=strongest * _FACTORS[penalty] ** step)
        with threadpool_limits(1):  # threads that wait for busy cores make it several times slower than one thread is
            model.fit(values, labels)
        yield model.C, model.coef_[0].copy(), float(model.intercept_[0])


def _least_loss(
    path: Iterator[tuple[float, np.ndarray, float]],
    values: sparse.csr_matrix,
    train_labels: np.ndarray,
    labels: np.ndarray,
) -> tuple[float, np.ndarray, float, float]:
    """Returns the member of a path with the least loss on valid, whose values and labels these are, and that loss."""
    best, worse = None, 0
    constant = _constant(None, None, train_labels, labels).valid_loss
    for strength, weights, intercept in path:
        loss = log_loss(labels, values @ weights + intercept)
        if best is None or loss < best[-1]:
            best, worse = (strength, weights, intercept, loss), 0
        else:
            worse += 1
        if worse >= (_PATIENCE if best[-1] < constant else _PATIENCE_AT_FIRST):
            break
    assert best is not None
    return best
