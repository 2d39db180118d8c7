"""patients.csv beside a cohort."""

import pytest

from mime_tf.data import patient_table
from mime_tf.errors import InputError


def write(folder, text):
    (folder / "patients.csv").write_text(text, encoding="utf-8")
    return str(folder / "hf")


def test_columns_are_in_row_order(tmp_path):
    source = write(tmp_path, "patient_id,sex\np2,F\np1,M\n")
    assert patient_table.read(source, 2) == {"patient_id": ["p2", "p1"], "sex": ["F", "M"]}
    assert patient_table.column(source, 2, "sex") == ["F", "M"]


def test_a_parquet_folder_holds_its_own(tmp_path):
    write(tmp_path, "sex\nF\n")
    (tmp_path / "part.parquet").write_bytes(b"")
    assert patient_table.column(str(tmp_path), 1, "sex") == ["F"]


def test_none_where_there_is_none(tmp_path):
    source = str(tmp_path / "hf")
    assert patient_table.read(source, 2) is None
    with pytest.raises(InputError, match=r"patients\.csv: is not there; the column sex"):
        patient_table.column(source, 2, "sex")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no header"),
        ("sex,sex\nF,F\n", "a column twice"),
        ("sex,age\nF,3\nM\n", "line 3: 1 fields; one for each of the header's 2"),
        ("sex\nF\n", "1 rows; must be 2"),
        ("age\n3\n4\n", "no column sex; found age"),
        ('sex\n"F\0"\n', "patients.csv"),
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path, text, complaint):
    with pytest.raises(InputError, match=complaint):
        patient_table.column(write(tmp_path, text), 2, "sex")
