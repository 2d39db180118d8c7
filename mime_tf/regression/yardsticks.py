"""Yardsticks: models without a network that MiME is held against, fitted to the patients of a split."""

import numpy as np
from scipy import special

from mime_tf.data.cohort import Cohort
from mime_tf.data.patient_table import PatientTable
from mime_tf.regression import linear, trees
from mime_tf.regression.attributes import AGE, SEX
from mime_tf.regression.columns import Columns
from mime_tf.regression.lineage import Lineage
from mime_tf.regression.linear import Linear
from mime_tf.regression.trees import Trees
from mime_tf.splits.split import Part, Split

# Names for people; those of ancestors need a hierarchy.csv, those of age and sex a patients.csv with them.
NAMES = {
    "codes": "regression, codes",
    "pairs": "regression, codes and pairs",
    "boosting": "boosting, codes and pairs",
    "pairs_ancestors": "regression, pairs and ancestors",
    "age_sex": "age and sex",
    "pairs_age_sex": "regression, pairs, age and sex",
}
# Those that see which order was made because of which diagnosis.
SEEING_LINKS = ("pairs", "boosting", "pairs_ancestors", "pairs_age_sex")
_WITH_ATTRIBUTES = ("age_sex", "pairs_age_sex")
_WITH_ANCESTORS = ("pairs_ancestors",)


def table_of(cohort: Cohort) -> PatientTable | None:
    """Returns the patients.csv beside a cohort if it has ages or sexes; else None."""
    table = cohort.attributes
    return table if table is not None and {AGE, SEX} & table.columns.keys() else None


def lineage_of(cohort: Cohort) -> Lineage | None:
    """Returns the ancestors of the codes of a cohort, from the tables beside it; None if it has no such tables."""
    if cohort.hierarchy is None or cohort.vocabulary is None:
        return None
    return Lineage.of(cohort.hierarchy, cohort.vocabulary)


def available(table: PatientTable | None, lineage: Lineage | None = None) -> list[str]:
    """Returns the keys of `NAMES` that can be fitted.

    Args:
        table: from `table_of`.
        lineage: from `lineage_of`.
    """
    without = (() if table is not None else _WITH_ATTRIBUTES) + (() if lineage is not None else _WITH_ANCESTORS)
    return [name for name in NAMES if name not in without]


def fit(
    name: str,
    split: Split,
    table: PatientTable | None = None,
    seed: int = 0,
    lineage: Lineage | None = None,
    days: np.ndarray | None = None,
) -> Linear | Trees:
    """Fits a yardstick to training; all choices are made on valid.

    Args:
        name: one of `NAMES`.
        split: the patients.
        table: patients.csv with a row for each patient of the split's store.
        seed: seed of the solvers.
        lineage: the ancestors of the codes, for the yardsticks that have them.
        days: days of the visits of the split's store, for windows of days; or None.
    """
    store, labels = split.train.store.with_days(days), np.zeros(len(split.train.store), np.int64)
    for part in (split.train, split.valid):
        labels[part.rows] = part.labels
    patients = (store, labels, split.train.rows, split.valid.rows)
    if name == "age_sex":
        return linear.fit(*patients, table=table, seed=seed)
    columns = Columns.learn(store, split.train.rows, links=name in SEEING_LINKS)
    if name == "boosting":
        return trees.fit(*patients, columns=columns, seed=seed)
    fitted = linear.fit(*patients, columns=columns, table=table if name in _WITH_ATTRIBUTES else None, seed=seed)
    if name not in _WITH_ANCESTORS:
        return fitted
    columns = Columns.learn(store, split.train.rows, lineage=lineage)
    with_ancestors = linear.fit(*patients, columns=columns, seed=seed)
    return min(fitted, with_ancestors, key=lambda each: each.valid_loss)  # a bad hierarchy may do harm


def probabilities(
    fitted: Linear | Trees, part: Part, table: PatientTable | None = None, days: np.ndarray | None = None
) -> np.ndarray:
    """Returns the probabilities of the patients of a part, in its order, float64 (patients,).

    Args:
        fitted: from `fit`.
        part: the patients.
        table: as for `fit`.
        days: as for `fit`.
    """
    return special.expit(fitted.logits(part.store.with_days(days), part.rows, table))
