"""Readers of exports: each module is named as its `--source`, and its `read` returns the common tables.

`synthea`, `omop` and `tables` (with a `mapping`) read a folder of tables through `files`; `fhir` reads bundles and bulk
exports. `links` follows references from orders to rows of diagnoses.
"""
