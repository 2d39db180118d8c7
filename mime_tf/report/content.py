"""What a report is about: everything is measured here, and nothing is drawn or written."""

import dataclasses
import os

import numpy as np

from mime_tf.assess import curves, measures, subgroups, thresholds
from mime_tf.assess.bootstrap import Bootstrap, patients_of
from mime_tf.assess.scores import Scores
from mime_tf.data import patient_table
from mime_tf.data.cohort import Cohort, read
from mime_tf.errors import InputError
from mime_tf.explain import explanation
from mime_tf.report import cohort_facts, examples
from mime_tf.runs import results
from mime_tf.runs.folder import METRICS
from mime_tf.runs.opening import Run

# What patients are divided by unless asked for, where patients.csv has it.
DIVISIONS = (subgroups.Division("sex"), subgroups.Division("age", (18.0, 40.0, 65.0, 80.0)))


@dataclasses.dataclass(frozen=True)
class Judged:
    """A split and how good it is on its test set.

    Attributes:
        split: `mime_tf.runs.results.Split`.
        found: `mime_tf.assess.measures.Assessment`.
        curves: of `mime_tf.assess.curves`.
    """

    split: results.Split
    found: measures.Assessment
    curves: dict


@dataclasses.dataclass(frozen=True)
class WithData:
    """What can be told with the cohort at hand.

    Attributes:
        source: of the cohort.
        facts: `mime_tf.report.cohort_facts.Facts`.
        origin: `mime_tf.report.cohort_facts.Origin`, or None.
        subgroups: list of `mime_tf.assess.subgroups.Subgroup` of the split shown in detail.
        examples: dict from a rule of `mime_tf.report.examples` to a `mime_tf.explain.explanation.Explanation`.
        missing: dict from `"linkage"`, `"subgroups"` and `"patients"` to why there is nothing, where there is not.
    """

    source: str
    facts: cohort_facts.Facts
    origin: cohort_facts.Origin | None
    subgroups: list
    examples: dict
    missing: dict


@dataclasses.dataclass(frozen=True)
class Report:
    """What a report tells.

    Attributes:
        model: what was asked for, a path.
        judged: list of Judged, one for each finished split.
        detail: position of the split that is shown in detail: the one of median AUC, the lower of two.
        points: list of operating points of that split, one for each alert rate.
        alert_rates: list of float.
        data: WithData, or None.
        bootstrap, seed: of the intervals.
        notes: list of str, what the reader should know first.
    """

    model: str
    judged: list
    detail: int
    points: list
    alert_rates: list
    data: WithData | None
    bootstrap: int
    seed: int
    notes: list

    @property
    def detailed(self):
        """The Judged that is shown in detail."""
        return self.judged[self.detail]


def gather(
    model,
    data=None,
    divisions=None,
    alert_rates=(0.05, 0.1, 0.2),
    patients=True,
    bootstrap=1000,
    seed=0,
    progress=lambda text: None,
):
    """Measures a run for a report.

    Args:
        model: as for `mime_tf.runs.results.find`.
        data: the cohort that it was trained on, as `mime_tf.data.cohort` says; None for a report without it.
        divisions: list of `mime_tf.assess.subgroups.Division`; None for `DIVISIONS`, as far as patients.csv has them.
        alert_rates: shares of the patients to alert.
        patients: explain five patients.
        bootstrap: number of resamples.
        seed: of the resamples.
        progress: function that is given a text now and then.

    Returns:
        Report.

    Raises:
        InputError: there is no finished split, a file of it is damaged, or the data are not those of the run.
    """
    resamples = Bootstrap(bootstrap, seed)
    folders = results.find(model)
    finished = [results.read(folder) for folder in folders if results.is_finished(folder)]
    if not finished:
        raise InputError(f"{model}: no finished split, for {METRICS} is missing in {folders[0]}")
    beside = None if data is None else _open(finished[0].folder, data, divisions, progress)
    if beside:
        finished = [_of_cohort(split, beside.cohort) for split in finished]
    judged = [_judge(split, resamples, progress) for split in finished]
    order = sorted(range(len(judged)), key=lambda at: np.nan_to_num(judged[at].found.values["auc"]))
    detail = order[(len(judged) - 1) // 2]
    chosen = judged[detail].split
    rates = [thresholds.alert_threshold(chosen.probabilities, rate) for rate in alert_rates]
    points = thresholds.operating_points(_scores(chosen), rates, resamples, progress)
    with_data = beside and _with_data(beside, chosen, patients, resamples, progress)
    unfinished = len(folders) - len(finished)
    notes = [f"{unfinished} of {len(folders)} splits are not finished and are left out"] if unfinished else []
    notes += _notes(judged, with_data)
    return Report(os.fspath(model), judged, detail, points, list(alert_rates), with_data, bootstrap, seed, notes)


@dataclasses.dataclass(frozen=True)
class _Beside:
    """A cohort with what lies beside it, read before anything that takes long."""

    cohort: Cohort
    origin: cohort_facts.Origin | None
    divided: dict
    missing: dict


def _open(folder, data, divisions, progress):
    """Returns the cohort, which has to be the one that the run was trained on, with the ids of patients.csv if any."""
    progress(f"reading {data}")
    cohort = read(data)
    if not Run.open(folder).trained_on(data):
        raise InputError(
            f"{data}: not the data that {folder} was trained on (their SHA-256 differ, or it has none on record)"
        )
    missing, origin = {}, cohort_facts.origin(cohort.source)
    if origin is None:
        missing["linkage"] = (
            f"There is neither {cohort_facts.LINKAGE} nor {cohort_facts.CONVERT} beside the data: how the orders were "
            "linked to diagnoses is not known here."
        )
    divided = _divided(cohort, divisions, missing)
    cohort = dataclasses.replace(cohort, patient_ids=patients_of(cohort))
    return _Beside(cohort, origin, divided, missing)


def _of_cohort(split, cohort):
    """Returns a split whose rows are known to be those of the cohort, with the patients that they are of."""
    rows = split.rows
    if rows.max() >= len(cohort.store) or (cohort.labels[rows] != split.labels).any():
        raise InputError(f"{split.folder}: its test predictions have rows or labels that {cohort.source} does not have")
    return dataclasses.replace(split, patients=None if cohort.patient_ids is None else cohort.patient_ids[rows])


def _scores(split):
    return Scores(split.labels, split.probabilities, split.patients)


def _judge(split, resamples, progress):
    scores = _scores(split)
    found = measures.assess(scores, resamples, lambda text: progress(f"{split.name}: {text}"))
    return Judged(split, found, curves.curves(scores))


def _with_data(beside, split, patients, resamples, progress):
    cohort, missing = beside.cohort, dict(beside.missing)
    divided = {
        column: {name: rows[split.rows] for name, rows in members.items()} for column, members in beside.divided.items()
    }
    found = subgroups.assess_groups(_scores(split), divided, resamples, progress)
    run = Run.open(split.folder)
    explained = _explain(run, cohort, split, missing, progress) if patients else {}
    if not patients:
        missing["patients"] = "Left out, as was asked for."
    facts = cohort_facts.describe(cohort, run.vocabulary)
    return WithData(cohort.source, facts, beside.origin, found, explained, missing)


def _divided(cohort, divisions, missing):
    """The subgroups of all rows of the cohort; without `divisions`, those of `DIVISIONS` that are there."""
    if divisions is not None:
        return subgroups.read(cohort, divisions)
    table = patient_table.read(cohort.source, len(cohort.store))
    if table is None:
        missing["subgroups"] = f"There is no {patient_table.FILE} beside the data."
        return {}
    there = [division for division in DIVISIONS if division.column in table]
    if not there:
        missing["subgroups"] = f"{patient_table.path_of(cohort.source)} has neither a column sex nor age."
    return subgroups.read(cohort, there)


def _explain(run, cohort, split, missing, progress):
    """Explains the patients that the rules choose; one whose contributions do not add up costs the section."""
    chosen = examples.choose(split.labels, split.probabilities)
    progress(f"explaining {len(chosen)} patients")
    try:
        found = explanation.explain(run, cohort, split.rows[list(chosen.values())], progress=progress)
    except InputError as error:
        missing["patients"] = f"They could not be explained: {error}."
        return {}
    return dict(zip(chosen, found, strict=True))


def _notes(judged, with_data):
    """Yields what the reader should know first."""
    fewest = min(one.found.ones for one in judged)
    if fewest < measures.FEW:
        where = "the test set has" if len(judged) == 1 else "a test set has"
        yield (
            f"{where} no more than {fewest} rows of label 1: everything here is uncertain, and the intervals tend to "
            "be too narrow"
        )
    if with_data and with_data.origin and with_data.origin.rules.get("design") == "case_control":
        yield (
            "the cohort has cases and matched controls, so the share of label 1 is by design: PPV, NPV, average "
            "precision, calibration and net benefit do not carry over to patients as they come"
        )
