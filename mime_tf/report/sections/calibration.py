"""Section: calibration, and how the probabilities are spread."""

from mime_tf.report.section import Section


def gather(inputs):
    """Returns the section; its data are the curves of the split shown in detail."""
    return Section("calibration", "Calibration and scores", inputs.detailed.curves)
