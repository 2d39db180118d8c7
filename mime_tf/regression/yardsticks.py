"""Yardsticks: models without a network that MiME is held against, fitted to the patients of a split."""

import numpy as np
from scipy import special

from mime_tf.data.cohort import Cohort
from mime_tf.data.patient_table import PatientTable
from mime_tf.regression import linear, trees
from mime_tf.regression.attributes import AGE, SEX
from mime_tf.regression.columns import Columns
from mime_tf.regression.linear import Linear
from mime_tf.regression.trees import Trees
from mime_tf.splits.split import Part, Split

# Names for people; the last two need a patients.csv with age or sex.
NAMES = {
    "codes": "regression, codes",
    "pairs": "regression, codes and pairs",
    "boosting": "boosting, codes and pairs",
    "age_sex": "age and sex",
    "pairs_age_sex": "regression, pairs, age and sex",
}
# Those that see which order was made because of which diagnosis.
SEEING_LINKS = ("pairs", "boosting", "pairs_age_sex")
_WITH_ATTRIBUTES = ("age_sex", "pairs_age_sex")


def table_of(cohort: Cohort) -> PatientTable | None:
    """Returns the patients.csv beside a cohort if it has ages or sexes; else None."""
    table = cohort.attributes
    return table if table is not None and {AGE, SEX} & table.columns.keys() else None


def available(table: PatientTable | None) -> list[str]:
    """Returns the keys of `NAMES` that can be fitted.

    Args:
        table: from `table_of`.
    """
    return [name for name in NAMES if table is not None or name not in _WITH_ATTRIBUTES]


def fit(name: str, split: Split, table: PatientTable | None = None, seed: int = 0) -> Linear | Trees:
    """Fits a yardstick to training; all choices are made on valid.

    Args:
        name: one of `NAMES`.
        split: the patients.
        table: patients.csv with a row for each patient of the split's store.
        seed: seed of the solvers.
    """
    store, labels = split.train.store, np.zeros(len(split.train.store), np.int64)
    for part in (split.train, split.valid):
        labels[part.rows] = part.labels
    patients = (store, labels, split.train.rows, split.valid.rows)
    if name == "age_sex":
        return linear.fit(*patients, table=table, seed=seed)
    columns = Columns.learn(store, split.train.rows, links=name in SEEING_LINKS)
    if name == "boosting":
        return trees.fit(*patients, columns=columns, seed=seed)
    return linear.fit(*patients, columns=columns, table=table if name in _WITH_ATTRIBUTES else None, seed=seed)


def probabilities(fitted: Linear | Trees, part: Part, table: PatientTable | None = None) -> np.ndarray:
    """Returns the probabilities of the patients of a part, in its order, float64 (patients,)."""
    return special.expit(fitted.logits(part.store, part.rows, table))
