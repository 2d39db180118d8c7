"""Tests of mime_tf.data.patient_table: patients.csv beside a cohort."""

import builtins

import pytest

from mime_tf.data.patient_table import PatientTable
from mime_tf.errors import InputError


def read(folder, text, rows=2):
    path = folder / "patients.csv"
    path.write_text(text, encoding="utf-8")
    return PatientTable.read(str(path), rows, "hf.seqs")


def test_columns_are_in_row_order(tmp_path):
    table = read(tmp_path, "patient_id,sex\np2,F\np1,M\n")
    assert table.columns == {"patient_id": ["p2", "p1"], "sex": ["F", "M"]}
    assert table.column("sex") == ["F", "M"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no header"),
        ("\n3\n4\n", "no header"),
        ("sex,sex\nF,F\n", "a column twice"),
        ("sex,age\nF,3\nM\n", "line 3: 1 fields; one for each of the header's 2"),
        ("sex\nF\n", "1 rows; must be 2, one for each row of hf.seqs"),
        ("age\n3\n4\n", "no column sex; found age"),
        ('sex\n"F\0"\n', "patients.csv"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, complaint):
    with pytest.raises(InputError, match=complaint):
        read(tmp_path, text).column("sex")


def test_a_frame_has_a_row_for_each_row(tmp_path):
    frame = read(tmp_path, "patient_id,sex\np2,F\np1,M\n").to_frame()
    assert frame.to_dict("list") == {"patient_id": ["p2", "p1"], "sex": ["F", "M"]}


def test_without_pandas_a_frame_is_refused_in_one_line(tmp_path, monkeypatch):
    import_module = builtins.__import__

    def without_pandas(name, *arguments, **options):
        if name == "pandas":
            raise ImportError("No module named 'pandas'")
        return import_module(name, *arguments, **options)

    table = read(tmp_path, "sex\nF\nM\n")
    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(InputError, match=r"^to_frame needs pandas, and No module named 'pandas'; pip install pandas$"):
        table.to_frame()
