"""Cross-validation by folds, and rows of one patient that stay on one side of every split."""

import dataclasses
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold
from support.killing import Killer
from support.whole_runs import COHORT, MEAN, SMALL, TRAIN, arguments, check_same, command, environment, read_table, run

from mime_tf.__main__ import main
from mime_tf.config import TrainConfig
from mime_tf.data import parquet, pickled
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring import prediction
from mime_tf.splits import division
from mime_tf.splits.groups import digest, group_numbers, repeats
from mime_tf.splits.split import eligible, make_split

FOLDS = dataclasses.replace(SMALL, split_seeds=TrainConfig.split_seeds, folds=3, tensorboard=False)
SHORT = dataclasses.replace(SMALL, split_seeds=(4,), num_iter=3, tensorboard=False)


def sorted_union(parts):
    return sorted(np.concatenate(parts).tolist())


# How positions are divided.


@settings(max_examples=40)
@given(st.lists(st.integers(0, 1), min_size=20, max_size=60), st.integers(2, 5))
def test_every_patient_is_test_in_one_fold(labels, folds):
    labels = np.array([0] * 10 + [1] * 10 + labels)
    drawn = [division.divide(labels, number, folds=folds, valid_fraction=0.3) for number in range(folds)]
    everyone = list(range(len(labels)))
    assert sorted_union([test for _, _, test in drawn]) == everyone
    for parts in drawn:
        assert sorted_union(parts) == everyone
        # As scikit-learn rounds: up.
        assert len(parts[1]) == int(np.ceil(round(0.3 * len(labels), 9)))
    ones = [labels[test].sum() for _, _, test in drawn]
    assert max(ones) - min(ones) <= 1
    for train, valid, test in drawn:
        left = len(train) + len(valid)
        assert abs(labels[valid].sum() - (labels.sum() - labels[test].sum()) * len(valid) / left) <= 1


def test_the_folds_are_those_of_scikit_learn():
    labels = np.arange(50) % 5 // 4
    expected = [test for _, test in StratifiedKFold(4, shuffle=True, random_state=0).split(labels, labels)]
    for number, test in enumerate(expected):
        assert division.divide(labels, number, folds=4)[2].tolist() == test.tolist()


@settings(max_examples=60)
@given(st.lists(st.integers(0, 14), min_size=40, max_size=80), st.integers(0, 9), st.sampled_from([0, 3]), st.data())
def test_groups_stay_whole(groups, number, folds, data):
    groups = np.array([*range(15), *groups])
    # A label that is the group's, or its rows' own.
    labels = data.draw(st.sampled_from([groups % 2, (groups % 2) * (np.arange(len(groups)) % 2 == 0) | (groups < 6)]))
    options = {"folds": folds, "groups": groups, "train_ratio": 0.7, "valid_fraction": 0.3}
    parts = division.divide(labels, number % 3 if folds else number, **options)
    of_parts = [set(groups[part].tolist()) for part in parts]
    assert not (of_parts[0] & of_parts[1] or of_parts[0] & of_parts[2] or of_parts[1] & of_parts[2])
    # Of 15 groups: 5 in a fold, 4.5 (rounded up) in valid, 5 left; or 10.5 (up) held, 4 / 7 of them (up) in test, 4
    # left. Of the others 0.7, rounded down.
    assert [len(held) for held in of_parts] == ([3, 5, 5] if folds else [2, 4, 7])
    for part, held in zip(parts, of_parts, strict=True):
        # A group comes with all its rows, one after the other, in input order.
        assert sorted(part.tolist()) == np.flatnonzero(np.isin(groups, list(held))).tolist()
        for group in held:
            positions = np.flatnonzero(groups[part] == group)
            assert np.diff(positions).tolist() == [1] * (len(positions) - 1)
            assert (np.diff(part[positions]) > 0).all()


@pytest.mark.parametrize("folds", [0, 4])
def test_groups_of_one_row_are_divided_as_rows_are(folds):
    labels = np.arange(40) % 2
    names = np.array([f"p{100 - row}" for row in range(40)])
    for number in range(4):
        alone = division.divide(labels, number, folds=folds, train_ratio=0.8)
        grouped = division.divide(labels, number, folds=folds, train_ratio=0.8, groups=names)
        for part, other in zip(alone, grouped, strict=True):
            assert part.tolist() == other.tolist()


def test_a_group_with_a_one_counts_as_one_where_folds_are_stratified():
    # Groups of two rows; of each of the first four one row is 1, the first or the second. Rows alone would allow four
    # folds of one each.
    groups = np.repeat(np.arange(8), 2)
    labels = ((groups < 4) & (np.arange(16) % 2 == groups % 2)).astype(int)
    for number in range(4):
        _, _, test = division.divide(labels, number, folds=4, valid_fraction=0.4, groups=groups)
        assert labels[test].sum() == 1
        assert len(test) == 4


def test_too_few_of_a_label_for_the_folds():
    labels = np.array([0] * 20 + [1] * 3)
    with pytest.raises(InputError, match=r"^folds: found 4; label 1 has 3 patients, and every fold needs one of them$"):
        division.divide(labels, 0, folds=4)
    with pytest.raises(InputError, match=r"outside fold 1 cannot be divided into train and valid"):
        division.divide(np.array([0, 0, 1, 1]), 1, folds=2, valid_fraction=0.45)


def test_a_split_by_folds_is_sorted_and_knows_the_codes_of_training():
    store = pickled.from_lists([[[[row % 7, [], []]]] * (1 + row % 3) for row in range(30)])
    labels, rows = np.arange(30) % 2, np.arange(2, 30)
    split = make_split(store, labels, rows, 1, folds=3, valid_fraction=0.3)
    parts = (split.train, split.valid, split.test)
    assert sorted_union([part.rows for part in parts]) == rows.tolist()
    for part in parts:
        assert (np.diff(store.visit_counts[part.rows]) >= 0).all()
        assert part.labels.tolist() == labels[part.rows].tolist()
    assert set(np.flatnonzero(split.known["dx"]).tolist()) == {row % 7 for row in split.train.rows}


# Which rows are of one patient.


def some_cohort(folder, patient_ids=None, rows=4):
    store = pickled.from_lists([[[[0, [], []]]]] * rows)
    if patient_ids is None:
        pickled.write(folder / "hf", pickled.to_lists(store), [0, 1] * (rows // 2))
        return Cohort.open(folder / "hf")
    parquet.write(folder / "hf.parquet", store, np.array([0, 1] * (rows // 2)), np.array(patient_ids, object))
    return Cohort.open(folder / "hf.parquet")


def test_groups_by_the_ids_of_parquet(tmp_path):
    cohort = some_cohort(tmp_path, ["b", "a", "b", "c"])
    assert group_numbers(cohort, "patient_id").tolist() == [0, 1, 0, 2]
    assert group_numbers(cohort, "") is None


def test_groups_by_a_column_of_patients_csv(tmp_path):
    (tmp_path / "patients.csv").write_text("patient_id,site\n7,x\n7,y\n3,x\n7,x\n")
    for cohort in (some_cohort(tmp_path), some_cohort(tmp_path, ["a", "b", "c", "d"])):
        assert group_numbers(cohort, "site").tolist() == [0, 1, 0, 0]
    assert group_numbers(some_cohort(tmp_path), "patient_id").tolist() == [0, 0, 1, 0]
    # Its own ids are those of a Parquet cohort.
    assert group_numbers(some_cohort(tmp_path, ["a", "b", "c", "d"]), "patient_id").tolist() == [0, 1, 2, 3]


def test_bad_group_columns(tmp_path):
    with pytest.raises(InputError, match=r"patients\.csv: is not there; the column site is looked for in it"):
        group_numbers(some_cohort(tmp_path), "site")
    (tmp_path / "patients.csv").write_text("patient_id,sex\n7,x\n7,y\n , x\n7,x\n")
    cohort = some_cohort(tmp_path)
    with pytest.raises(InputError, match=r"patients\.csv: no column site; found patient_id, sex"):
        group_numbers(cohort, "site")
    with pytest.raises(InputError, match=r"patients\.csv: row 2, column patient_id: found nothing; a group_column has"):
        group_numbers(cohort, "patient_id")
    with pytest.raises(InputError, match=r"group_column: found site; a cohort that was not read from a file has no"):
        group_numbers(Cohort(cohort.store, cohort.labels), "site")


def test_patients_with_several_rows_are_noticed(tmp_path):
    # Pickles have no ids; a patients.csv beside them may. A damaged one concerns those alone who ask for a column.
    assert not repeats(some_cohort(tmp_path), np.arange(4))
    stored = some_cohort(tmp_path, ["a", "b", "b", "c"])
    assert repeats(stored, np.arange(4)) and not repeats(stored, np.array([0, 1, 3]))
    (tmp_path / "patients.csv").write_text("patient_id\n7\n7\n3\n5\n")
    cohort = some_cohort(tmp_path)
    assert repeats(cohort, np.arange(4)) and not repeats(cohort, np.array([1, 2, 3]))
    (tmp_path / "patients.csv").write_text("patient_id\n7\n7\n")
    assert not repeats(some_cohort(tmp_path), np.arange(4))


def test_a_digest_is_of_the_grouping_and_not_of_its_names():
    assert digest(np.array([0, 1, 0])) == digest(np.array([9, 4, 9])) != digest(np.array([0, 1, 1]))


# Flags.


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"folds": 1}, "folds: found 1; must be 0, or from 2 to 10000"),
        ({"folds": -1}, "folds: found -1; must be 0, or from 2 to 10000"),
        ({"folds": 3, "split_seeds": (0,)}, "split_seeds, folds: found (0,), 3; must be without split_seeds"),
        ({"folds": 3, "test_fraction": 0.3}, "test_fraction, folds: found 0.3, 3; must be without test_fraction"),
        ({"folds": 2, "valid_fraction": 0.5}, "folds, valid_fraction: found 2, 0.5; must be a valid_fraction of less"),
        ({"folds": 3, "eval_drop_remainder": True}, "folds, eval_drop_remainder: found 3, True; must be folds alone"),
    ],
)
def test_flags_that_do_not_go_together(flags, message):
    with pytest.raises(InputError) as error:
        TrainConfig(**flags)
    assert str(error.value).startswith(message)


# Whole runs.


@pytest.fixture(scope="module")
def cross_validated(tmp_path_factory):
    """The folder of a run of FOLDS, and its output."""
    folder = tmp_path_factory.mktemp("folds")
    return folder, run(FOLDS, folder)


def test_a_run_of_folds(cross_validated):
    folder, done = cross_validated
    assert {path.name for path in folder.iterdir()} == {
        "r0s0",
        "r0s1",
        "r0s2",
        "run.json",
        "log.log",
        "out_of_fold.csv",
    }
    assert MEAN.fullmatch(done.out[-1])
    assert len(done.out) == 3 * (3 + 1) + 1
    rows = read_table(folder / "out_of_fold.csv")
    store, labels = pickled.read(COHORT)
    assert list(rows[0]) == ["row", "fold", "label", "probability", "empty"]
    assert [int(row["row"]) for row in rows] == eligible(store).tolist()
    assert [int(row["label"]) for row in rows] == labels[eligible(store)].tolist()
    for fold in range(3):
        tested = [{**row, "fold": str(fold)} for row in read_table(folder / f"r0s{fold}" / "predictions_test.csv")]
        assert [row for row in rows if row["fold"] == str(fold)] == tested


@pytest.mark.parametrize("fold", [0, 2])
def test_a_fold_is_divided_again(cross_validated, fold):
    model, read = FittedSplit.open(cross_validated[0] / f"r0s{fold}"), Cohort.open(COHORT)
    for name in ("valid", "test"):
        part = prediction.part_of(model, read, name)
        written = read_table(cross_validated[0] / f"r0s{fold}" / f"predictions_{name}.csv")
        order = np.argsort(part.rows)
        assert part.rows[order].tolist() == [int(row["row"]) for row in written]
        expected = [float(row["probability"]) for row in written]
        np.testing.assert_allclose(prediction.score(model, part).probabilities[order], expected, atol=1e-6)


def test_a_fold_out_of_range_is_refused(cross_validated):
    model = dataclasses.replace(FittedSplit.open(cross_validated[0] / "r0s0"), split_seed=3)
    with pytest.raises(InputError, match=r"is of fold 3 of 3, counted from 0; damaged"):
        prediction.part_of(model, Cohort.open(COHORT), "test")


def test_folds_resume_and_are_overwritten(cross_validated, tmp_path, monkeypatch):
    (tmp_path / "out_of_fold.csv").write_text("mine")
    with pytest.raises(InputError, match=r"out_of_fold\.csv: exists; --overwrite replaces it"):
        run(FOLDS, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["out_of_fold.csv"]
    killer = Killer(monkeypatch)
    at = ("before write out_of_fold.csv", 1)
    assert killer.run(lambda come, count: (come, count) == at, tmp_path, FOLDS, overwrite=True)
    assert not (tmp_path / "out_of_fold.csv").exists()
    resumed = run(FOLDS, tmp_path)
    assert resumed.out == cross_validated[1].out[3::4] + cross_validated[1].out[-1:]
    check_same(tmp_path, cross_validated[0])
    # Random splits in place of the folds: nothing of them is left.
    run(SHORT, tmp_path, overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == {"r0s4", "run.json", "log.log"}


@pytest.mark.parametrize("folds", [0, 2])
def test_a_run_of_groups(tmp_path, folds):
    store, labels = pickled.read(COHORT)
    data = tmp_path / "data"
    data.mkdir()
    pickled.write(data / "hf", pickled.to_lists(store), labels)
    people = np.arange(len(store)) // 2
    table = data / "patients.csv"
    table.write_text("patient_id\n" + "".join(f"P{person}\n" for person in people))
    changes = {"folds": folds} if folds else {"split_seeds": (1,)}
    config = dataclasses.replace(SMALL, split_seeds=(0, 1, 2, 3, 4), num_iter=3, tensorboard=False, train_ratio=0.9)
    config = dataclasses.replace(config, group_column="patient_id", **changes)
    done = run(config, tmp_path, cohort=data / "hf")
    assert not any("several rows" in line for line in done.err)
    model = FittedSplit.open(tmp_path / "r0s1")
    # Other columns may change, and names too.
    table.write_text("age,patient_id\n" + "".join(f"40,Q{person}\n" for person in people))
    read = Cohort.open(data / "hf")
    parts = {name: prediction.part_of(model, read, name) for name in ("train", "valid", "test")}
    of_parts = [set(people[part.rows].tolist()) for part in parts.values()]
    assert not (of_parts[0] & of_parts[1] or of_parts[0] & of_parts[2] or of_parts[1] & of_parts[2])
    for name in ("valid", "test"):
        written = [int(row["row"]) for row in read_table(tmp_path / "r0s1" / f"predictions_{name}.csv")]
        assert sorted(parts[name].rows.tolist()) == written
    assert model.trained_on(read)
    # Other groups are other data.
    table.write_text("patient_id\n" + "".join(f"P{row // 3}\n" for row in range(len(store))))
    with pytest.raises(
        InputError, match=r"r0s1: divided by a patient_id that put other rows together than that of these"
    ):
        prediction.part_of(model, Cohort.open(data / "hf"), "test")
    with pytest.raises(InputError, match=r"a finished run with other flags or data: the data"):
        run(config, tmp_path, cohort=data / "hf")


def test_a_run_warns_of_patients_with_several_rows(tmp_path):
    store, labels = pickled.read(COHORT)
    names = [*range(len(store) - 1), len(store) - 2]
    for ids, warns in ((names, True), (range(len(store)), False)):
        parquet.write(tmp_path / f"{warns}.parquet", store, labels, np.array(ids))
        done = run(SHORT, tmp_path / str(warns), cohort=tmp_path / f"{warns}.parquet")
        warnings = [
            line for line in done.err if line.startswith("warning: some patients (patient_id) have several rows")
        ]
        assert len(warnings) == warns


def test_as_a_user_starts_it(tmp_path, capsys):
    store, labels = pickled.read(COHORT)
    ids = np.array([f"p{row // 2}" for row in range(len(store))], object)
    parquet.write(tmp_path / "hf.parquet", store, labels, ids)
    config = dataclasses.replace(FOLDS, folds=2, group_column="patient_id", num_iter=3)
    argv = [*TRAIN, "hf.parquet", "./", "./out", *arguments(config)]
    done = subprocess.run(argv, cwd=tmp_path, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert MEAN.fullmatch(done.stdout.splitlines()[-1])
    rows = read_table(tmp_path / "out_of_fold.csv")
    assert list(rows[0]) == ["row", "patient_id", "fold", "label", "probability", "empty"]
    folds = {}
    for row in rows:
        assert row["patient_id"] == ids[int(row["row"])]
        folds.setdefault(row["patient_id"], set()).add(row["fold"])
    assert {len(values) for values in folds.values()} == {1}
    assert main(["evaluate", f"--model={tmp_path}/r0s1", f"--data={tmp_path}/hf.parquet", "--bootstrap=0"]) == 0
    tested = sum(row["fold"] == "1" for row in rows)
    assert f"in {tested} rows" in capsys.readouterr().out
    prefixes = (f"{tmp_path}/hf.parquet", f"{tmp_path}/a_", f"{tmp_path}/out")
    done = command(*prefixes, *arguments(config), "--group_column=ward")
    assert (done.code, done.out) == (2, [])
    assert done.err[-1].startswith(f"train.py: {tmp_path}/patients.csv: is not there; the column ward")
    assert not list(tmp_path.glob("a_*"))
