"""Section: outcomes of alerting the patients of the highest scores."""

import dataclasses

from mime_tf.assess import thresholds
from mime_tf.report.section import Section


@dataclasses.dataclass(frozen=True)
class AlertsData:
    """Data of the section.

    Attributes:
        split: str, name of the split.
        points: list of pairs of an alert rate and its operating point, of `mime_tf.assess.thresholds`.
        shares: dict from a share of an operating point to its title.
    """

    split: str
    points: list
    shares: dict


def gather(inputs):
    """Returns the section; its data are AlertsData."""
    test, rates = inputs.detailed.results.test, inputs.settings.alert_rates
    scores = test.scores
    cuts = [thresholds.alert_threshold(scores.probabilities, rate) for rate in rates]
    points = thresholds.operating_points(scores, cuts, inputs.settings.bootstrap, inputs.progress)
    points = thresholds.with_unknown(points, scores.probabilities, test.empty)
    shares = {name: title for name, title in thresholds.SHARES.items() if name != "alert_rate"}
    return Section("alerts", "Alerts", AlertsData(inputs.detailed.name, list(zip(rates, points, strict=True)), shares))
