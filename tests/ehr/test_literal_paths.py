"""Names of folders and files in which an engine would read a pattern or a column are taken as they are, by DuckDB.

`test_spark.py` has the same of Spark.
"""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.convert_runs import OUTCOME, convert, export_rows

from mime_tf.ehr.engine import opened

# Each as a folder, beside one that the pattern means.
NAMES = {"x[1]": "x1", "x[!a]": "xb", "a*": "ab", "a?": "ab", "{a,b}": "a", "~": "home", "k=1": "k", "it's": "its"}


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        path.write_text("\n".join(["k", *(f'"{value}"' for value in values), ""]))
    else:
        pq.write_table(pa.table({"k": values}), path)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize(("name", "meant"), NAMES.items())
def test_a_path_is_literal(name, meant, ending, tmp_path, monkeypatch):
    """As a folder and as a file, from the working folder and from the root; also that of the scratch folder."""
    monkeypatch.chdir(tmp_path)
    for folder in (name, meant):
        write(tmp_path / folder / f"{folder}.{ending}", [f"of {folder}"])
    with opened(scratch=name) as engine:
        for number, path in enumerate((f"{name}/{name}.{ending}", f"{tmp_path}/{name}/{name}.{ending}")):
            is_csv = ending == "csv"
            table = engine.read_csv([path], 1, ",").rename(k="c0") if is_csv else engine.read_parquet([path])
            assert engine.arrow(engine.keep(table, f"t{number}")).to_pydict() == {"k": [f"of {name}"]}


def test_a_folder_of_parquet_is_literal(tmp_path):
    for folder in ("x[1]", "x1"):
        write(tmp_path / folder / "k=2.parquet", [folder])
    with opened() as engine:
        assert engine.arrow(engine.read_parquet([f"{tmp_path}/x[1]"])).to_pydict() == {"k": ["x[1]"]}


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text("[]!*?{}~a1=, '", min_size=1, max_size=6).filter(lambda name: name.strip() == name))
def test_any_name_is_literal(name, tmp_path):
    folder = tmp_path / "any"
    shutil.rmtree(folder, ignore_errors=True)
    write(folder / "a1" / "t.csv", ["another"])
    write(folder / name / "t.csv", ["right"])
    with opened() as engine:
        table = engine.read_csv([str(folder / name / "t.csv")], 1, ",")
        assert engine.arrow(table).to_pydict() == {"c0": ["right"]}


def test_convert_reads_the_export_that_it_is_given(tmp_path, capsys):
    """x1 has other patients than x[1]; one of its tables is a folder with a name that is a pattern's as well."""
    for name, patients in (("plain", 12), ("x[1]", 12), ("x1", 8)):
        (tmp_path / name).mkdir()
        export_rows(patients).write_synthea(tmp_path / name)
    export = tmp_path / "x[1]"
    parts = export / "medications"
    parts.mkdir()
    text = (export / "medications.csv").read_text()
    (export / "medications.csv").unlink()
    (parts / "part[0]=1.csv").write_text(text)
    (parts / "part0=1.csv").write_text(text.split("\n")[0] + "\n")  # without a row
    for source, folder in ((export, "c"), (tmp_path / "plain", "of plain")):
        status, _, err = convert(capsys, source, tmp_path / folder, *OUTCOME)
        assert status == 0, err
    assert (tmp_path / "c" / "cohort.seqs").read_bytes() == (tmp_path / "of plain" / "cohort.seqs").read_bytes()
