"""Lines of the authors' program, to the letter."""

from collections.abc import Mapping

from mime_tf.assess.summary import RESULTS


def round_line(iteration: int, valid: Mapping[str, float]) -> str:
    """Returns the line of an evaluation; `valid` is of `mime_tf.assess.summary.summarize`."""
    return "round:%d, valid_loss:%f, valid_auc:%f, valid_aucpr:%f" % (
        iteration,
        valid["loss"],
        valid["auc"],
        valid["aucpr"],
    )


def split_line(results: Mapping[str, float]) -> str:
    """Returns the line of a finished split; `results` has the keys `RESULTS`."""
    return ", ".join("%s:%f" % (name, results[name]) for name in RESULTS)


def mean_line(results: Mapping[str, float]) -> str:
    """Returns the line of a finished run; `results` are means, with the keys `RESULTS`."""
    return ", ".join("mean_%s:%f" % (name, results[name]) for name in RESULTS)
