"""Codes that a model does not know, scored as their ancestors."""

import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from support.whole_runs import COHORT, SMALL, read_table
from support.whole_runs import run as train_run

from mime_tf.__main__ import main
from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.scoring.substitution import Substitution


def vocabulary(*rows):
    """A vocabulary of (kind, index, system, code)."""
    rows = [
        dict(zip(("kind", "index", "system", "code"), map(str, row), strict=True)) | {"display": ""} for row in rows
    ]
    return Vocabulary(rows, {(row["kind"], int(row["index"])): row for row in rows})


def relation(kind, code, ancestor, level=1, system="s", ancestor_system="s"):
    return Relation(kind, system, code, ancestor_system, ancestor, "", level, "")


# The model knows gout (0), not flu (1); of medications 0 and 1. Its last codes are those of the cohort alone.
OURS = [("dx", 0, "s", "gout"), ("dx", 1, "s", "flu"), ("rx", 0, "s", "statin"), ("rx", 1, "s", "aspirin")]
THEIRS = [*OURS, ("dx", 2, "s", "gout of the toe"), ("dx", 3, "s", "rash"), ("rx", 2, "s", "simvastatin")]
FITTED = SimpleNamespace(
    folder="r0s0",
    usable={"dx": np.array([True, False]), "rx": np.array([True, True]), "pr": np.array([], bool)},
    vocabulary=vocabulary(*OURS),
    hierarchy=None,
    model=SimpleNamespace(dxobject_embedding=SimpleNamespace(shared=None)),
)


def cohort(relations, patients=([[[0, [], []]]],), names=THEIRS):
    made = Cohort(pickled.from_lists(list(patients)))
    made.vocabulary, made.hierarchy = vocabulary(*names), None if relations is None else Hierarchy(relations)
    return made


def substitutes(relations, fitted=FITTED):
    return {kind: codes.tolist() for kind, codes in Substitution.of(fitted, cohort(relations)).codes.items()}


def test_the_nearest_ancestor_that_the_model_knows_stands_for_a_code():
    relations = [
        relation("dx", "gout of the toe", "toe"),  # the model has no such code
        relation("dx", "gout of the toe", "flu", 2),  # training did not hold it
        relation("dx", "gout of the toe", "gout", 3),
        relation("rx", "simvastatin", "aspirin", 2),
        relation("rx", "simvastatin", "statin"),
    ]
    assert substitutes(relations) == {"dx": [0, 1, 0, 3], "rx": [0, 1, 0], "pr": []}


def test_kinds_and_systems_are_not_mixed():
    relations = [
        relation("rx", "gout of the toe", "gout"),
        relation("dx", "gout of the toe", "gout", ancestor_system="t"),
        relation("dx", "gout of the toe", "gout", system="t"),
    ]
    assert substitutes(relations) == {"dx": [0, 1, 2, 3], "rx": [0, 1, 2], "pr": []}


def test_a_code_that_the_model_knows_stays_although_it_has_an_ancestor():
    assert substitutes([relation("rx", "aspirin", "statin")])["rx"] == [0, 1, 2]


def test_of_equally_near_ancestors_the_first_by_code_is_taken():
    relations = [relation("rx", "simvastatin", "statin"), relation("rx", "simvastatin", "aspirin")]
    assert substitutes(relations)["rx"] == [0, 1, 1]


def test_the_models_own_hierarchy_is_looked_at_as_well():
    fitted = SimpleNamespace(**vars(FITTED) | {"hierarchy": Hierarchy([relation("dx", "rash", "gout")])})
    assert substitutes([relation("dx", "gout of the toe", "gout")], fitted)["dx"] == [0, 1, 0, 0]
    assert substitutes(None, fitted)["dx"] == [0, 1, 2, 0]


def test_patients_and_links_stay_and_codes_are_counted():
    """The second patient's simvastatin is of a rash, which has no ancestor: it is not shown."""
    patients = [[[[2, [2, 1], []], [0, [2], []]]], [[[3, [2], []]], [[9, [], [7]]]]]
    made = cohort([relation("dx", "gout of the toe", "gout"), relation("rx", "simvastatin", "statin")], patients)
    substitution = Substitution.of(FITTED, made)
    shown = substitution.apply(made)
    assert pickled.to_lists(shown.store) == [
        [[[0, [0, 1], []], [0, [0], []]]],
        [[[3, [0], []]], [[9, [], [7]]]],
    ]
    assert substitution.count(made.store).tolist() == [3, 0]


def test_without_tables_it_is_one_line():
    with pytest.raises(InputError, match=r"the cohort: unknown_codes: found ancestor; needs a hierarchy\.csv beside"):
        substitutes(None)
    named = SimpleNamespace(**vars(FITTED) | {"vocabulary": None})
    with pytest.raises(InputError, match=r"r0s0: unknown_codes: found ancestor; needs a vocabulary\.csv"):
        substitutes([], named)


# The command.


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of one split on a cohort with names for its codes and a hierarchy, and its folder."""
    folder = tmp_path_factory.mktemp("trained")
    for kind in ("seqs", "labels"):
        shutil.copy(f"{COHORT}.{kind}", folder / f"cohort.{kind}")
    vocabulary(*_names(Cohort.open(folder / "cohort").store)).write(folder / "vocabulary.csv")
    Hierarchy([relation("dx", "dx0", "group")]).write(folder / "hierarchy.csv")
    train_run(SMALL, folder, folder / "cohort")
    return folder


def _names(store, renamed=0):
    return [
        (kind, index, "s", f"{kind}{index}")
        for kind in ("dx", "rx", "pr")
        for index in range(int(getattr(store, kind).max()) + 1 + renamed)
    ]


def predict(model, data, output, capsys, *options):
    status = main(["predict", "--model", str(model), "--data", str(data), "--output", str(output), *options])
    return status, capsys.readouterr()


def test_renamed_codes_are_scored_as_before(trained, tmp_path, capsys):
    """Every code has a new name and number, whose ancestor is the old: the same probabilities, all by an ancestor."""
    assert Hierarchy.read(trained / "r0s0" / "hierarchy.csv").rows == Hierarchy.read(trained / "hierarchy.csv").rows
    old = Cohort.open(trained / "cohort")
    sizes = {kind: int(getattr(old.store, kind).max()) + 1 for kind in ("dx", "rx", "pr")}
    lists = [
        [[[dx + sizes["dx"], [c + sizes["rx"] for c in rx], [c + sizes["pr"] for c in pr]] for dx, rx, pr in visit]
         for visit in patient]
        for patient in pickled.to_lists(old.store)
    ]  # fmt: skip
    pickled.write(str(tmp_path / "new"), pickled.from_lists(lists), old.labels)
    names = [(kind, index, "s", f"{kind}{index}") for kind, size in sizes.items() for index in range(2 * size)]
    vocabulary(*names).write(tmp_path / "vocabulary.csv")
    relations = [
        relation(kind, f"{kind}{size + index}", f"{kind}{index}")
        for kind, size in sizes.items()
        for index in range(size)
    ]
    status, _ = predict(trained / "r0s0", trained / "cohort", tmp_path / "old.csv", capsys)
    assert status == 0
    status, done = predict(
        trained / "r0s0", tmp_path / "new", tmp_path / "new.csv", capsys, "--unknown_codes", "ancestor"
    )
    assert status == 0
    Hierarchy(relations).write(tmp_path / "hierarchy.csv")
    status, done = predict(
        trained / "r0s0", tmp_path / "new", tmp_path / "new.csv", capsys, "--unknown_codes", "ancestor", "--overwrite"
    )
    assert status == 0
    before, after = read_table(tmp_path / "old.csv"), read_table(tmp_path / "new.csv")
    assert [row["probability"] for row in after] == [row["probability"] for row in before]
    assert [row["dropped_codes"] for row in after] == [row["dropped_codes"] for row in before]
    codes = sum(len(dxobj[1]) + len(dxobj[2]) + 1 for patient in lists for visit in patient for dxobj in visit)
    shown = codes - sum(int(row["dropped_codes"]) for row in after)
    assert sum(int(row["ancestor_codes"]) for row in after) == shown
    assert f"of {codes:,} codes 0.0% were scored as they are, {shown / codes:.1%} as an ancestor" in done.out


def test_evaluate_on_other_patients(trained, tmp_path, capsys):
    """Diagnosis 0 has a new code, of which the old is the ancestor: every measure is as before."""
    old = Cohort.open(trained / "cohort")
    names = _names(old.store, renamed=1)
    new = int(old.store.dx.max()) + 1
    lists = [
        [[[new if dx == 0 else dx, rx, pr] for dx, rx, pr in visit] for visit in patient]
        for patient in pickled.to_lists(old.store)
    ]
    pickled.write(str(tmp_path / "new"), pickled.from_lists(lists), old.labels)
    vocabulary(*names).write(tmp_path / "vocabulary.csv")
    Hierarchy([relation("dx", f"dx{new}", "dx0")]).write(tmp_path / "hierarchy.csv")
    model = ["evaluate", "--model", str(trained / "r0s0"), "--bootstrap", "0", "--data"]
    assert main([*model, str(trained / "cohort"), "--split", "all"]) == 0
    before = capsys.readouterr().out
    assert main([*model, str(tmp_path / "new"), "--split", "all", "--unknown_codes", "ancestor"]) == 0
    done = capsys.readouterr()
    assert [line for line in done.out.splitlines() if "AUC" in line] == [
        line for line in before.splitlines() if "AUC" in line
    ]
    assert f"scored as an ancestor: {(old.store.dx == 0).sum():,} codes of" in done.err
    assert main([*model, str(trained / "cohort"), "--unknown_codes", "ancestor"]) == 2
    assert "unknown_codes: found ancestor; goes with --split all" in capsys.readouterr().err


def test_without_the_option_there_is_no_column(trained, tmp_path, capsys):
    status, done = predict(trained / "r0s0", trained / "cohort", tmp_path / "p.csv", capsys)
    assert status == 0 and "ancestor" not in done.out
    assert list(read_table(tmp_path / "p.csv")[0]) == ["row", "probability", "dropped_codes", "known_share", "empty"]
