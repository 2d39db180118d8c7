"""The measures of a period, in groups as they are shown."""

import dataclasses

from mime_tf.assess.measures import MEASURES as OF_LABELS
from mime_tf.monitor.names import (
    AUC,
    CODE_DISTANCE,
    MEAN_PROBABILITY,
    MEDIAN_AGE,
    NOTHING_KNOWN,
    OE,
    PREVALENCE,
    SCORE_PSI,
    SEX,
    UNKNOWN_CODES,
)


@dataclasses.dataclass(frozen=True)
class Measure:
    """A measure.

    Attributes:
        title: for people.
        about: its meaning, and where it should lie.
        ideal: value of a perfect model, or of no drift; or None.
        is_share: shown in percent.
    """

    title: str
    about: str
    ideal: float | None = None
    is_share: bool = False


# Dict from the title of a group to its measures by name.
GROUPS: dict[str, dict[str, Measure]] = {
    "Discrimination and overall fit": {
        AUC: Measure(OF_LABELS[AUC], "Share of pairs of a case and a control that are ranked rightly.", 0.5),
        "average_precision": Measure(
            OF_LABELS["average_precision"], "Mean precision over the cases; it rises and falls with the prevalence."
        ),
        "brier": Measure(
            OF_LABELS["brier"], "Mean squared error of the probabilities; it rises and falls with the prevalence."
        ),
    },
    "Calibration": {
        OE: Measure(OF_LABELS[OE], "Cases for each case that the probabilities promise; above 1 they are too low.", 1),
        "calibration_in_the_large": Measure(
            OF_LABELS["calibration_in_the_large"], "Shift of all logits that would make the mean right.", 0
        ),
        "calibration_slope": Measure(
            OF_LABELS["calibration_slope"], "Below 1 the probabilities are too far apart, above 1 too close.", 1
        ),
        "calibration_intercept": Measure(OF_LABELS["calibration_intercept"], "Read together with the slope.", 0),
    },
    "Scores and codes": {
        MEAN_PROBABILITY: Measure("mean probability", "Share of cases that the model promises.", is_share=True),
        SCORE_PSI: Measure(
            "stability index of scores",
            "Population stability index of the probabilities, in tenths of those of the run's test patients.",
            0,
        ),
        UNKNOWN_CODES: Measure("unknown codes", "Share of all codes that the model was not shown.", is_share=True),
        NOTHING_KNOWN: Measure("nothing known", "Share of the rows of whom it knows no code.", is_share=True),
        CODE_DISTANCE: Measure(
            "distance of codes",
            "Bray and Curtis's, of the shares of rows that have each code: 0 as in training, 1 no code in common.",
            0,
        ),
    },
    "Patients": {
        PREVALENCE: Measure("share of cases", "Among the rows whose outcome is known.", is_share=True),
        MEDIAN_AGE: Measure("median age", "Years at the prediction time."),
        SEX: Measure("sex", "Share of the commonest sex.", is_share=True),
    },
}
MEASURES = {name: measure for group in GROUPS.values() for name, measure in group.items()}
# Measures that need labels.
LABELLED = (*GROUPS["Discrimination and overall fit"], *GROUPS["Calibration"], PREVALENCE)
