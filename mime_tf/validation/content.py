"""Content of a validation: every site is checked, scored and measured here; nothing is drawn or written."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from mime_tf.assess import cross_fitting
from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.measures import Assessment, assess
from mime_tf.assess.scores import Scores
from mime_tf.assess.text import estimates
from mime_tf.errors import InputError
from mime_tf.pages.notes import folded
from mime_tf.runs.mean_model import MeanModel
from mime_tf.scoring.mean import PatientSet, who_scored
from mime_tf.validation.case_mix import CaseMix
from mime_tf.validation.sites import OpenSite

# Measures of the table and, of these, the ones that recalibration is to mend.
SHOWN = (
    *("auc", "average_precision", "calibration_slope", "calibration_intercept", "observed_to_expected", "eavg"),
    "scaled_brier",
)
MENDED = ("calibration_slope", "calibration_intercept", "observed_to_expected", "eavg", "scaled_brier")


@dataclasses.dataclass(frozen=True, eq=False)
class AssessedSite:
    """A site, measured.

    Attributes:
        name: of the site.
        set_name: `"all"`, or `"test"` of the data that the model was trained on.
        assessment: of the probabilities as the commands give them.
        recalibrated: of the cross-fitted ones, or None.
        reason: why there is no recalibration; else empty.
        case_mix: of the rows that were scored.
        notes: remarks on the site.
    """

    name: str
    set_name: str
    assessment: Assessment
    recalibrated: Assessment | None
    reason: str
    case_mix: CaseMix
    notes: list[str]

    def record(self) -> dict[str, Any]:
        """Returns the site as validate.json has it."""
        measured = {name: getattr(self.assessment, name) for name in ("rows", "patients", "ones")}
        return {
            "name": self.name,
            "set": self.set_name,
            **measured,
            "prevalence": self.assessment.ones / self.assessment.rows,
            "metrics": estimates(self.assessment),
            "recalibrated": None if self.recalibrated is None else estimates(self.recalibrated),
            "not_recalibrated_because": self.reason or None,
            "case_mix": dataclasses.asdict(self.case_mix),
            "notes": self.notes,
        }


@dataclasses.dataclass(frozen=True, eq=False)
class Validation:
    """A model at several sites.

    Attributes:
        model: the model.
        training: case mix of the data that its run was divided from, or None where the run does not know it.
        sites: in the order in which they were given.
        method: of the recalibration.
        bootstrap: the resamples behind the intervals.
    """

    model: MeanModel
    training: CaseMix | None
    sites: list[AssessedSite]
    method: str
    bootstrap: Bootstrap

    @property
    def notes(self) -> list[str]:
        """Notes on the model and on the sites, which they name, folded by kind."""
        of_sites = [(site.name, note) for site in self.sites for note in site.notes]
        notes = [*self.model.notes, *folded(of_sites, [site.name for site in self.sites])]
        if any(site.case_mix.nothing_known for site in self.sites):
            notes.append(f"patients of whom nothing is known are scored {self.model.rule}")
        return notes


def validate(
    model: MeanModel,
    sites: Sequence[OpenSite],
    method: str,
    bootstrap: Bootstrap,
    progress: Callable[[str], object],
) -> Validation:
    """Scores and measures the sites.

    Raises:
        InputError: a site's cohort can't be scored, which is found before the first is.
    """
    sets = [PatientSet(model, [site.cohort] * len(model.splits), site.set_name) for site in sites]
    population = model.subject.population
    training = None if population is None else CaseMix.of_training(population)
    assessed = []
    for site, patients in zip(sites, sets, strict=True):
        name = site.site.name

        def tell(text: str, name: str = name) -> None:
            progress(f"{name}: {text}")

        assessed.append(_assess(model, site, patients, method, bootstrap, tell))
    return Validation(model, training, assessed, method, bootstrap)


def _assess(
    model: MeanModel,
    site: OpenSite,
    patients: PatientSet,
    method: str,
    bootstrap: Bootstrap,
    progress: Callable[[str], object],
) -> AssessedSite:
    scored = patients.score(progress)
    predictions, ids = scored.predictions, site.cohort.patient_ids
    scores = Scores(scored.labels, predictions.probabilities, None if ids is None else ids[scored.rows])
    assessment, recalibrated, reason = assess(scores, bootstrap, progress), None, ""
    try:
        recalibrated = assess(cross_fitting.cross_fitted(scores, predictions.empty, method), bootstrap, progress)
    except InputError as error:
        reason = str(error).removeprefix("recalibration: ")
    notes = list(assessment.notes)
    if site.set_name == "test":
        notes.insert(0, "the data that the model was trained on: measured on test alone")
        if by := who_scored(model, scored, site.set_name, len(site.cohort)):
            notes.insert(1, by)
    case_mix = CaseMix.of_site(site.cohort, scored.rows, predictions)
    return AssessedSite(site.site.name, site.set_name, assessment, recalibrated, reason, case_mix, notes)
