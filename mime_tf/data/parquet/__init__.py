"""A cohort as one Parquet file, or as a folder of them, read and written through Arrow.

A row is a patient. The columns are found by name, in any order, and others are left alone:

    patient_id  a string or any integer; optional. It may repeat: a patient may have several rows
    label       0 or 1, as a boolean, an integer or a float; or a list of such outcomes, at least two, and as many in
                every row
    visits      list<list<struct<dx: int, rx: list<int>, pr: list<int>>>>

`visits` nests as the pickled records do: a patient is a list of visits, at least one; a visit a list of Dx-objects; a
Dx-object has a diagnosis code and the codes of the medications and the procedures that it led to. The fields of the
struct are found by name too. Any width of integer is right, and any kind of list (list, large_list, list_view,
fixed_size_list) with any name of its elements. Codes count from 0 and end at 2**31 - 1. Nothing is null; a list without
items is `[]`. The files of a folder are those named `*.parquet`, in it or in its partitions (`year=2011/`), one cohort
in the order of their names, and either all have the same kind of `patient_id` or none has the column.
"""

from mime_tf.data.parquet.reader import count, has_labels, paths, read, read_parts
from mime_tf.data.parquet.writer import write

__all__ = ["count", "has_labels", "paths", "read", "read_parts", "write"]
