"""A cohort as one Parquet file, or as a folder of them, read and written through Arrow.

A row is a patient. The columns are found by name, in any order, and others are left alone:

    patient_id  a string or any integer; optional. It may repeat: a patient may have several rows
    label       0 or 1, as a boolean, an integer or a float
    visits      list<list<struct<dx: int, rx: list<int>, pr: list<int>>>>

`visits` nests as the records do: a patient is a list of visits, at least one; a visit a list of Dx-objects; a Dx-object
has a diagnosis code and the codes of the medications and the procedures that it led to. The fields of the struct are
found by name too. Any width of integer will do, and any kind of list: list, large_list, list_view, fixed_size_list,
whatever its elements are called. Codes count from 0 and end at 2**31 - 1. Nothing is null: where there is nothing, `[]`
says so. The files of a folder are those named `*.parquet`, one cohort in the order of their names, and either all have
the same kind of `patient_id` or none has the column.
"""

from mime_tf.data.parquet.read import paths, read
from mime_tf.data.parquet.write import write

__all__ = ["paths", "read", "write"]
