"""The inputs of a report: finished splits, how good they are, and the cohort that they were trained on."""

import dataclasses
from collections.abc import Callable

import numpy as np

from mime_tf.assess import curves, measures, subgroups, summary
from mime_tf.assess.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap
from mime_tf.data.cohort import Cohort
from mime_tf.data.origin import Origin, origin_of
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.results import SplitResults
from mime_tf.runs.run import Run
from mime_tf.runs.subject import Subject

# Divisions of the patients unless others are asked for, where patients.csv has the columns.
DIVISIONS = (subgroups.Division("sex"), subgroups.Division("age", (18.0, 40.0, 65.0, 80.0)))


@dataclasses.dataclass(frozen=True)
class Settings:
    """Choices of a report.

    Attributes:
        alert_rates: shares of the patients to alert.
        divisions: `mime_tf.assess.subgroups.Division` of each column that divides patients into subgroups; None for
            `DIVISIONS`, as far as patients.csv has their columns.
        patients: explain five patients.
        bootstrap: `mime_tf.assess.bootstrap.Bootstrap`, the resamples behind the intervals.
        yardsticks: fit simpler models to the same patients.
        title: name of the outcome, in place of the one that the run has; or None.
    """

    alert_rates: tuple = (0.05, 0.1, 0.2)
    divisions: tuple | None = None
    patients: bool = True
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
    yardsticks: bool = True
    title: str | None = None


@dataclasses.dataclass(frozen=True)
class AssessedSplit:
    """A finished split and how good it is on its test set.

    Attributes:
        results: `mime_tf.runs.results.SplitResults`.
        assessment: `mime_tf.assess.measures.Assessment`.
        curves: dict, of `mime_tf.assess.curves.curves`.
    """

    results: SplitResults
    assessment: measures.Assessment
    curves: dict

    @property
    def name(self):
        """Name of the split's folder."""
        return self.results.name


@dataclasses.dataclass(frozen=True)
class Inputs:
    """All that the sections of a report are made of.

    Attributes:
        splits: list of AssessedSplit, the finished ones.
        unfinished: number of splits that are not finished.
        detailed: AssessedSplit, the one shown in detail: that of median ROC AUC, the lower of two.
        cohort: `mime_tf.data.cohort.Cohort` that the splits were trained on, or None.
        fitted: `mime_tf.runs.fitted_split.FittedSplit` of the split shown in detail, or None without a cohort.
        subject: `mime_tf.runs.subject.Subject` of the run.
        origin: `mime_tf.data.origin.Origin` of the cohort, or None.
        groups: dict from a column of patients.csv to its groups, of `mime_tf.assess.subgroups.read`.
        settings: Settings.
        progress: function that is given a text now and then.
    """

    splits: list
    unfinished: int
    detailed: AssessedSplit
    cohort: Cohort | None
    fitted: FittedSplit | None
    subject: Subject
    origin: Origin | None
    groups: dict
    settings: Settings
    progress: Callable


def read_inputs(model, data, settings, progress):
    """Reads the inputs of a report; files that may be wrong are read before anything that takes long.

    Args:
        model: as for `mime_tf.runs.run.Run.open`.
        data: path of the cohort that the splits were trained on, as `mime_tf.data.cohort` says; or None.
        settings: Settings.
        progress: function that is given a text now and then.

    Returns:
        Inputs.

    Raises:
        InputError: no split is finished, a file of a split is damaged, or the data are not those of the run.
    """
    run = Run.open(model)
    finished = run.results
    detail = _of_median_auc(finished)
    subject = finished[detail].subject.titled(settings.title)
    cohort, fitted, origin, groups = None, None, subject.origin, {}
    if data is not None:
        fitted = FittedSplit.open(finished[detail].folder)
        cohort = _read_cohort(data, fitted, progress)
        origin = origin or origin_of(cohort.conversion)
        groups = subgroups.read(cohort, _divisions(cohort, settings))
        finished = [_with_patients(split, cohort) for split in finished]
    splits = [_assess(split, settings, progress) for split in finished]
    unfinished = len(run.folders) - len(finished)
    return Inputs(splits, unfinished, splits[detail], cohort, fitted, subject, origin, groups, settings, progress)


def _of_median_auc(splits):
    """Returns the index of the split of median ROC AUC on test, the lower of two."""
    aucs = [summary.summarize(split.test.scores.labels, split.test.scores.probabilities)["auc"] for split in splits]
    return int(np.argsort(np.nan_to_num(aucs), kind="stable")[(len(splits) - 1) // 2])


def _read_cohort(data, fitted, progress):
    """Returns the cohort, once it is known to be the one that the split was trained on."""
    progress(f"reading {data}")
    cohort = Cohort.open(data)
    if not fitted.trained_on(cohort):
        raise InputError(
            f"{cohort.path}: not the data that {fitted.folder} was trained on (their SHA-256 differ, or it has none on "
            "record)"
        )
    return cohort


def _divisions(cohort, settings):
    """Returns the divisions that were asked for, or those of `DIVISIONS` whose columns patients.csv has."""
    if settings.divisions is not None:
        return settings.divisions
    columns = {} if cohort.attributes is None else cohort.attributes.columns
    return [division for division in DIVISIONS if division.column in columns]


def _with_patients(split, cohort):
    """Returns the results of a split with the patient of each row, once its rows are known to be the cohort's."""
    rows = split.test.rows
    if rows.max() >= len(cohort) or (cohort.labels[rows] != split.test.output.labels).any():
        raise InputError(f"{split.folder}: its test predictions have rows or labels that {cohort.path} does not have")
    patients = None if cohort.patient_ids is None else cohort.patient_ids[rows]
    output = dataclasses.replace(split.test.output, patients=patients)
    return dataclasses.replace(split, test=dataclasses.replace(split.test, output=output))


def _assess(split, settings, progress):
    scores = split.test.scores
    assessment = measures.assess(scores, settings.bootstrap, lambda text: progress(f"{split.name}: {text}"))
    return AssessedSplit(split, assessment, curves.curves(scores))
