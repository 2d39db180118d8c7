"""MiME compared with simpler models, each scored on the same folds.

    python examples/yardsticks.py hf/runs/case_control/ hf/runs/cohort_5_years/

An argument is the OUTPUT of a finished `train.py --folds=K` on a cohort that `mime-tf convert` made of patients with a
known age. docs/example_heart_failure.md shows the result.
"""

import csv
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mime_tf.ablation import code_counts, unlinking
from mime_tf.assess import comparison
from mime_tf.assess.bootstrap import DEFAULT_BOOTSTRAP
from mime_tf.assess.scores import Scores
from mime_tf.config import SIZE_NAMES, TrainConfig
from mime_tf.data import patient_table, sizes
from mime_tf.data.cohort import read
from mime_tf.errors import InputError
from mime_tf.runs import folder
from mime_tf.splits import split as cohort

MIME, COUNTS = "MiME", "logistic regression on code counts"


def compare(output, bootstrap=DEFAULT_BOOTSTRAP):
    """Scores every patient of a run with folds out of fold, by MiME and by three simpler models.

    Args:
        output: the OUTPUT of the run.
        bootstrap: `mime_tf.assess.bootstrap.Bootstrap`, the resamples behind the intervals.

    Returns:
        labels, int64 (rows,), and a `mime_tf.assess.comparison.Comparison` of the probabilities of all folds together,
        in which MiME is the first model.

    Raises:
        InputError: the run is missing or not finished, or its cohort can't be read.
    """
    record = folder.read_json(f"{output}run.json")
    if record is None or record["mean"] is None or not record["flags"]["folds"]:
        raise InputError(f"{output}run.json: must be of a finished run with folds")
    config = TrainConfig(**record["flags"] | {"split_seeds": tuple(record["flags"]["split_seeds"])})
    patients = read(record["input"])
    mime = _read(folder.out_of_fold_path(output))
    simpler = _simpler(patients, config)
    rows = mime.patients
    scores = {MIME: [mime]} | {name: [Scores(mime.labels, values[rows], rows)] for name, values in simpler.items()}
    return mime.labels, comparison.compare(scores, bootstrap)


def _read(path):
    """The scores of out_of_fold.csv, with the row numbers as patients."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = list(csv.DictReader(file))
    rows, labels = (np.array([int(line[name]) for line in lines]) for name in ("row", "label"))
    return Scores(labels, [float(line["probability"]) for line in lines], rows)


def _simpler(patients, config):
    """Returns the out-of-fold probabilities of simpler models: dict of name to array, one per row of the cohort."""
    store, labels = patients.store, patients.labels
    rows = cohort.eligible(store, config.min_threshold, config.max_threshold, config.association_threshold)
    num_codes = sizes.resolve(store, dict.fromkeys(SIZE_NAMES), "the cohort")
    flat, codes = unlinking.unlinked(store, num_codes), sum(num_codes[f"num_{kind}"] for kind in cohort.CODE_KINDS)
    table = patient_table.read(patients.source, len(store))
    age, sex = np.array(table["age"], float), np.array(table["sex"]) == "F"
    inputs = {"age and sex": np.column_stack([age, sex]), "number of visits": np.log1p(store.visit_counts)[:, None]}
    scores = {name: np.full(len(store), np.nan) for name in (COUNTS, *inputs)}
    for fold in range(config.folds):
        split = cohort.split(flat, labels, rows, fold, **config.division)
        scores[COUNTS][split.test.rows] = code_counts.fit(split, codes).test
        for name, values in inputs.items():
            model = make_pipeline(StandardScaler(), LogisticRegression())
            model.fit(values[split.train.rows], split.train.labels)
            scores[name][split.test.rows] = model.predict_proba(values[split.test.rows])[:, 1]
    return scores


def lines(output, labels, compared):
    """Yields the printed lines of a run."""
    yield f"{output}  {len(labels):,} rows, {labels.sum():,} of label 1 ({labels.mean():.1%})"
    yield f"  {'':36}{'AUC':>23} {'average precision':>23}"
    for name, means in compared.means.items():
        yield _line(name, means)
    yield _line(f"MiME less {COUNTS.split(' on ')[0]}", compared.differences[COUNTS])


def _line(name, estimates):
    auc, precision = (
        f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
        for estimate in (estimates["auc"], estimates["average_precision"])
    )
    return f"  {name:36}{auc:>23} {precision:>23}"


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
