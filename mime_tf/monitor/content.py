"""Content of a monitoring: every period is measured here; nothing is drawn or written."""

import dataclasses
import datetime
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.comparison import Estimate
from mime_tf.assess.measures import FEW, assess
from mime_tf.assess.scores import Scores
from mime_tf.assess.subgroups import LEAST, reason_against
from mime_tf.assess.wilson import wilson
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.monitor.bounds import Bound
from mime_tf.monitor.measures import GROUPS, LABELLED
from mime_tf.monitor.names import OE, PREVALENCE
from mime_tf.monitor.periods import Period, periods
from mime_tf.monitor.reference import Reference
from mime_tf.monitor.shift import CodeShift, Shifts
from mime_tf.monitor.watch import Watch
from mime_tf.runs.mean_model import MeanModel
from mime_tf.scoring.evaluation import unknown
from mime_tf.scoring.mean import PatientSet, who_scored

CODES = 20  # of a period, those whose shares changed most
LINE = ("calibration_slope", "calibration_intercept")


@dataclasses.dataclass(frozen=True)
class Asked:
    """Choices of a monitoring.

    Attributes:
        period: one of `mime_tf.monitor.periods.MONTHS`.
        since, known_until: as for `Watch.of`.
        bounds: the bounds.
        bootstrap: the resamples behind the intervals.
    """

    period: str
    since: datetime.date | None
    known_until: datetime.date | None
    bounds: list[Bound]
    bootstrap: Bootstrap


@dataclasses.dataclass(frozen=True, eq=False)
class AssessedPeriod:
    """A period, measured.

    Attributes:
        period: the Period.
        rows, patients: number of rows that were scored, and of their patients.
        known: number of rows whose outcome is known.
        cases: number of these of label 1.
        estimates: dict from the measures that could be taken to their estimates.
        reason: why others could not; else empty.
        notes: remarks on the measures.
        codes: the codes whose share of the rows changed most, of all rows.
        passed: the bounds that are passed.
    """

    period: Period
    rows: int
    patients: int
    known: int
    cases: int
    estimates: dict[str, Estimate]
    reason: str
    notes: list[str]
    codes: list[CodeShift]
    passed: list[Bound]

    def record(self) -> dict[str, Any]:
        """Returns the period as monitor.json has it."""
        return {
            "period": self.period.name,
            "first_day": str(self.period.first),
            "last_day": str(self.period.last),
            **{name: getattr(self, name) for name in ("rows", "patients", "known", "cases")},
            "measures": {name: dataclasses.asdict(estimate) for name, estimate in self.estimates.items()},
            "not_measured_because": self.reason or None,
            "notes": self.notes,
            "codes": [dataclasses.asdict(code) for code in self.codes],
            "passed": [bound.option for bound in self.passed],
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Monitoring:
    """A model over time.

    Attributes:
        model: the model.
        asked: the choices.
        reference: the values that the periods are compared with.
        periods: from the first to the last, those without rows included.
        notes: remarks.
    """

    model: MeanModel
    asked: Asked
    reference: Reference
    periods: list[AssessedPeriod]
    notes: list[str]

    @property
    def passed(self) -> list[tuple[AssessedPeriod, Bound]]:
        """The bounds that are passed, period by period."""
        return [(period, bound) for period in self.periods for bound in period.passed]

    @property
    def unchecked(self) -> list[Bound]:
        """The bounds that no period could be held against."""
        return [
            bound
            for bound in self.asked.bounds
            if not any(_has_interval(period.estimates.get(bound.measure)) for period in self.periods)
        ]

    @property
    def newest(self) -> AssessedPeriod | None:
        """The last period whose codes are compared, or None."""
        return next((period for period in reversed(self.periods) if period.codes), None)


class Monitor:
    """A cohort that is ready to be scored: all that may be wrong with the input is found.

    Args:
        model: the model.
        cohort: the patients, with labels or without.
        asked: the choices.

    Raises:
        InputError: the cohort can't be scored or has no prediction times, a bound needs labels or resamples that are
            not there, the periods are too many, or a file of the run is damaged.
    """

    def __init__(self, model: MeanModel, cohort: Cohort, asked: Asked):
        for bound in asked.bounds:
            asked.bootstrap.require_resamples()  # bounds go by intervals
            if bound.measure in LABELLED and cohort.labels is None:
                raise InputError(f"{bound.option}: {cohort.name} has no labels, which it is measured by")
        model.check_codes(cohort)
        self._model, self._cohort, self._asked = model, cohort, asked
        self._watch = Watch.of(cohort, asked.since, asked.known_until)
        self._periods = periods(self._watch.days[self._watch.among], asked.period)
        self._reference = Reference.of(model)
        self._set_name = "test" if cohort.labels is not None and model.trained_on(cohort) else "all"
        self._set = PatientSet(model, [cohort] * len(model.splits), self._set_name, self._watch.among)
        if not len(self._set.rows):
            raise InputError(f"{cohort.name}: no row to score; those of test of the run were predicted before")

    def run(self, progress: Callable[[str], object]) -> Monitoring:
        """Scores the rows and measures the periods."""
        model, watch, scored = self._model, self._watch, self._set.score(progress)
        notes = [*model.notes, *watch.notes, *self._reference.notes]
        if self._set_name == "test":
            notes.append("the data that the model was trained on: test alone is watched")
            if by := who_scored(model, scored, self._set_name, int(watch.among.sum())):
                notes.append(by)
        notes += unknown(scored.predictions, model)
        shifts, assessed = Shifts(model, self._cohort, scored, self._reference), []
        days, ids = watch.days[scored.rows], self._cohort.patient_ids
        whole = Scores(scored.labels, scored.predictions.probabilities, None if ids is None else ids[scored.rows])
        for period in self._periods:
            members = np.flatnonzero((days >= period.first.toordinal()) & (days <= period.last.toordinal()))

            def tell(text: str, name: str = period.name) -> None:
                progress(f"{name}: {text}")

            assessed.append(self._assess(period, members, watch.known[scored.rows[members]], whole, shifts, tell))
        return Monitoring(model, self._asked, self._reference, assessed, notes)

    def _assess(
        self,
        period: Period,
        members: np.ndarray,
        known: np.ndarray,
        whole: Scores,
        shifts: Shifts,
        progress: Callable[[str], object],
    ) -> AssessedPeriod:
        if not len(members):
            return AssessedPeriod(period, 0, 0, 0, 0, {}, "no patients", [], [], [])
        scores = whole.select(members)
        patients, ones = scores.num_patients, int(scores.labels[known].sum())
        if patients < LEAST:
            reason = f"too few: {patients} patients, where {LEAST} are needed"
            return AssessedPeriod(period, len(members), patients, int(known.sum()), ones, {}, reason, [], [], [])
        bootstrap = self._asked.bootstrap
        estimates, reason, notes = _of_labels(scores, known, bootstrap, progress)
        estimates |= shifts.measure(members, scores, bootstrap, progress)
        codes = shifts.of_codes(members, patients, CODES)
        passed = [bound for bound in self._asked.bounds if _is_passed(bound, estimates)]
        return AssessedPeriod(
            period, len(members), patients, int(known.sum()), ones, estimates, reason, notes, codes, passed
        )


def _of_labels(
    scores: Scores, known: np.ndarray, bootstrap: Bootstrap, progress: Callable[[str], object]
) -> tuple[dict[str, Estimate], str, list[str]]:
    """Measures the rows whose outcomes are known: the estimates, why others are missing, and remarks.

    With fewer than `LEAST` cases or controls these are the share of cases and observed / expected alone, with Wilson's
    interval; with fewer than `FEW` not the line of calibration.
    """
    if not known.any():
        return {}, "outcomes are not known yet", []
    scores = scores.select(known)
    if scores.num_patients < LEAST:
        return {}, f"too few outcomes are known: of {scores.num_patients} patients, where {LEAST} are needed", []
    share, mean = float(scores.labels.mean()), float(scores.probabilities.mean())
    patients = np.array([scores.num_patients])
    low, high = (float(end[0]) for end in wilson(share * patients, patients))
    estimates = {PREVALENCE: Estimate(share, low, high)}
    if mean > 0:
        estimates[OE] = Estimate(share / mean, low / mean, high / mean)
    rarer = int(min(scores.labels.sum(), (1 - scores.labels).sum()))
    if reason := reason_against(scores.labels):
        return estimates, reason, []
    assessment = assess(scores, bootstrap, progress)
    names = itertools.chain.from_iterable(GROUPS.values())
    for name in (name for name in names if name in assessment.values):
        if name not in LINE or rarer >= FEW:
            estimates[name] = Estimate(assessment.values[name], *assessment.intervals[name])
    if rarer < FEW:
        reason = f"too few for a calibration line: {rarer} of the rarer label, where {FEW} are needed"
    estimates = {name: estimate for name, estimate in estimates.items() if not np.isnan(estimate.value)}
    return estimates, reason, assessment.notes


def _is_passed(bound: Bound, estimates: dict[str, Estimate]) -> bool:
    estimate = estimates.get(bound.measure)
    return estimate is not None and bound.passed(estimate)


def _has_interval(estimate: Estimate | None) -> bool:
    return estimate is not None and not np.isnan(estimate.low)
