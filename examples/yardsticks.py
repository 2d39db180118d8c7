"""MiME, or the recipe, compared with simpler models, each scored on the same folds.

    python examples/yardsticks.py hf/runs/case_control/mime_ hf/runs/case_control/recipe_

An argument is the OUTPUT of a finished `train.py --folds=K` on a cohort that `mime-tf convert` made of patients with a
known age. docs/example_heart_failure.md shows the result.
"""

import sys

import numpy as np

from mime_tf.assess import comparison
from mime_tf.assess.bootstrap import DEFAULT_BOOTSTRAP
from mime_tf.assess.scores import Scores
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.regression import yardsticks
from mime_tf.runs.paths import out_of_fold_path, record_path
from mime_tf.runs.record import Record
from mime_tf.runs.results import read_predictions
from mime_tf.splits.split import eligible, make_split

# The yardsticks from which the model's difference is printed.
PRINTED = ("pairs", "pairs_age_sex")


def compare(output, bootstrap=DEFAULT_BOOTSTRAP):
    """Scores every patient of a run with folds out of fold, by its model and by the yardsticks.

    Args:
        output: the OUTPUT of the run.
        bootstrap: `mime_tf.assess.bootstrap.Bootstrap`, the resamples behind the intervals.

    Returns:
        labels, int64 (rows,), and a `mime_tf.assess.comparison.Comparison` of the probabilities of all folds together,
        in which the run's model, `MiME` or `recipe`, is the first.

    Raises:
        InputError: the run is missing or not finished, or its cohort can't be read.
    """
    path = record_path(output)
    record = Record.read(path)
    if record is None or not record.finished or not record.config.folds:
        raise InputError(f"{path}: must be of a finished run with folds")
    predictions, model = read_predictions(out_of_fold_path(output)), "recipe" if record.config.blend else "MiME"
    simpler = _simpler(Cohort.open(record.content["input"]), record.config)
    models = {name: values[predictions.rows] for name, values in simpler.items()}
    models = {model: predictions.scores.probabilities, **models}
    labels = predictions.scores.labels
    scores = {name: [Scores(labels, values, predictions.rows)] for name, values in models.items()}
    return labels, comparison.compare(scores, bootstrap)


def _simpler(cohort, config):
    """Returns the out-of-fold probabilities of simpler models: dict of name to array, one per row of the cohort."""
    store, labels, table = cohort.store, cohort.labels, yardsticks.table_of(cohort)
    rows = eligible(store, config.min_threshold, config.max_threshold, config.association_threshold)
    scores = {name: np.full(len(store), np.nan) for name in yardsticks.available(table)}
    for fold in range(config.folds):
        split = make_split(store, labels, rows, fold, **config.division)
        for name, values in scores.items():
            fitted = yardsticks.fit(name, split, table)
            values[split.test.rows] = yardsticks.probabilities(fitted, split.test, table)
    return scores


def lines(output, labels, compared):
    """Yields the printed lines of a run."""
    yield f"{output}  {len(labels):,} rows, {labels.sum():,} of label 1 ({labels.mean():.1%})"
    yield f"  {'':46}{'AUC':>23} {'average precision':>23}"
    for name, means in compared.means.items():
        yield _line(yardsticks.NAMES.get(name, name), means)
    model = next(iter(compared.means))
    for name in PRINTED:
        if name in compared.differences:
            yield _line(f"{model} less {yardsticks.NAMES[name]}", compared.differences[name])


def _line(name, estimates):
    auc, precision = (
        f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
        for estimate in (estimates["auc"], estimates["average_precision"])
    )
    return f"  {name:46}{auc:>23} {precision:>23}"


def main(outputs):
    """Prints the tables; returns the exit status."""
    if not outputs:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        for output in outputs:
            print(*lines(output, *compare(output)), sep="\n")
    except InputError as error:
        print(f"yardsticks.py: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
