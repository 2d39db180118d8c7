"""From an export of electronic health records to a cohort: `python -m mime_tf convert`.

Needs the extra `ehr` (Ibis with DuckDB, PyYAML). Nothing here imports TensorFlow.
"""
