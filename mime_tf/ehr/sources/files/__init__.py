"""Tables in files, CSV (plain or .gz) or Parquet, read by the names of their columns.

`folder` finds the files of a table with `listing`, and `columns` reads the wanted columns of each: a `csv_file` by its
dialect, a `parquet_file` by its `types`, times by `times` (with a `time_format` if not in ISO 8601).
"""
