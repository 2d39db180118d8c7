"""Section: simpler models on the test patients of the split shown in detail."""

import dataclasses

from mime_tf.report.section import Section


@dataclasses.dataclass(frozen=True)
class YardsticksData:
    """Data of the section.

    Attributes:
        split: `mime_tf.report.inputs.AssessedSplit` shown in detail.
        yardsticks: list of `mime_tf.scoring.yardsticks.Yardstick`.
    """

    split: object
    yardsticks: list


def gather(inputs):
    """Returns the section; its data are YardsticksData."""
    title = "Beside simpler models"
    if inputs.cohort is None:
        return Section("yardsticks", title, reason="Simpler models are fitted to the cohort: --data.")
    if not inputs.settings.yardsticks:
        return Section("yardsticks", title, reason="None were asked for.")
    from mime_tf.scoring import yardsticks  # loads TensorFlow

    test = inputs.detailed.results.test
    settings = inputs.settings
    fits = yardsticks.beside(inputs.fitted, inputs.cohort, test.rows, test.scores, settings.bootstrap, inputs.progress)
    return Section("yardsticks", title, YardsticksData(inputs.detailed, fits))
