"""The OMOP Common Data Model as an export.

`read` makes the common tables of the ones in `tables`; `reasons` finds which order belongs to which diagnosis.
"""
