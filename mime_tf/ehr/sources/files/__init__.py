"""Tables in files, CSV (plain or .gz) or Parquet, read by the names of their columns.

`folder` finds the files of a table, `headers` their columns, and `columns` reads the wanted ones, `times` as seconds
(with a `time_format` if not in ISO 8601); `csv_faults` finds the line at fault after an engine has refused a file.
"""
