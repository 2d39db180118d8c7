"""FHIR R4 as an export: bundles and bulk exports.

`files` finds the files, and `extract` writes their rows, in parallel processes: a `document` is a stream of resources,
and `resources` makes rows of each. `read` joins the rows along their `references` into the common tables.
"""
