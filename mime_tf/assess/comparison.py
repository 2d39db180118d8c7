"""Differences between models that were tested on the same patients, with intervals of a paired bootstrap.

Each resample draws the same patients for all models and all splits, so that the difficulty of a patient, which all of
them share, cancels. A difference is taken in each split and averaged over the splits.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mime_tf.assess import measures
from mime_tf.assess.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Progress, Sample, interval
from mime_tf.assess.scores import Scores
from mime_tf.errors import InputError

METRICS = {"average_precision": "average precision", "auc": "ROC AUC"}
_MEASURES = (measures.average_precision, measures.auc)  # in the order of METRICS


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A value and its 95% interval, the 2.5th and 97.5th percentile of the resamples; nan where it is not defined."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Values of several models and their differences.

    Attributes:
        splits: dict from a model's name to one dict per split, from each of `METRICS` to a float.
        means: dict from a model's name to a dict from each of `METRICS` to the `Estimate` of the mean over the splits.
        differences: dict from the name of each model but the first to a dict from each of `METRICS` to the `Estimate`
            of the first model's mean minus that model's.
    """

    splits: dict[str, list[dict[str, float]]]
    means: dict[str, dict[str, Estimate]]
    differences: dict[str, dict[str, Estimate]]


def compare(
    models: Mapping[str, Sequence[Scores]],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    progress: Progress | None = None,
) -> Comparison:
    """Compares models that were tested on the same patients.

    Args:
        models: from a model's name to its scores, one `Scores` per split. All models have the same rows, and the others
            are compared with the first. Equal `patients` are one patient in all splits.
        bootstrap: the resamples of the patients of all splits together. A patient is drawn with all its rows, in every
            split that it is tested in. Without resamples the intervals are nan.
        progress: called with a line of text after each resample.

    Raises:
        InputError: the models were tested on different rows.
    """
    first, *others = models
    _check_rows(models)
    indices = _patient_indices(models[first])
    samples = [
        [Sample(scores, index) for scores in of_split]
        for index, *of_split in zip(indices, *models.values(), strict=True)
    ]
    num_patients = 1 + max(int(index.max()) for index in indices)
    whole = _measure(samples)
    draws = bootstrap.draws(num_patients, progress)
    means = whole.mean(axis=0)
    resampled = np.array([_measure(samples, drawn).mean(axis=0) for drawn in draws]).reshape(-1, *means.shape)
    of_model = {name: (means[index], resampled[:, index]) for index, name in enumerate(models)}
    return Comparison(
        splits={
            name: [dict(zip(METRICS, map(float, values), strict=True)) for values in whole[:, index]]
            for index, name in enumerate(models)
        },
        means={name: _estimates(*values) for name, values in of_model.items()},
        differences={name: _estimates(*map(np.subtract, of_model[first], of_model[name])) for name in others},
    )


def _check_rows(models: Mapping[str, Sequence[Scores]]) -> None:
    """Raises InputError unless all models have as many splits, with the labels and patients of the first model."""
    (first, expected), *others = models.items()
    for name, splits in others:
        if len(splits) != len(expected):
            raise InputError(f"{name}: found {len(splits)} splits; {first} has {len(expected)}")
        for index, (scores, other) in enumerate(zip(splits, expected, strict=True)):
            if not _same_rows(scores, other):
                raise InputError(
                    f"{name}: found other labels or patients in split {index} than {first} was tested on; needed are "
                    "the same rows in the same order"
                )


def _same_rows(scores: Scores, other: Scores) -> bool:
    if scores.patients is None or other.patients is None:
        same_patients = scores.patients is other.patients
    else:
        same_patients = np.array_equal(scores.patients, other.patients)
    return same_patients and np.array_equal(scores.labels, other.labels)


def _patient_indices(splits: Sequence[Scores]) -> list[np.ndarray]:
    """The patient of each row, (rows,) per split, by an index that is common to all splits."""
    if len(splits) == 1:
        return [splits[0].patient_index]
    patients = [scores.patients for scores in splits if scores.patients is not None]
    if len(patients) < len(splits):
        raise InputError(
            "patients: found none in a split; needed to tell which rows of several splits are of one patient"
        )
    index = np.unique(np.concatenate(patients), return_inverse=True)[1]
    return np.split(index, np.cumsum([len(scores) for scores in splits])[:-1])


def _measure(samples: Sequence[Sequence[Sample]], drawn: np.ndarray | None = None) -> np.ndarray:
    """The values of the `METRICS`, (splits, models, metrics)."""
    tallies = [[sample.tally(drawn) for sample in of_split] for of_split in samples]
    return np.array([[[measure(tally) for measure in _MEASURES] for tally in of_split] for of_split in tallies])


def _estimates(values: np.ndarray, resampled: np.ndarray) -> dict[str, Estimate]:
    """One `Estimate` per metric, of values (metrics,) and of resamples (times, metrics)."""
    return {
        name: Estimate(float(value), *interval(column))
        for name, value, column in zip(METRICS, values, resampled.T, strict=True)
    }
