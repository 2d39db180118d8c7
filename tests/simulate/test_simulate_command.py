"""The command `simulate`: parameters, files, and errors."""

import contextlib
import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.simulated import columns

from mime_tf.__main__ import main
from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.simulate import files
from mime_tf.simulate.simulation import simulate

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("patients", 0, "a whole number from 1 to 10000000"),
        ("patients", 2.0, "a whole number from 1 "),
        ("patients", True, "a whole number from 1 "),
        ("seed", -1, "a whole number from 0 "),
        ("pair_effect", 1.01, "a number from 0 to 1"),
        ("pair_effect", -0.5, "a number from 0 to 1"),
        ("pair_effect", float("nan"), "a number from 0 to 1"),
        ("effect", float("inf"), "a number from 0 to 10"),
        ("prevalence", 0, "a number from 0.001 to 0.999"),
        ("prevalence", "0.2", "a number from 0.001 to 0.999"),
        ("mean_visits", 2.9, "a number from 3 to 100"),
        ("num_dx", 39, "a whole number from 40 to 10000"),
        ("num_rx", 19, "a whole number from 20 to 10000"),
        ("num_pr", "20", "a whole number from 20 to 10000"),
        ("unlinked", 1.5, "a number from 0 to 1"),
        ("mode", "sums", "one of additive, related, interaction, recency, recency_days, order, stopping"),
        ("informative_links", True, "False in mode additive"),
        ("finer_level", True, "False in mode additive"),
        ("renamed", 0.3, "left out in another mode than related"),
    ],
)
def test_bad_parameters(name, value, right):
    with pytest.raises(InputError) as caught:
        simulate(**{"patients": 10, name: value})
    assert f"{name}: found " in str(caught.value)
    assert f"must be {right}" in str(caught.value)


@pytest.mark.parametrize(
    ("mode", "name", "value", "right"),
    [
        ("related", "num_pr", 30, "0 in mode related"),
        ("related", "num_dx", 2001, "a whole number from 40 to 2000"),
        ("related", "informative_links", 1, "True or False"),
        ("related", "renamed", -0.1, "a number from 0 to 1"),
        ("recency", "finer_level", True, "False in mode recency"),
    ],
)
def test_bad_parameters_of_a_mode(mode, name, value, right):
    with pytest.raises(InputError, match=f"{name}: found {value}; must be {right}$"):
        simulate(10, mode=mode, **{name: value})


@pytest.mark.parametrize("mode", ["interaction", "recency", "recency_days", "order", "stopping"])
def test_a_mode_without_pairs_takes_no_share_of_them(mode):
    with pytest.raises(InputError, match=f"pair_effect: found 0.4; mode {mode} has no pairs, leave it at 0.5"):
        simulate(10, mode=mode, pair_effect=0.4)


def test_numpy_numbers_are_numbers():
    assert simulate(np.int64(5), np.uint8(3), pair_effect=np.float32(1), effect=1).truth()["parameters"]["seed"] == 3


# Files and the command.


def command(*argv):
    """Runs `mime-tf simulate ARGV` in this process; returns its exit status and the lines it wrote."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        code = main(["simulate", *map(str, argv)])
    return code, stdout.getvalue().splitlines(), stderr.getvalue().splitlines()


ARGV = ("--patients", 200, "--mean_visits", 4, "--num_dx", 60, "--num_pr", 40)
FILES = {"c.seqs", "c.labels", "c_truth.json", "c_truth.csv", "vocabulary.csv"}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_command_writes_cohort_and_truth(tmp_path):
    code, out, err = command(*ARGV, "--seed", 4, "--pair_effect", 1, "--output", tmp_path / "new" / "c")
    assert (code, err, len(out)) == (0, [], 5)
    folder = tmp_path / "new"
    assert set(contents(folder)) == FILES
    expected = simulate(200, 4, pair_effect=1.0, mean_visits=4, num_dx=60, num_pr=40)
    store, labels = pickled.read(folder / "c")
    assert columns(store) == columns(expected.store)
    assert labels.tolist() == expected.labels.tolist()
    assert json.loads((folder / "c_truth.json").read_text()) == json.loads(json.dumps(expected.truth()))
    with open(folder / "c_truth.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("row", "label", "risk", "pair_score", "code_score"),
        *("risk_with_links", "risk_without_links"),
    ]
    assert [int(row["row"]) for row in rows] == list(range(200))
    assert [int(row["label"]) for row in rows] == labels.tolist()
    truth = {
        "risk": expected.risk,
        "pair_score": expected.origin.scores["pair"],
        "code_score": expected.origin.scores["code"],
        "risk_with_links": expected.risk_with_links,
        "risk_without_links": expected.risk_without_links,
    }
    for name in list(rows[0])[2:]:
        np.testing.assert_allclose([float(row[name]) for row in rows], truth[name], rtol=1e-8, atol=1e-12)


def test_the_vocabulary_names_every_code(tmp_path):
    command(*ARGV, "--output", tmp_path / "c")
    vocabulary = Vocabulary.read(str(tmp_path / "vocabulary.csv"))
    assert len(vocabulary.rows) == 60 + 99 + 40
    assert {row["system"] for row in vocabulary.rows} == {"simulated"}
    (pair, *_) = json.loads((tmp_path / "c_truth.json").read_text())["pairs"]
    for dx, order in pair["links_of_risk"]:
        assert vocabulary.by_index["dx", dx]["display"] == f"chronic diagnosis {dx} (pair A)"
        assert vocabulary.by_index["rx", order]["display"] == f"medication {order} (pair A)"
        assert vocabulary.by_index["rx", order]["code"] == f"RX{order}"


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for folder in ("one", "other"):
        assert command(*ARGV, "--output", tmp_path / folder / "c")[0] == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "other")


def test_parquet(tmp_path):
    parquet = pytest.importorskip("mime_tf.data.parquet")
    code, out, _ = command(*ARGV, "--output", tmp_path / "c.parquet")
    assert code == 0
    assert set(contents(tmp_path)) == {"c.parquet", "c_truth.json", "c_truth.csv", "vocabulary.csv"}
    assert str(tmp_path / "c.parquet") in out[-1]
    expected = simulate(200, mean_visits=4, num_dx=60, num_pr=40)
    store, labels, *_ = parquet.read(tmp_path / "c.parquet")
    assert columns(store) == columns(expected.store)
    assert np.asarray(labels).tolist() == expected.labels.tolist()


def check_refused(folder, *argv, says):
    before = contents(folder)
    code, out, err = command(*argv)
    assert (code, out, len(err)) == (2, [], 1)
    assert says in err[0]
    assert contents(folder) == before


@pytest.mark.parametrize("name", sorted(FILES - {"vocabulary.csv"}))
def test_files_are_not_replaced_unasked(tmp_path, name):
    (tmp_path / name).write_text("mine")
    check_refused(tmp_path, *ARGV, "--output", tmp_path / "c", says=f"{name}: exists; --overwrite")
    assert command(*ARGV, "--output", tmp_path / "c", "--overwrite")[0] == 0
    assert set(contents(tmp_path)) == FILES
    assert contents(tmp_path)[name] != b"mine"


def test_a_vocabulary_is_not_replaced_by_another(tmp_path):
    assert command(*ARGV, "--output", tmp_path / "c")[0] == 0
    assert command(*ARGV, "--output", tmp_path / "d", "--pair_effect", 1)[0] == 0  # the same codes
    argv = (*ARGV, "--output", tmp_path / "e", "--seed", 1)
    check_refused(tmp_path, *argv, says="vocabulary.csv: names other codes")
    assert command(*argv, "--overwrite")[0] == 0


def test_bad_arguments_write_nothing(tmp_path):
    check_refused(tmp_path, *ARGV, "--output", tmp_path / "c", "--pair_effect", 2, says="pair_effect: found 2.0; must")
    check_refused(tmp_path, *ARGV, "--output", f"{tmp_path}/", says="output: found")
    (tmp_path / "file").write_text("")
    check_refused(tmp_path, *ARGV, "--output", tmp_path / "file" / "c", says="file")
    with pytest.raises(InputError):
        files.write(simulate(1), tmp_path / ".parquet")


RELATED = ("--patients", 200, "--mode", "related", "--num_dx", 40, "--num_rx", 20)


def read_table(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_related_codes_have_a_hierarchy(tmp_path):
    code, out, err = command(*RELATED, "--output", tmp_path / "c")
    assert (code, err) == (0, [])
    assert set(contents(tmp_path)) == FILES | {"hierarchy.csv"}
    assert str(tmp_path / "hierarchy.csv") in out[-1]
    assert "unknown of what they show without links" in out[-2]
    truth = json.loads((tmp_path / "c_truth.json").read_text())
    assert (truth["parameters"]["mode"], truth["parameters"]["num_dx"]) == ("related", 40)
    assert truth["bayes_auc_without_links"] is None
    columns = ["row", "label", "risk", "pair_score", "code_score", "risk_with_links"]
    assert list(read_table(tmp_path / "c_truth.csv")[0]) == columns
    rows = read_table(tmp_path / "hierarchy.csv")
    assert list(rows[0]) == ["kind", "system", "code", "ancestor_system", "ancestor", "ancestor_class", "level", "name"]
    assert {row["ancestor_system"] for row in rows} == {"family"}
    families = truth["families"]
    assert [(row["code"], row["ancestor"], row["level"]) for row in rows] == [
        (f"{kind.upper()}{code}", f"{kind.upper()}-F{family}", "1")
        for kind in ("dx", "rx")
        for code, family in enumerate(families[kind])
    ]
    names = {(row["kind"], row["system"], row["code"]) for row in Vocabulary.read(tmp_path / "vocabulary.csv").rows}
    assert {(row["kind"], row["system"], row["code"]) for row in rows} == names


def test_a_finer_level_lies_within_families_and_changes_nothing_else(tmp_path):
    command(*RELATED, "--output", tmp_path / "one" / "c")
    command(*RELATED, "--finer_level", "--output", tmp_path / "other" / "c")
    one, other = contents(tmp_path / "one"), contents(tmp_path / "other")
    assert {name for name in one if one[name] != other[name]} == {"hierarchy.csv", "c_truth.json"}
    rows = read_table(tmp_path / "other" / "hierarchy.csv")
    families = {(row["kind"], row["code"]): row["ancestor"] for row in rows if row["level"] == "2"}
    plain = {(row["kind"], row["code"]): row["ancestor"] for row in read_table(tmp_path / "one" / "hierarchy.csv")}
    assert families == plain
    groups = {}
    for row in rows:
        if row["level"] == "1":
            groups.setdefault(row["ancestor"], []).append((row["kind"], row["code"]))
    assert sum(map(len, groups.values())) == len(families) == 60
    for members in groups.values():
        assert len({families[member] for member in members}) == 1
        assert 3 <= len(members) <= 5


def test_later_patients_have_new_names_for_some_codes(tmp_path):
    """Of 60 diagnoses and 20 medications three in ten, in the last fifth of 40 patients; families stay."""
    argv = ("--mode", "related", "--patients", 40, "--mean_visits", 4, "--num_dx", 60, "--num_rx", 20)
    for share in (0, 0.3):
        code, out, _ = command(*argv, "--renamed", share, "--output", tmp_path / str(share) / "c")
        assert code == 0 and str(tmp_path / str(share) / "c_later.seqs") in out[-1]
    whole = simulate(40, mode="related", mean_visits=4, num_dx=60, num_rx=20)
    folder = tmp_path / "0.3"
    for name, rows in (("c", range(32)), ("c_later", range(32, 40))):
        store, labels = pickled.read(tmp_path / "0" / name)
        assert columns(store) == columns(whole.store.select(list(rows)))
        assert labels.tolist() == whole.labels[rows].tolist() == pickled.read(folder / name)[1].tolist()
    assert columns(pickled.read(folder / "c")[0]) == columns(whole.store.select(range(32)))
    names = {(row["kind"], int(row["index"])): row["code"] for row in read_table(folder / "vocabulary.csv")}
    families = {(row["kind"], row["code"]): row["ancestor"] for row in read_table(folder / "hierarchy.csv")}
    assert len(names) == len(families) == 60 + 18 + 20 + 6
    old, new = whole.store.select(range(32, 40)), pickled.read(folder / "c_later")[0]
    renamed = {kind: set() for kind in ("dx", "rx")}
    for kind, of_kind in renamed.items():
        for before, after in zip(getattr(old, kind).tolist(), getattr(new, kind).tolist(), strict=True):
            assert names[kind, after] in (names[kind, before], f"{names[kind, before]}-new")
            assert families[kind, names[kind, after]] == families[kind, names[kind, before]]
            of_kind |= {before} if after != before else set()
        assert of_kind and of_kind.isdisjoint(getattr(new, kind).tolist())


def test_a_hierarchy_is_not_replaced_by_another(tmp_path):
    assert command(*RELATED, "--output", tmp_path / "c")[0] == 0
    assert command(*RELATED, "--output", tmp_path / "d", "--pair_effect", 1)[0] == 0  # the same families
    check_refused(tmp_path, *RELATED, "--output", tmp_path / "e", "--finer_level", says="hierarchy.csv: exists")
    # Families of other codes are not left beside a cohort without any.
    check_refused(tmp_path, *ARGV, "--output", tmp_path / "e", "--overwrite", says="hierarchy.csv: is of other codes")
    assert command(*RELATED, "--output", tmp_path / "e", "--finer_level", "--overwrite")[0] == 0


def test_unlinked_orders_have_a_diagnosis_that_says_so(tmp_path):
    code, out, _ = command(*ARGV, "--unlinked", 0.5, "--output", tmp_path / "c")
    assert code == 0
    lost = json.loads((tmp_path / "c_truth.json").read_text())["unlinked_orders"]
    store, _ = pickled.read(tmp_path / "c")
    assert f"unlinked: {lost:,} of {len(store.rx) + len(store.pr):,} orders" in out
    reserved = Vocabulary.read(tmp_path / "vocabulary.csv").by_index["dx", 60]
    assert (reserved["system"], reserved["code"], reserved["display"]) == ("mime_tf", "no-reason", "no reason given")


def run(*argv, cwd):
    argv = [sys.executable, "-m", "mime_tf", "simulate", *map(str, argv)]
    return subprocess.run(argv, cwd=cwd, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


def test_the_command_as_a_process(tmp_path):
    done = run("--patients", 50, "--output", "c", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert set(contents(tmp_path)) == FILES
    assert done.stdout.startswith("patients: 50, with ")
    assert "Bayes AUC: 0." in done.stdout
    done = run("--patients", 50, "--output", "c", cwd=tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)


def test_days_are_a_table_beside_the_cohort(tmp_path):
    dated = (*ARGV, "--mode", "recency_days")
    code, out, _ = command(*dated, "--output", tmp_path / "c")
    assert code == 0 and set(contents(tmp_path)) == FILES | {"visits.csv"}
    assert str(tmp_path / "visits.csv") in out[-1]
    expected = simulate(200, mode="recency_days", mean_visits=4, num_dx=60, num_pr=40)
    assert Cohort.open(str(tmp_path / "c")).visit_days.tolist() == expected.store.days.tolist()
    check_refused(tmp_path, *dated, "--output", tmp_path / "other", says="visits.csv: exists")
    check_refused(tmp_path, *ARGV, "--output", tmp_path / "other", says="visits.csv: is of other visits")
    assert command(*dated, "--seed", 5, "--output", tmp_path / "c", "--overwrite")[0] == 0


def test_help_teaches(tmp_path):
    done = run("--help", cwd=tmp_path)
    assert done.returncode == 0
    parts = (
        "example:",
        "mime-tf simulate --patients",
        "--pair_effect",
        "--overwrite",
        "0.5",
        "related 200)",
        "recency",
    )
    for part in parts:
        assert part in done.stdout


def test_no_framework_is_loaded():
    code = "import mime_tf.simulate.files, sys; print({'tensorflow', 'keras'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
