"""Sections of a report, a module each.

A module has a function `gather(inputs)`, of `mime_tf.report.inputs.Inputs`, that returns its
`mime_tf.report.section.Section`. The template that shows the section's data lies beside it.
"""

from mime_tf.report.sections import (
    alerts,
    calibration,
    characteristics,
    cohort,
    decision,
    discrimination,
    learning,
    linkage,
    measures,
    patients,
    sample_size,
    subgroups,
    training,
    yardsticks,
)

# In the order of the page.
SECTIONS = (
    cohort,
    characteristics,
    sample_size,
    linkage,
    learning,
    measures,
    yardsticks,
    discrimination,
    calibration,
    decision,
    alerts,
    subgroups,
    patients,
    training,
)
