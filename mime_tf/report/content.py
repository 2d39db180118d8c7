"""Content of a report: everything is measured here, and nothing is drawn or written."""

import dataclasses
import os

from mime_tf.assess import measures
from mime_tf.report.inputs import AssessedSplit, Settings, read_inputs
from mime_tf.report.overview import Overview, overview
from mime_tf.report.sections import SECTIONS
from mime_tf.runs.subject import Subject
from mime_tf.terminal import environment


@dataclasses.dataclass(frozen=True, repr=False)
class Report:
    """Content of a report.

    Attributes:
        model: str, the path that the report was asked for.
        subject: `mime_tf.runs.subject.Subject`, the outcome and the patients.
        overview: `mime_tf.report.overview.Overview`, the report in short.
        splits: list of `mime_tf.report.inputs.AssessedSplit`, one for each finished split.
        detailed: the AssessedSplit that is shown in detail.
        sections: list of `mime_tf.report.section.Section`, in the order of the page.
        settings: `mime_tf.report.inputs.Settings`.
        notes: list of str, remarks to read first.
    """

    model: str
    subject: Subject
    overview: Overview
    splits: list
    detailed: AssessedSplit
    sections: list
    settings: Settings
    notes: list

    def section(self, name):
        """Returns the section of a name."""
        return next(section for section in self.sections if section.name == name)

    def __repr__(self):
        return f"Report({self.model!r}: {', '.join(split.name for split in self.splits)})"


def gather(model, data=None, settings=None, progress=lambda text: None):
    """Measures a run for a report.

    Args:
        model: a fitted split, or all of a run, as for `mime_tf.runs.run.Run.open`.
        data: the cohort that it was trained on, as `mime_tf.data.cohort` says; None for a report without it.
        settings: `mime_tf.report.inputs.Settings`, or None for the default ones.
        progress: function that is given a text now and then.

    Returns:
        Report.

    Raises:
        InputError: no split is finished, a file of a split is damaged, or the data are not those of the run.
    """
    settings = settings or Settings()
    inputs = read_inputs(model, data, settings, progress)
    if inputs.cohort is not None:
        environment.import_tensorflow()  # not without: the sections that need it are those that need the cohort
    sections = [section.gather(inputs) for section in SECTIONS]
    return Report(
        model=os.fspath(model),
        subject=inputs.subject,
        overview=overview(inputs, sections),
        splits=inputs.splits,
        detailed=inputs.detailed,
        sections=sections,
        settings=settings,
        notes=list(_notes(inputs)),
    )


def _notes(inputs):
    """Yields the remarks to read first."""
    if inputs.unfinished:
        splits = inputs.unfinished + len(inputs.splits)
        yield f"{inputs.unfinished} of {splits} splits are not finished and are left out"
    fewest = min(split.assessment.ones for split in inputs.splits)
    if fewest < measures.FEW:
        where = "the test set has" if len(inputs.splits) == 1 else "a test set has"
        yield (
            f"{where} only {fewest} rows of label 1: all measures are uncertain, and the intervals tend to be too "
            "narrow"
        )
    detailed, adjustment = inputs.detailed.results.test, inputs.detailed.results.adjustment
    if detailed.empty.any():
        yield (
            f"nothing is known of {detailed.empty.sum()} of {len(detailed)} test rows of {inputs.detailed.name}, for "
            f"the model knows none of their codes: they are scored {adjustment.rule}, and none of them is explained"
        )
    if adjustment.recalibration is not None:
        yield f"the probabilities of {inputs.detailed.name} are recalibrated: {adjustment.recalibration.method}"
    if inputs.origin and inputs.origin.rules.get("design") == "case_control":
        yield (
            "the cohort has cases and matched controls, so the share of label 1 is by design: PPV, NPV, average "
            "precision, calibration and net benefit do not carry over to patients as they come"
        )
