"""The lines of the authors' program, to the letter."""

from mime_tf.assess.summary import RESULTS


def round_line(iteration, valid):
    """One evaluation; `valid` is what `summary.summarize` returns."""
    return "round:%d, valid_loss:%f, valid_auc:%f, valid_aucpr:%f" % (
        iteration,
        valid["loss"],
        valid["auc"],
        valid["aucpr"],
    )


def split_line(results):
    """A finished split; `results` is a dict with the keys `summary.RESULTS`."""
    return ", ".join("%s:%f" % (name, results[name]) for name in RESULTS)


def mean_line(results):
    """All splits; `results` is a dict with the keys `summary.RESULTS`, the means."""
    return ", ".join("mean_%s:%f" % (name, results[name]) for name in RESULTS)
