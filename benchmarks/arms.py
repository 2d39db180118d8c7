"""The models that `benchmarks/worth.py` compares: each is fitted to the splits of a cohort and scores their tests.

An arm is a function of a `Task` that returns the probabilities of each split's test patients, in the order of their
rows. A new arm is an entry of `ARMS`.
"""

import dataclasses
import os
import tempfile

import numpy as np

from mime_tf.config import REGRESSION, TrainConfig
from mime_tf.data.cohort import Cohort
from mime_tf.runs.folder import PREDICTIONS
from mime_tf.runs.paths import split_folders
from mime_tf.runs.results import read_predictions
from mime_tf.terminal.console import Console
from mime_tf.training import train
from mime_tf.training.plan import Plan

WIDTHS = ("dx_emb_size", "rx_emb_size", "pr_emb_size", "dxobj_emb_size", "visit_emb_size", "rnn_size")
# The authors' model, at a width that suits some thousands of patients; 70% of the patients train.
FAITHFUL = TrainConfig(
    **dict.fromkeys(WIDTHS, 64), num_iter=3000, patience=8, valid_fraction=0.1, test_fraction=0.2, tensorboard=False
)


@dataclasses.dataclass(frozen=True)
class Task:
    """A cohort and its splits.

    Attributes:
        cohort: the `Cohort`, with labels.
        plan: the `Plan` of its splits, whose train, valid and test all arms take.
        console: the `Console` that shows progress.
    """

    cohort: Cohort
    plan: Plan
    console: Console

    def tests(self):
        """Returns the rows of test in each split, in ascending order."""
        return [np.sort(split.test.rows) for split in self.plan.splits.values()]


def faithful(task):
    """Returns the probabilities of the model that `mime-tf train` fits."""
    return _trained(task.plan.config, task)


def _trained(config, task):
    with tempfile.TemporaryDirectory(prefix="mime_tf_worth") as folder:
        prefix = os.path.join(folder, "")
        train(config, task.cohort, prefix, f"{prefix}train", console=task.console)
        paths = [os.path.join(path, PREDICTIONS["test"]) for path in split_folders(prefix, config)]
        return [read_predictions(path).scores.probabilities for path in paths]


def recipe(task):
    """Returns the probabilities of the blend that `mime-tf train --recipe` fits."""
    return _trained(task.plan.config.with_recipe(), task)


def recipe_alone(task):
    """Returns the probabilities of the same blend without the ancestors of codes."""
    return _trained(dataclasses.replace(task.plan.config.with_recipe(), hierarchy="none"), task)


def recipe_undated(task):
    """Returns the probabilities of the same blend without the days of visits."""
    return _trained(dataclasses.replace(task.plan.config.with_recipe(), visit_days="none"), task)


def recipe_regression(task):
    """Returns the probabilities of the blend's regression alone: the recipe where its networks are given up."""
    return _trained(dataclasses.replace(task.plan.config.with_recipe(), blend=(REGRESSION,)), task)


def regression_on_codes(task):
    """Returns the probabilities of a regression that sees no link."""
    return _regression(task, links=False)


def regression_on_pairs(task):
    """Returns the probabilities of a regression on codes and linked pairs."""
    return _regression(task, links=True)


def regression_on_ancestors(task):
    """Returns the probabilities of that regression with ancestors of codes, or without if valid prefers it."""
    from mime_tf.regression import yardsticks

    return _regression(task, links=True, lineage=yardsticks.lineage_of(task.cohort))


def _regression(task, links, lineage=None):
    from mime_tf.regression import linear
    from mime_tf.regression.columns import Columns

    def fit(store, labels, train_rows, valid_rows):
        fits = (
            linear.fit(
                *(store, labels, train_rows, valid_rows),
                columns=Columns.learn(store, train_rows, links=links, lineage=ancestors),
            )
            for ancestors in dict.fromkeys((None, lineage))
        )
        return min(fits, key=lambda fitted: fitted.valid_loss)

    return _fitted(task, fit)


def boosting(task):
    """Returns the probabilities of gradient boosting on codes and linked pairs."""
    from mime_tf.regression import trees
    from mime_tf.regression.columns import Columns

    def fit(store, labels, train_rows, valid_rows):
        columns = Columns.learn(store, train_rows)
        return trees.fit(store, labels, train_rows, valid_rows, columns=columns)

    return _fitted(task, fit)


def _fitted(task, fit):
    """Returns the probabilities of models that `fit` makes and that have `logits`."""
    store, labels, probabilities = task.cohort.dated().store, task.cohort.labels, []
    for (number, split), rows in zip(task.plan.splits.items(), task.tests(), strict=True):
        task.console.progress(f"split {number}")
        model = fit(store, labels, np.sort(split.train.rows), np.sort(split.valid.rows))
        probabilities.append(1 / (1 + np.exp(-model.logits(store, rows))))
    return probabilities


# The arms by name; the differences in the table are those of the first to the others.
ARMS = {
    "recipe": recipe,
    "mime": faithful,
    "codes": regression_on_codes,
    "pairs": regression_on_pairs,
    "boosting": boosting,
    "recipe_regression": recipe_regression,
    "recipe_alone": recipe_alone,
    "recipe_undated": recipe_undated,
    "pairs_ancestors": regression_on_ancestors,
}
# Those that are compared where nothing else is asked for.
USUAL = ("recipe", "mime", "codes", "pairs", "boosting")
