"""Spark writes the bytes that DuckDB writes. Needs Java 17 or 21 and pyspark; all tests share one local Spark."""

import gzip
import importlib.util
import json
import pathlib
import shutil
from unittest import mock

import pytest
from support.ehr_exports import ExportRows

from mime_tf import __main__
from mime_tf.ehr import engine
from mime_tf.ehr.sources.omop import reasons
from mime_tf.errors import InputError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None, reason="no Java: Spark needs Java 17 or 21"),
    pytest.mark.skipif(importlib.util.find_spec("pyspark") is None, reason="no pyspark: see requirements-spark.txt"),
]

OMOP = pathlib.Path(__file__).resolve().parents[2] / "testdata" / "omop"
FILES = (
    "cohort.seqs",
    "cohort.labels",
    "cohort.parquet",
    "vocabulary.csv",
    "hierarchy.csv",
    "patients.csv",
    "visits.csv",
    "linkage.json",
)


@pytest.fixture(scope="module")
def spark():
    """One engine for all commands, which would each start and stop a Spark of their own.

    The session is made first, with few partitions; the engine then takes it as it is.
    """
    from pyspark.sql import SparkSession

    settings = {"spark.sql.shuffle.partitions": "2", "spark.ui.enabled": "false", "spark.driver.memory": "1g"}
    # Most methods run too seldom for the second compiler to pay off: without it a conversion takes about half the time.
    settings["spark.driver.extraJavaOptions"] = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    builder = SparkSession.builder.master("local[2]")
    for key, value in settings.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    with mock.patch.object(session, "stop"):
        yield
    session.stop()


def rows():
    """Some patients with ties, repeats, quotes, names beyond ASCII, and orders of all kinds of reasons."""
    patients = ["Åsa", "b", "a-1", "a", "Z", "é"]
    visits = [(f"{patient}{n}", patient, day) for patient in patients for n, day in enumerate((0, 0, 30.25, 60, 900))]
    diagnoses = [(f"{p}0", code) for p in patients for code in ("A", "A", "b", "Ä")] + [
        (f"{p}3", "HF") for p in patients[::2]
    ]
    orders = [(f"{p}2", "rx", code, reason) for p in patients for code in "XXY" for reason in ("A", "", "new")]
    orders += [(f"{p}{n}", "pr", "P", "b", 31) for p in patients for n in range(4)]
    names = {("dx", "A"): 'An "old", long\nname', ("dx", "HF"): "Herzschwäche", ("rx", "X"): "Ünol"}
    attributes = {p: {"birth": -20_000 + n, "sex": "FM"[n // 2 % 2], "death": 5000} for n, p in enumerate(patients)}
    return ExportRows(visits, diagnoses, orders, attributes, names)


ODD = {
    "patients": ["open,1900-01-01,9999-12-31,F"],
    "encounters": ["open0,1970-01-02T24:00:00 -0700,open", "open1,2099-12-31,open"],
    "conditions": [
        "1970-01-05,,b,a0,A,",
        "1970-01-05,,b,a0,other,",
        "9999-12-31,,a,a0,NULL,",
        "NULL,,open,open0,NA,",
        "1970-01-05T00:00:00.1234567890123+0530,,a,a0,160245001,",
    ],
    "medications": ["NULL,,b,a0,X,,A,", "NA,,a,a0,X,NaN,160245001,"],
}


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """The rows, and events of another patient, codes that are none and times that are none.

    Its path, and that of a table in it, are also patterns; the folder that the pattern means has no visit. Beside the
    table's file lies a hidden one.
    """
    base = tmp_path_factory.mktemp("export")
    folder = rows().write_synthea(base / "x{1}[2]")
    for name, lines in ODD.items():
        with open(folder / f"{name}.csv", "a", encoding="utf-8", newline="") as file:
            file.writelines(f"{line}\r\n" for line in lines)
    shutil.copytree(folder, base / "x12")
    (base / "x12" / "encounters.csv").write_text("Id,START,PATIENT\n")
    (folder / "medications").mkdir()
    shutil.copy(folder / "medications.csv", folder / "medications" / "_part.csv")
    (folder / "medications.csv").rename(folder / "medications" / "part[0].csv")
    return folder


def convert(export, folder, *flags):
    arguments = ["convert", "--source", "synthea", "--input", str(export), "--output", str(folder)]
    return __main__.main([*arguments, *flags])


@pytest.mark.parametrize(
    "flags",
    [
        ["--outcome", "HF", "--prediction_at", "every"],
        [
            "--outcome",
            "regex:^H",
            "--design",
            "case_control",
            "--controls",
            "1",
            "--match_age_years",
            "90",
            "--unlinked",
            "null",
            "--groups",
        ],
        [
            *("--unlinked", "infer", "--infer_share", "0"),
            *("--roll_up", "dx=family,rx=class", "--roll_up_missing", "drop", "--hierarchy"),
        ],
    ],
    ids=["cohort", "case_control, null, groups", "infer, roll_up"],
)
def test_spark_and_duckdb_write_the_same_bytes(spark, flags, export, tmp_path, capsys):
    if flags[-1] == "--groups":
        (tmp_path / "groups.csv").write_text("code,group,kind\nA,letters,dx\nb,letters,dx\nX,drug,rx\n")
        flags = [*flags, str(tmp_path / "groups.csv")]
    if flags[-1] == "--hierarchy":
        relations = ["SNOMED-CT,A,family,letters", "SNOMED-CT,b,family,letters", "family,letters,top,all"]
        relations += ["RxNorm,X,class,drug"]
        (tmp_path / "h.csv").write_text("\n".join(["code_system,code,ancestor_system,ancestor", *relations]))
        flags = [*flags, str(tmp_path / "h.csv")]
    for name, engine_flags in (("duckdb", []), ("spark", ["--engine", "spark", "--master", "local[2]"])):
        assert convert(export, tmp_path / name, *flags, *engine_flags) == 0
        # Spark would pass over it without a word.
        assert "note: not read: _part.csv (hidden file)" in capsys.readouterr().err
    for name in FILES:
        duckdb_file, spark_file = tmp_path / "duckdb" / name, tmp_path / "spark" / name
        assert duckdb_file.exists() == spark_file.exists(), name
        assert not duckdb_file.exists() or duckdb_file.read_bytes() == spark_file.read_bytes(), name
    assert (tmp_path / "spark" / "cohort.seqs").stat().st_size > 100
    linkage = json.loads((tmp_path / "spark" / "linkage.json").read_text())
    assert sum(linkage["left_out"].values()) == 10 and len(linkage["left_out"]) == 9
    assert linkage["kept"] == {"diagnoses of the code NA, which may be a word for a missing value": 1}


def test_spark_finds_the_ancestors_of_omop(spark, tmp_path):
    """Hypertension is below a class, and that below another: two steps through concept_ancestor."""
    export = shutil.copytree(OMOP, tmp_path / "omop")
    with open(export / "concept.csv", "a") as file:
        file.write("90,Vascular disease,Condition,SNOMED,Disorder,S,27550009\n")
    (export / "concept_ancestor.csv").write_text(
        "descendant_concept_id,ancestor_concept_id,min_levels_of_separation\n320128,90,1\n90,91,2\n7,91,1\n"
    )
    for name, flags in (("duckdb", []), ("spark", ["--engine", "spark", "--master", "local[2]"])):
        arguments = ["convert", "--source", "omop", "--input", str(export), "--output", str(tmp_path / name)]
        assert __main__.main([*arguments, *flags]) == 0
    found = [(tmp_path / name / "hierarchy.csv").read_bytes() for name in ("duckdb", "spark")]
    assert found[0] == found[1] and b"27550009,Disorder,1," in found[0] and b"OMOP,91,,3," in found[0]


def test_spark_says_which_file_it_would_leave_out(spark, tmp_path):
    """A file that the user names himself, as one of links, is not passed over."""
    path = tmp_path / "_links.csv"
    path.write_text("kind,order_id,condition_occurrence_id\nrx,1,2\n")
    with engine.opened("spark", "local[2]") as cluster, pytest.raises(InputError) as caught:
        reasons.of_file(cluster, path, None)
    assert str(caught.value) == f"{path}: Spark leaves out files with such a name; it must not begin with _ or ."


def ragged(folder):
    with open(folder / "conditions.csv", "a") as file:
        file.write("1970-01-01,too few\n")
    return "conditions.csv"


def cut_off(folder):
    packed = gzip.compress((folder / "procedures.csv").read_bytes())
    (folder / "procedures.csv").unlink()
    (folder / "procedures.csv.gz").write_bytes(packed[: len(packed) // 2])
    return "procedures.csv.gz"


def no_time(folder):
    text = (folder / "encounters.csv").read_text()
    (folder / "encounters.csv").write_text(text.replace("1970-01-01", "1970-13-01", 1))
    return "encounters.csv: line 2: START: found '1970-13-01T00:00:00Z'"


def twice(folder):
    text = (folder / "encounters.csv").read_text()
    again = text.splitlines()[1].replace("1970-01-01T00", "1970-01-01T01", 1)
    (folder / "encounters.csv").write_text(f"{text}{again}\n")
    return f"encounters.csv: lines 2 and {len(text.splitlines()) + 1}: visit 'Åsa0' occurs 2 times; must occur once"


@pytest.mark.parametrize("damage", [ragged, cut_off, no_time, twice])
def test_spark_refuses_what_duckdb_refuses_with_the_same_line(spark, damage, export, tmp_path, capsys):
    bad = tmp_path / "bad"
    shutil.copytree(export, bad)
    where = damage(bad)
    errors = []
    for flags in ([], ["--engine", "spark", "--master", "local[2]"]):
        assert convert(bad, tmp_path / "c", *flags) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert not (tmp_path / "c").exists()
        errors += [line for line in err.splitlines() if line.startswith("mime-tf: ")]
    assert len(errors) == 2
    assert errors[0] == errors[1]
    assert where in errors[0]


def test_a_spark_that_does_not_start_is_one_line():
    start = mock.patch("pyspark.sql.SparkSession.Builder.getOrCreate", side_effect=RuntimeError("no\nJava"))
    with start, pytest.raises(InputError) as caught, engine.opened("spark", "local[1]"):
        pass
    message = "engine: Spark did not start; it needs Java 17 or 21 (JAVA_HOME) and a master: no"
    assert str(caught.value) == message
