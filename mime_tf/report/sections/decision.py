"""Section: decision curve."""

from mime_tf.report.section import Section


def gather(inputs):
    """Returns the section; its data are the curves of the split shown in detail."""
    curves = inputs.detailed.curves
    if "net_benefit_model" not in curves:
        reason = "The test labels are all alike: no decision can be judged."
        return Section("decision", "Decision curve", reason=reason)
    return Section("decision", "Decision curve", curves)
