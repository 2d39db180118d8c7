"""Bounds of measures: stated by the user, and passed where a whole interval lies beyond one."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mime_tf.monitor.names import AUC, CODE_DISTANCE, OE, SCORE_PSI, UNKNOWN_CODES

if TYPE_CHECKING:  # it loads scikit-learn, and a command's help reads the options
    from mime_tf.assess.comparison import Estimate


@dataclasses.dataclass(frozen=True)
class Bound:
    """A bound.

    Attributes:
        option: that states it, such as `"min_auc"`.
        measure: that it is a bound of.
        limit: its value.
    """

    option: str
    measure: str
    limit: float

    @property
    def is_least(self) -> bool:
        """Whether the measure must not be less; else it must not be more."""
        return self.option.startswith("min_")

    def passed(self, estimate: "Estimate") -> bool:
        """Whether the whole interval of an estimate lies beyond the bound; not where there is none."""
        return estimate.high < self.limit if self.is_least else estimate.low > self.limit

    def __str__(self) -> str:
        return f"{self.option} {self.limit:g}"


# Options, each with its measure and the help; the value is from 0 to the number at the end, or without a largest.
OPTIONS = {
    "min_auc": (AUC, "least ROC AUC", 1),
    "min_oe": (OE, "least observed / expected", None),
    "max_oe": (OE, "largest observed / expected", None),
    "max_unknown_codes": (UNKNOWN_CODES, "largest share of codes that the model does not know", 1),
    "max_score_psi": (SCORE_PSI, "largest population stability index of the probabilities; 0.25 is common", None),
    "max_code_distance": (CODE_DISTANCE, "largest distance of the codes from training's, from 0 to 1", 1),
}


def stated(values: Mapping[str, float | None]) -> list[Bound]:
    """Returns the bounds that were given, of a value for each of `OPTIONS` or None."""
    return [Bound(name, OPTIONS[name][0], value) for name, value in values.items() if value is not None]
