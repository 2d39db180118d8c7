"""Section: how orders were linked to diagnoses, and how patients were chosen."""

from mime_tf.data.conversion import LINKAGE, RULES
from mime_tf.report.section import Section

_TITLE = "How orders were linked to diagnoses"


def gather(inputs):
    """Returns the section; its data are a `mime_tf.data.origin.Origin`."""
    if inputs.origin is None:
        reason = (
            f"Neither {LINKAGE} nor {RULES} was beside the data: how the orders were linked to diagnoses is not known."
        )
        return Section("linkage", _TITLE, reason=reason)
    return Section("linkage", _TITLE, inputs.origin)
