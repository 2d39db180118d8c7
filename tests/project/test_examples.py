"""`examples/`: they run as docs/example_heart_failure.md starts them, and the yardsticks are right."""

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.ehr_exports import ExportRows
from support.whole_runs import environment

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.summary import RESULTS
from mime_tf.config import TrainConfig
from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.runs.record import Record
from mime_tf.splits import division

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SCRIPT, YARDSTICKS = EXAMPLES / "heart_failure.sh", EXAMPLES / "yardsticks.py"
TINY = ("--folds=2", "--batch_size=5", "--num_iter=4", "--eval_period=2", "--members=2")


def script(*argv, **variables):
    """Runs the script as a user would."""
    argv = ["sh", SCRIPT, *map(str, argv)]
    variables = environment() | {"PYTHON": sys.executable} | variables
    return subprocess.run(argv, capture_output=True, text=True, env=variables)


def yardsticks():
    """The module."""
    spec = importlib.util.spec_from_file_location("yardsticks", YARDSTICKS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# The script.


@pytest.fixture
def export(tmp_path):
    """60 patients with 24 visits each, every 200 days; 20 of them have the outcome at the 12th, and 555 before it."""
    visits = [(f"v{p:02}-{n:02}", f"p{p:02}", 12_000 + 3 * p + 200 * n) for p in range(60) for n in range(24)]
    sick = {f"p{p:02}" for p in range(0, 60, 3)}
    known = [(visit, "555" if patient in sick else "444") for visit, patient, _ in visits]
    outcome = [(visit, "88805009") for visit, patient, _ in visits if patient in sick and visit.endswith("-12")]
    orders = [(visit, "rx", "777", code) for visit, code in known]
    people = {f"p{p:02}": {"birth": 10 * p, "sex": "FM"[p % 2]} for p in range(60)}
    return ExportRows(visits, known + outcome, orders, people).write_synthea(tmp_path / "csv")


@pytest.mark.slow
def test_from_an_export_to_auc(export, tmp_path):
    output = tmp_path / "hf"
    done = script(export, output, "88805009", *TINY, DESIGNS="case_control")
    assert not done.returncode, done.stderr
    printed = (output / "results.txt").read_text()
    assert done.stdout.endswith(printed)
    for model, blend in (("mime", []), ("recipe", ["regression", "recurrent", "bilinear"])):
        run = json.loads((output / "runs" / "case_control" / f"{model}_run.json").read_text())
        assert run["mean"] and run["flags"]["folds"] == 2 and run["flags"]["blend"] == blend
        assert f"{output}/runs/case_control/{model}_  60 rows" in printed
    assert json.loads((output / "case_control" / "convert.json").read_text())["rules"]["design"] == "case_control"
    # A code that cases alone have ranks all of them before all others.
    counts = [line for line in printed.splitlines() if line.strip().startswith("regression, codes and pairs")]
    assert [line.split()[4] for line in counts] == ["1.000"] * 2


def test_each_design_is_converted_by_its_rules(export, tmp_path):
    """A flag that training refuses ends the script before it trains."""
    done = script(export, tmp_path / "hf", "88805009", "--num_iter=0", DESIGNS="case_control_540 cohort_5_years")
    assert done.returncode == 2 and "num_iter" in done.stderr
    rules = [
        json.loads((tmp_path / "hf" / name / "convert.json").read_text())["rules"]
        for name in ("case_control_540", "cohort_5_years")
    ]
    assert [each["design"] for each in rules] == ["case_control", "cohort"]
    assert (rules[0]["observation_days"], rules[1]["horizon_days"]) == (540, 1825)


def test_the_script_stops_where_something_is_wrong(tmp_path):
    done = script(tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: sh examples/heart_failure.sh EXPORT OUTPUT [OUTCOME [FLAG ...]]\n"
    done = script(tmp_path / "nowhere", tmp_path / "hf")
    assert done.returncode == 2
    assert f"{tmp_path}/nowhere: is not there" in done.stderr
    assert not (tmp_path / "hf" / "runs").exists()
    done = script(tmp_path, tmp_path / "hf", DESIGNS="nested")
    assert (done.returncode, done.stderr.startswith("DESIGNS: found nested; must be case_control_540, ")) == (2, True)


# The yardsticks.


@pytest.fixture
def output(tmp_path):
    """A finished run of two folds on 20 patients of one visit; 10 have label 1, diagnosis 1 and a higher age.

    The probability of the first of these is below those of all 10 of label 0, the others are above.
    """
    labels = [0, 1] * 10
    pickled.write(tmp_path / "cohort", [[[[label, [], []]]] for label in labels], labels)
    table = "".join(f"{60 + 20 * label},F\n" for label in labels)
    (tmp_path / "patients.csv").write_text(f"age,sex\n{table}")
    prefix = f"{tmp_path}/run/"
    Path(prefix).mkdir()
    Record.new(TrainConfig(folds=2), Cohort.open(tmp_path / "cohort"), prefix, f"{prefix}log.log").finish(
        dict.fromkeys(RESULTS, 0.5)
    )
    scores = [0.1 if row == 1 else 0.2 + 0.5 * label for row, label in enumerate(labels)]
    lines = "".join(f"{row},0,{label},{scores[row]},0\n" for row, label in enumerate(labels))
    Path(f"{prefix}out_of_fold.csv").write_text(f"row,fold,label,probability,empty\n{lines}")
    return prefix


def test_models_are_compared_on_the_same_patients(output):
    module = yardsticks()
    labels, comparison = module.compare(output, Bootstrap(50))
    assert labels.tolist() == [0, 1] * 10
    aucs = {name: means["auc"].value for name, means in comparison.means.items()}
    # 9 of the 10 of label 1 are above all of label 0, one below all. No code is in enough of the training patients.
    assert list(aucs) == ["MiME", "codes", "pairs", "boosting", "age_sex", "pairs_age_sex"]
    assert [aucs[name] for name in ("MiME", "pairs", "age_sex")] == pytest.approx([0.9, 0.5, 1.0])
    assert comparison.differences["pairs"]["auc"].value == pytest.approx(0.4)


def test_no_model_sees_the_patients_that_it_scores(output):
    """Label 1 is older in one fold and younger in the other: the rule of either fold is wrong in all of the other."""
    labels = [0, 1] * 10
    _, _, fold = division.fold(np.array(labels), 0, 2)
    ages = [80 if label == (row in fold) else 60 for row, label in enumerate(labels)]
    table = "".join(f"{age},F\n" for age in ages)
    (Path(output).parent / "patients.csv").write_text(f"age,sex\n{table}")
    _, comparison = yardsticks().compare(output, Bootstrap(2))
    assert comparison.means["age_sex"]["auc"].value == 0


def test_printed_lines(output):
    module = yardsticks()
    first, header, *rows, difference, with_ages = module.lines("run/", *module.compare(output, Bootstrap(50)))
    assert first == "run/  20 rows, 10 of label 1 (50.0%)"
    assert header.split() == ["AUC", "average", "precision"]
    assert rows[2].startswith("  regression, codes and pairs  ")
    assert rows[2].split()[4:7] == ["0.500", "[0.500,", "0.500]"]
    assert rows[4].split()[3:] == ["1.000", "[1.000,", "1.000]"] * 2
    assert difference.startswith("  MiME less regression, codes and pairs") and " 0.400 [" in difference
    assert with_ages.startswith("  MiME less regression, pairs, age and sex") and " -0.100 [" in with_ages


@pytest.mark.parametrize("change", [{"mean": None}, {"flags": {"folds": 0}}])
def test_a_run_must_be_finished_and_have_folds(change, output, capsys):
    path = Path(f"{output}run.json")
    record = json.loads(path.read_text())
    record["flags"] |= change.pop("flags", {})
    path.write_text(json.dumps(record | change))
    assert yardsticks().main([output]) == 2
    assert capsys.readouterr().err == f"yardsticks.py: {path}: must be of a finished run with folds\n"


# The families of Synthea's codes.


def test_families_of_synthea_are_a_table_of_parents():
    """Systems as convert names them, one family of a diagnosis or procedure, and the ingredients of a medication."""
    with open(EXAMPLES / "synthea_families.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pairs = [(row["code_system"], row["code"], row["ancestor_system"], row["ancestor"]) for row in rows]
    assert len(set(pairs)) == len(pairs) and all(map(all, pairs))
    assert {(system, level) for system, _, level, _ in pairs} == {
        ("SNOMED-CT", "body system"),
        ("SNOMED-CT", "kind of procedure"),
        ("RxNorm", "ingredient"),
    }
    snomed = [code for system, code, _, _ in pairs if system == "SNOMED-CT"]
    assert len(set(snomed)) == len(snomed) == 88 + 101
    assert len({code for system, code, _, _ in pairs if system == "RxNorm"}) == 81
    of_amlodipine = {row["code_name"] for row in rows if row["ancestor"] == "amlodipine"}
    assert len(of_amlodipine) == 3 and all("amlodipine" in name.lower() for name in of_amlodipine)
