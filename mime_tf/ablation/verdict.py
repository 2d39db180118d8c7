"""Verdict of an ablation: do the links, MiME and a hierarchy help? A sentence each, no stronger than the intervals."""

from mime_tf.ablation.study import ARMS, SHUFFLED, Ablation
from mime_tf.assess.comparison import METRICS, Comparison, Estimate

# The measure that decides, that of the paper's tables. It is fixed beforehand, or the one that looks better would be.
METRIC = "average_precision"

# By the direction of the regression on codes and pairs against codes, and of linked MiME against shuffled links.
_LINKS = {
    ("better", "better"): "The links help",
    ("better", "alike"): "The links help a regression, but there is no evidence that they help MiME",
    ("better", "worse"): "The links help a regression, but MiME is worse for them",
    ("alike", "better"): "The links help MiME, but there is no evidence that they help a regression",
    ("alike", "alike"): "There is no evidence that the links help",
    ("alike", "worse"): "There is no evidence that the links help a regression, and MiME is worse for them",
    ("worse", "better"): "The links help MiME, but a regression is worse for them",
    ("worse", "alike"): "There is no evidence that the links help MiME, and a regression is worse for them",
    ("worse", "worse"): "The links do harm",
}
_MIME = {
    "better": "MiME helps",
    "alike": "There is no evidence that MiME helps",
    "worse": "MiME does not help, for a simpler model predicts better",
}

_RECIPE = {
    "better": "The recipe helps",
    "alike": "There is no evidence that the recipe helps",
    "worse": "The recipe does not help, for a simpler model predicts better",
}
_ANCESTORS = {
    "better": "The hierarchy helps",
    "alike": "There is no evidence that the hierarchy helps",
    "worse": "The hierarchy does harm",
}


def direction(estimate: Estimate) -> str:
    """Returns `"better"` or `"worse"` if a difference's 95% interval leaves out 0, else `"alike"`."""
    return "better" if estimate.low > 0 else "worse" if estimate.high < 0 else "alike"


def verdict(ablation: Ablation) -> dict[str, str]:
    """Returns the sentences by their subject: links, MiME, the recipe if it was trained, and the ancestors if any."""
    comparison = ablation.comparisons[ablation.train_ratio]
    sentences = {
        "links": on_links(ablation.links.differences["codes"][METRIC], comparison.differences["shuffled"][METRIC]),
        "mime": on_mime(comparison, ablation.best),
        **({} if ablation.recipe is None else {"recipe": on_recipe(ablation.recipe, ablation.best)}),
    }
    return sentences | ({} if ablation.ancestors is None else {"ancestors": on_ancestors(ablation.ancestors)})


def on_links(regression: Estimate, mime: Estimate) -> str:
    """Returns a sentence on whether the links help, with the two differences that decide.

    Args:
        regression: of the regression on codes and pairs, less that on codes.
        mime: of MiME as linked, less MiME with the links shuffled.
    """
    return (
        f"{_LINKS[direction(regression), direction(mime)]}: {METRICS[METRIC]} of the regression on codes and pairs is "
        f"{_difference(regression)} that of codes alone, and of MiME as linked {_difference(mime)} that with the links "
        "shuffled."
    )


def on_mime(comparison: Comparison, best: str) -> str:
    """Returns a sentence on whether MiME as linked helps, beside the best of the other models that see the links.

    Args:
        comparison: of the arms `linked`, `best` and any others.
        best: the arm that was best on valid.
    """
    return _lead(_MIME, "as linked, ", comparison, "linked", best)


def on_recipe(comparison: Comparison, best: str) -> str:
    """Returns a sentence on whether the recipe helps, as `on_mime` does of the arm `recipe`."""
    return _lead(_RECIPE, "", comparison, "recipe", best)


def _lead(openings: dict[str, str], subject: str, comparison: Comparison, arm: str, best: str) -> str:
    difference = comparison.differences[best][METRIC]
    return (
        f"{openings[direction(difference)]}: {subject}{METRICS[METRIC]} is {comparison.means[arm][METRIC].value:.3f}, "
        f"{_difference(difference)} that of the best on valid of the other models that see the links ({ARMS[best]})."
    )


def on_ancestors(comparison: Comparison) -> str:
    """Returns a sentence on whether the hierarchy helps a regression on codes and pairs, beside a shuffled one.

    Args:
        comparison: of the arms `pairs_ancestors`, `pairs` and `SHUFFLED`, the first with the others.
    """
    plain, shuffled = (comparison.differences[arm][METRIC] for arm in ("pairs", SHUFFLED))
    return (
        f"{_ANCESTORS[direction(plain)]}: {METRICS[METRIC]} of the regression on pairs and ancestors is "
        f"{_difference(plain)} that of pairs alone, and {_difference(shuffled)} that with ancestors of other codes."
    )


def _difference(estimate: Estimate) -> str:
    comparative = "higher" if estimate.value >= 0 else "lower"
    interval = f"95% interval of the difference {estimate.low:+.3f} to {estimate.high:+.3f}"
    return f"{abs(estimate.value):.3f} {comparative} ({interval}) than"
