"""Section: ROC and precision-recall curves."""

from mime_tf.report.section import Section


def gather(inputs):
    """Returns the section; its data are the curves of the split shown in detail."""
    curves = inputs.detailed.curves
    if "roc" not in curves:
        reason = "The test labels are all alike: nothing can be ranked."
        return Section("discrimination", "Discrimination", reason=reason)
    return Section("discrimination", "Discrimination", curves)
