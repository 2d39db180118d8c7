"""The comparison of models on simulated cohorts: its differences, its table, and one line for a bad option."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import arms, worth
from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.simulate.parameters import Parameters
from mime_tf.simulate.simulation import simulate
from mime_tf.terminal.console import Console

QUICK = True  # imports what loads TensorFlow in functions that are not called here

PARAMETERS = Parameters(400, 3, "recency", mean_visits=3)


def know_all(task):
    """An arm that knows the risk."""
    risk = simulate(400, 3, mode="recency", mean_visits=3).risk
    return [risk[rows] for rows in task.tests()]


def know_nothing(task):
    """An arm that gives everybody the same probability."""
    return [np.full(len(rows), 0.2) for rows in task.tests()]


KNOWN = {"all": know_all, "nothing": know_nothing}


def config():
    return worth.dataclasses.replace(arms.FAITHFUL, split_seeds=(0, 1))


def test_arms_are_compared_on_the_same_patients():
    first, second = worth.measure(PARAMETERS, KNOWN, config(), Bootstrap(20), Console())
    assert (first["arm"], second["arm"]) == ("all", "nothing")
    assert first["difference"] is None
    assert first["auc"][0] == first["ceiling"] == second["ceiling"]
    assert second["splits"] == [0.5, 0.5]
    value, low, high = second["difference"]
    assert value == pytest.approx(first["auc"][0] - 0.5)
    assert 0 < low < value < high


def test_seven_in_ten_patients_train():
    made = simulate(400, 3, mode="recency", mean_visits=3)
    from mime_tf.training.plan import Plan

    plan = Plan(config(), made.store, made.labels)
    for split in plan.splits.values():
        assert [len(split.train), len(split.valid), len(split.test)] == pytest.approx([280, 40, 80], abs=1)
    task = arms.Task(None, plan, None)
    for rows, split in zip(task.tests(), plan.splits.values(), strict=True):
        assert rows.tolist() == sorted(split.test.rows.tolist())


def test_the_table_and_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(arms, "ARMS", KNOWN)
    argv = ["--mode", "related,order", "--pair_effect", "0.5,1", "--patients", "200", "--split_seeds", "0"]
    argv += ["--arms", "nothing,all", "--bootstrap", "10", "--output", str(tmp_path / "new")]
    monkeypatch.setitem(KNOWN, "all", know_nothing)
    assert worth.main(argv) == 0
    header, _, *rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in capsys.readouterr().out.splitlines()]
    assert header == list(worth.COLUMNS)
    told = [row[:4] for row in rows]
    cohorts = [["related", "0.5", "200"], ["related", "1", "200"], ["order", "", "200"]]
    assert told == [[*cohort, arm] for cohort in cohorts for arm in ("nothing", "all")]
    assert {row[4] for row in rows} == {"0.500 [0.500, 0.500]"}
    assert [row[5] for row in rows] == ["", "+0.000 [+0.000, +0.000]"] * 3
    written = json.loads((tmp_path / "new" / "worth.json").read_text())
    assert [each["parameters"]["mode"] for each in written] == ["related", "related", "order"]
    assert [arm["arm"] for arm in written[0]["arms"]] == ["nothing", "all"]


RELATED = Parameters(100, 3, "related", mean_visits=3)


def families(cohort):
    return {} if cohort.hierarchy is None else {row[:3]: row.ancestor for row in cohort.hierarchy.rows}


def test_families_lie_beside_the_cohort(tmp_path):
    made, found = simulate(**worth.dataclasses.asdict(RELATED)), {}
    for name in ("none", "given", "shuffled"):
        (tmp_path / name).mkdir()
        cohort = worth.written(made, name, tmp_path / name)
        assert cohort.labels.tolist() == made.labels.tolist()
        found[name] = families(cohort)
    given, by_chance = found["given"], found["shuffled"]
    assert not found["none"] and given.keys() == by_chance.keys() and len(given) == 300
    assert sorted(given.values()) == sorted(by_chance.values())
    kept = [given[code] == by_chance[code] for code in given]
    assert 0.1 < sum(kept) / len(kept) < 0.3  # by chance: one of 6 families of diagnoses, of 5 of medications
    assert {given[code][:2] for code in given if code[0] == "rx"} == {"RX"}


def test_arms_with_and_without_ancestors():
    """The regression alone, on few patients: where families decide, they tell more."""
    parameters = Parameters(1500, 3, "related", pair_effect=1, mean_visits=5, num_dx=40, num_rx=20)
    pairs, ancestors = worth.measure(
        parameters,
        {name: arms.ARMS[name] for name in ("pairs", "pairs_ancestors")},
        worth.dataclasses.replace(config(), split_seeds=(0,)),
        Bootstrap(20),
        Console(),
        "given",
    )
    assert ancestors["auc"][0] > pairs["auc"][0] + 0.02


def test_one_arm_of_the_recipe_goes_without(monkeypatch):
    monkeypatch.setattr(arms, "_trained", lambda config, task: config)
    task = arms.Task(None, SimpleNamespace(config=config()), None)
    ours, alone = arms.recipe(task), arms.recipe_alone(task)
    assert (ours.hierarchy, alone.hierarchy) == ("auto", "none")
    assert alone == worth.dataclasses.replace(ours, hierarchy="none")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--patients", "0"], "worth.py: patients: found 0; must be"),
        (["--mode", "order", "--informative_links"], "worth.py: informative_links: found True; must be False"),
        (["--mode", "related,order", "--hierarchy", "given"], "worth.py: hierarchy: found given; must be none in mode"),
        (["--arms", "magic"], "worth.py: arms: found magic; must be one of"),
    ],
)
def test_a_bad_option_is_one_line(argv, says, tmp_path, capsys):
    assert worth.main([*argv, "--output", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(says)
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()
