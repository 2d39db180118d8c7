"""Section: measures of subgroups of the test patients."""

import dataclasses

from mime_tf.assess import subgroups
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
    """

    split: str
    groups: list
    least: int
    shown: dict


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
    groups = subgroups.assess_groups(test.scores, divided, inputs.settings.bootstrap, inputs.progress)
    shown = {name: MEASURES[name] for name in subgroups.SHOWN}
    return Section("subgroups", "Subgroups", SubgroupsData(inputs.detailed.name, groups, subgroups.LEAST, shown))


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
