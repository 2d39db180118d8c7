"""Cohort designs: patients, prediction times and labels, on arrays in memory.

`rules` are the options; `cohort_design` and `case_control` narrow `candidates` on a `timeline` step by step, the latter
with `matching`, to a `selection`: the rows of the cohort. Labels come from an `outcome` or a `label_file`.
"""
