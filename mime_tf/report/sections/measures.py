"""Section: every measure of the splits on test, with intervals."""

import dataclasses

import numpy as np

from mime_tf.assess.measures import MEASURES
from mime_tf.pages.notes import folded
from mime_tf.report.section import Section


@dataclasses.dataclass(frozen=True)
class Measure:
    """A measure of all splits.

    Attributes:
        title: str.
        values: list of float, per split; nan where it is not defined.
        intervals: list of pairs, per split.
        mean, sd: float, over the splits in which it is defined; nan if they are too few.
    """

    title: str
    values: list
    intervals: list
    mean: float
    sd: float


@dataclasses.dataclass(frozen=True)
class MeasuresData:
    """Data of the section.

    Attributes:
        splits: list of `mime_tf.report.inputs.AssessedSplit`.
        measures: dict from each of `mime_tf.assess.measures.MEASURES` to Measure.
        settings: `mime_tf.report.inputs.Settings`.
        notes: list of str, measures that are not defined or uncertain, by kind.
    """

    splits: list
    measures: dict
    settings: object
    notes: list


def gather(inputs):
    """Returns the section; its data are MeasuresData."""
    assessments = [split.assessment for split in inputs.splits]
    measures = {name: _measure(title, name, assessments) for name, title in MEASURES.items()}
    notes = [(split.name, note) for split in inputs.splits for note in split.assessment.notes]
    names = [split.name for split in inputs.splits]
    data = MeasuresData(inputs.splits, measures, inputs.settings, list(folded(notes, names)))
    return Section("measures", "How good the model is", data)


def _measure(title, name, assessments):
    values = [assessment.values[name] for assessment in assessments]
    defined = np.array(values)[~np.isnan(values)]
    return Measure(
        title=title,
        values=values,
        intervals=[assessment.intervals[name] for assessment in assessments],
        mean=float(defined.mean()) if len(defined) else float("nan"),
        sd=float(defined.std(ddof=1)) if len(defined) > 1 else float("nan"),
    )
