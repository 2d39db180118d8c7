"""Section: the number of patients that a regression of this size would need, and how many train here."""

import dataclasses

import numpy as np

from mime_tf.assess import sample_size as criteria
from mime_tf.errors import InputError
from mime_tf.report.section import Section


@dataclasses.dataclass(frozen=True)
class Need:
    """Patients that are needed.

    Attributes:
        counted: str, the things that are counted as parameters.
        r2: Cox-Snell R2 that is assumed.
        assumed: str, where it is from.
        size: `mime_tf.assess.sample_size.SampleSize`.
    """

    counted: str
    r2: float
    assumed: str
    size: criteria.SampleSize


@dataclasses.dataclass(frozen=True)
class SampleSizeData:
    """Data of the section.

    Attributes:
        split: str, name of the split.
        rows, cases: number of training rows, and of those of label 1.
        prevalence: share of label 1 of all rows that the run divided.
        largest_r2: the largest Cox-Snell R2 at that share.
        needs: list of Need.
    """

    split: str
    rows: int
    cases: int
    prevalence: float
    largest_r2: float
    needs: list


def gather(inputs):
    """Returns the section; its data are SampleSizeData."""
    title = "Sample size"
    if inputs.cohort is None:
        return Section("sample_size", title, reason="Parameters are counted in the cohort: --data.")
    from mime_tf.regression.columns import Columns
    from mime_tf.scoring import prediction  # loads TensorFlow

    try:
        split = prediction.split_of(inputs.fitted, inputs.cohort)
    except InputError as error:
        return Section("sample_size", title, reason=f"The training patients can't be found again: {error}")
    labels = np.concatenate([part.labels for part in (split.train, split.valid, split.test)])
    if not 0 < labels.sum() < len(labels):
        return Section("sample_size", title, reason=f"The labels are all {int(labels[0])}.")
    store, rows = inputs.cohort.store, split.train.rows
    known = sum(int(codes.sum()) for codes in split.known.values())
    counts = {
        "every code of training, as recorded or not": known,
        "codes of three training patients or more": len(Columns.learn(store, rows, (0,), links=False)) // 2,
        "columns of the regression on codes and linked pairs, all visits": len(Columns.learn(store, rows, (0,))),
    }
    data = describe(inputs.detailed.name, split.train.labels, labels, counts, inputs.detailed.results.test.scores)
    return Section("sample_size", title, data)


def describe(name, train_labels, all_labels, counts, test_scores):
    """Holds the training patients against the criteria.

    Args:
        name: of the split.
        train_labels: of the training rows.
        all_labels: of all rows that the run divided.
        counts: dict from things that are counted as parameters to their number.
        test_scores: `mime_tf.assess.scores.Scores` of the model on test.

    Returns:
        SampleSizeData.
    """
    prevalence = float(np.mean(all_labels))
    largest = criteria.largest_r2(prevalence)
    assumptions = {f"{criteria.ANTICIPATED:.0%} of the largest possible": criteria.ANTICIPATED * largest}
    assumptions["as the model has on test"] = criteria.cox_snell_r2(test_scores)
    needs = [
        Need(counted, r2, assumed, criteria.sample_size(max(count, 1), prevalence, r2))
        for assumed, r2 in assumptions.items()
        for counted, count in counts.items()
    ]
    return SampleSizeData(name, len(train_labels), int(np.sum(train_labels)), prevalence, largest, needs)
