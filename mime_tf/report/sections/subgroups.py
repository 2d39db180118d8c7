"""Section: measures of subgroups of the test patients."""

import dataclasses

from mime_tf.assess import subgroups, thresholds
from mime_tf.assess.group_differences import group_differences
from mime_tf.assess.measures import MEASURES
from mime_tf.data import patient_table
from mime_tf.report.section import Section


@dataclasses.dataclass(frozen=True)
class SubgroupsData:
    """Data of the section.

    Attributes:
        split: str, name of the split.
        groups: list of `mime_tf.assess.subgroups.Subgroup`.
        least: number of rows of either label that a group needs to be measured.
        shown: dict from a measure to its title.
        differences: list of `mime_tf.assess.group_differences.Difference`, of groups from the largest of their column.
        alert_rate: share of the patients that is alerted there.
    """

    split: str
    groups: list
    least: int
    shown: dict
    differences: list
    alert_rate: float


def gather(inputs):
    """Returns the section; its data are SubgroupsData."""
    reason = _reason(inputs)
    if reason:
        return Section("subgroups", "Subgroups", reason=reason)
    test = inputs.detailed.results.test
    divided = {
        column: {name: members[test.rows] for name, members in groups.items()}
        for column, groups in inputs.groups.items()
    }
    settings, scores = inputs.settings, test.scores
    groups = subgroups.assess_groups(scores, divided, settings.bootstrap, inputs.progress)
    shown = {name: MEASURES[name] for name in subgroups.SHOWN}
    rate = settings.alert_rates[0]
    threshold = thresholds.alert_threshold(scores.probabilities, rate)
    differences = group_differences(scores, divided, [threshold], settings.bootstrap, inputs.progress)
    data = SubgroupsData(inputs.detailed.name, groups, subgroups.LEAST, shown, differences, rate)
    return Section("subgroups", "Subgroups", data)


def _reason(inputs):
    """Returns why the section has no subgroups, or an empty text."""
    if inputs.cohort is None:
        return "Subgroups need the cohort: --data, with a patients.csv beside it."
    if inputs.groups:
        return ""
    if inputs.settings.divisions is not None:
        return "None were asked for."
    if inputs.cohort.attributes is None:
        return f"No {patient_table.FILE} is beside the data."
    return f"{patient_table.FILE} has neither a column sex nor age."
