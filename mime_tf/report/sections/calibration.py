"""Section: calibration, and how the probabilities are spread."""

import dataclasses

from mime_tf.assess import curves, measures
from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.report.section import Section

_COMPARED = (
    *("brier", "scaled_brier", "observed_to_expected", "calibration_in_the_large", "calibration_slope"),
    *("expected_calibration_error", "eavg", "emax"),
)


@dataclasses.dataclass(frozen=True)
class CalibrationData:
    """Data of the section.

    Attributes:
        smooth: dict from Eavg, E50, E90 and Emax to their values on test.
        method: str, method of the recalibration; empty without one.
        before: dict, the curves before recalibration; empty without one.
        compared: list of triples: title of a measure, its value before and after.
    """

    smooth: dict
    method: str
    before: dict
    compared: list


def gather(inputs):
    """Returns the section; its data are CalibrationData of the split shown in detail."""
    detailed = inputs.detailed
    smooth = {name: detailed.assessment.values[name] for name in ("eavg", "e50", "e90", "emax")}
    test, method, before, compared = detailed.results.test, "", {}, []
    if test.before is not None:
        method = test.adjustment.recalibration.method
        before = curves.curves(test.before)
        values = measures.assess(test.before, Bootstrap(0)).values
        compared = [(measures.MEASURES[name], values[name], detailed.assessment.values[name]) for name in _COMPARED]
    data = CalibrationData(smooth, method, before, compared)
    return Section("calibration", "Calibration and scores", data)
