"""From an export of electronic health records to a cohort: `mime-tf convert`.

Needs the extra `ehr` (Ibis with DuckDB, PyYAML). Nothing here imports TensorFlow.
"""
