"""Section: loss and ranking over the iterations of training."""

from mime_tf.report.section import Section


def gather(inputs):
    """Returns the section; its data are the splits, whose results hold the history."""
    if not all(split.results.history for split in inputs.splits):
        reason = "A split has no history.csv, as is the case for an imported model."
        return Section("learning", "Learning curves", reason=reason)
    return Section("learning", "Learning curves", inputs.splits)
