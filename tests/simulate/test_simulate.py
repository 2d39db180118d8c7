"""Simulated cohorts: their shape, the wirings that only links show, and what each kind of model can make of them."""

import contextlib
import csv
import dataclasses
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from mime_tf.__main__ import main
from mime_tf.data import pickled
from mime_tf.data.store import offsets
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.simulate import files
from mime_tf.simulate import risk as simulation
from mime_tf.simulate.patients import PAIR_KINDS
from mime_tf.simulate.risk import auc, simulate

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"num_dx": 60, "num_rx": 24, "num_pr": 30, "mean_visits": 8}


@pytest.fixture(scope="module")
def default():
    """A cohort of the paper's shape."""
    return simulate(10_000, seed=5)


@pytest.fixture(scope="module")
def small():
    """A cohort of a few codes, as lists beside the Simulation."""
    cohort = simulate(1000, seed=2, **SMALL)
    return cohort, pickled.to_lists(cohort.store)


def columns(store):
    return {name: column.tolist() for name, column in dataclasses.asdict(store).items()}


# The shape.


def test_averages_are_the_papers(default):
    store = default.store
    visits, dxobjs = store.visit_counts, np.diff(store.dxobjs)
    assert visits.mean() == pytest.approx(20, abs=4 * 19.5 / np.sqrt(len(store)))
    assert dxobjs.mean() == pytest.approx(1.8, abs=0.01)
    assert len(store.rx) / len(store.dx) == pytest.approx(0.31, abs=0.01)
    assert len(store.pr) / len(store.dx) == pytest.approx(0.36, abs=0.01)
    assert (visits.min(), dxobjs.min()) == (1, 1)
    assert visits.max() <= 199
    assert np.mean(visits <= 20) == pytest.approx(1 - 0.95**20, abs=0.02)  # geometric


@pytest.mark.parametrize("mean_visits", [3, 100])
def test_averages_at_the_ends(mean_visits):
    store = simulate(20_000, seed=1, mean_visits=mean_visits).store
    assert store.visit_counts.mean() == pytest.approx(mean_visits, rel=0.03)
    assert np.diff(store.dxobjs).mean() == pytest.approx(1.8, abs=0.03)
    assert len(store.rx) / len(store.dx) == pytest.approx(0.31, abs=0.01)
    assert len(store.pr) / len(store.dx) == pytest.approx(0.36, abs=0.01)


def test_codes_fill_their_vocabularies(default):
    for kind, size in default.parameters.world().sizes.items():
        codes = getattr(default.store, kind)
        assert codes.min() >= 0
        assert codes.max() < size
        assert len(np.unique(codes)) > 0.75 * size


def test_a_visit_holds_a_diagnosis_once(default):
    store = default.store
    visit = np.repeat(np.arange(len(store.dxobjs) - 1), np.diff(store.dxobjs))
    assert len(np.unique(visit * 388 + store.dx)) == len(store.dx)


def test_use_is_heavy_tailed(default):
    for kind in ("dx", "rx", "pr"):
        use = np.sort(np.bincount(getattr(default.store, kind)))[::-1]
        assert use[: len(use) // 10].sum() > 0.4 * use.sum()
        assert use[0] > 20 * np.median(use)


def test_chronic_conditions_come_back_and_acute_ones_do_not(default):
    store, world = default.store, default.world
    owner = np.repeat(np.arange(len(store)), np.diff(store.dxobjs[store.visits]))
    keys, counts = np.unique(owner * 388 + store.dx, return_counts=True)
    visits = store.visit_counts[keys // 388]
    again = {
        name: np.mean(counts[np.isin(keys % 388, codes) & (visits >= 20)] > 1)
        for name, codes in (("pair", world.pair_dx), ("chronic", world.chronic), ("acute", world.acute))
    }
    assert again["pair"] > 0.95
    assert again["chronic"] > 0.6
    assert again["acute"] < 0.25


def test_orders_are_what_the_diagnosis_calls_for(default):
    store, world = default.store, default.world
    for kind in ("rx", "pr"):
        dx = np.repeat(store.dx, np.diff(getattr(store, f"{kind}_offsets")))
        codes = getattr(store, kind)
        called = (world.preferred[kind][dx] == codes[:, None]).any(axis=1)
        pairs = {dx: orders for dx, orders in own_orders(world).items() if dx[0] == kind}
        of_pair = np.array(
            [code in pairs.get((kind, d), ()) for d, code in zip(dx.tolist(), codes.tolist(), strict=True)]
        )
        assert (called ^ of_pair).all()


def own_orders(world):
    """Dict from the kind of a pair and one of its diagnoses to the pair's orders."""
    pairs = zip(PAIR_KINDS, world.pair_dx.tolist(), world.pair_orders.tolist(), strict=True)
    return {(kind, dx): orders for kind, both, orders in pairs for dx in both}


def test_an_order_of_a_pair_serves_other_diagnoses_too(default):
    store, world = default.store, default.world
    for kind, orders in zip(PAIR_KINDS, world.pair_orders, strict=True):
        dx = np.repeat(store.dx, np.diff(getattr(store, f"{kind}_offsets")))
        for order in orders:
            others = np.setdiff1d(dx[getattr(store, kind) == order], world.pair_dx)
            assert len(np.unique(others)) >= 5


def test_the_least_vocabularies():
    cohort = simulate(3000, seed=1, num_dx=40, num_rx=20, num_pr=20, mean_visits=100)
    assert cohort.store.dx.max() < 40
    assert len(simulate(1).store) == 1


# The risk.


def links_of(patient, pair):
    """The wirings, +1 or -1, that a patient's links of one pair of the truth show."""
    place = 1 if pair["kind"] == "rx" else 2
    links = [[dxobj[0], code] for visit in patient for dxobj in visit for code in dxobj[place]]
    return {1 for link in links if link in pair["links_of_risk"]} | {
        -1 for link in links if link in pair["links_of_protection"]
    }


def test_links_show_the_wirings_and_nothing_else_does(small):
    cohort, patients = small
    pairs = cohort.truth()["pairs"]
    shown = np.zeros(3, int)
    for row, patient in enumerate(patients):
        seen = [links_of(patient, pair) for pair in pairs]
        score, unseen = 0, 0
        for strength in range(3):
            one, other = seen[2 * strength : 2 * strength + 2]
            assert len(one) + len(other) <= 1  # one pair of each strength, always wired the same way
            shown[strength] += len(one | other)
            score += pairs[2 * strength]["weight"] * sum(one | other)
            unseen += 0 if one | other else pairs[2 * strength]["weight"]
        assert abs(cohort.pair_score[row] - score) <= unseen + 1e-9
    assert shown[0] == len(patients)
    assert shown[2] > 0.4 * len(patients)


def test_both_links_of_a_pair_stand_in_one_visit(small):
    cohort, patients = small
    for pair in cohort.truth()["pairs"]:
        for patient in patients:
            for visit in patient:
                risk, protection = (
                    sum([d, code] in pair[name] for d, *orders in visit for code in orders[pair["kind"] == "pr"])
                    for name in ("links_of_risk", "links_of_protection")
                )
                assert (risk, protection) in ((0, 0), (2, 0), (0, 2))


def test_most_patients_show_their_wirings_several_times(default):
    store, world = default.store, default.world
    visits = np.zeros(len(store.dxobjs) - 1, int)
    for (one, _), (first, second), kind in zip(world.pair_dx, world.pair_orders, PAIR_KINDS, strict=True):
        for code in (first, second):
            visits += in_visits(store, linked(store, kind, one, code))
    counts = np.diff(offsets(visits)[store.visits])
    assert counts.min() >= 1
    assert np.mean(counts >= 3) > 0.7


def test_risk_is_that_of_the_equation(default):
    p = default.parameters
    logits = default.intercept + p.effect * np.sqrt(0.5) * (default.pair_score + default.code_score)
    np.testing.assert_allclose(default.risk, 1 / (1 + np.exp(-logits)), rtol=1e-12)
    assert default.risk.mean() == pytest.approx(0.2, abs=1e-9)
    assert default.labels.mean() == pytest.approx(0.2, abs=0.016)
    risky = default.risk > 0.5
    assert default.labels[risky].mean() == pytest.approx(default.risk[risky].mean(), abs=0.05)


def test_code_score_ranks_the_sums_of_distinct_codes(small):
    cohort, patients = small
    effects = {(code["kind"], code["index"]): code["effect"] for code in cohort.truth()["codes"]}
    sums = []
    for patient in patients:
        dxobjs = [dxobj for visit in patient for dxobj in visit]
        codes = {("dx", dx) for dx, _, _ in dxobjs}
        codes |= {("rx", code) for _, rx, _ in dxobjs for code in rx} | {("pr", c) for _, _, pr in dxobjs for c in pr}
        sums.append(sum(effects.get(code, 0) for code in codes))
    order = np.argsort(cohort.code_score, kind="stable")
    assert (np.diff(np.array(sums)[order]) > -1e-9).all()
    assert (cohort.code_score.mean(), cohort.code_score.std()) == pytest.approx((0, 1), abs=1e-9)


def test_scores_are_independent_and_of_variance_1(default):
    assert default.pair_score.var() == pytest.approx(1, abs=0.03)
    assert abs(np.corrcoef(default.pair_score, default.code_score)[0, 1]) < 0.03
    assert abs(np.corrcoef(default.pair_score, default.store.visit_counts)[0, 1]) < 0.03
    assert abs(np.corrcoef(default.pair_score**2, default.store.visit_counts)[0, 1]) < 0.03


def test_what_the_records_show_of_the_risk(small):
    """By hand: the mean over both signs of what no link shows."""
    cohort, patients = small
    pairs, p = cohort.truth()["pairs"], cohort.parameters
    scale = p.effect * np.sqrt(0.5)
    for row in range(100):
        scores, blind = [0.0], [0.0]
        for strength in range(3):
            weight = pairs[2 * strength]["weight"]
            signs = links_of(patients[row], pairs[2 * strength]) | links_of(patients[row], pairs[2 * strength + 1])
            scores = [score + sign * weight for score in scores for sign in signs or {-1, 1}]
            blind = [score + sign * weight for score in blind for sign in (-1, 1)]
        logit = cohort.intercept + scale * cohort.code_score[row]
        for scores_, expected in ((scores, cohort.risk_with_links), (blind, cohort.risk_without_links)):
            mean = np.mean([1 / (1 + np.exp(-logit - scale * score)) for score in scores_])
            assert expected[row] == pytest.approx(mean, rel=1e-9)


def test_effect_and_prevalence():
    strong = simulate(20_000, seed=1, effect=4.0, prevalence=0.5, **SMALL)
    weak = simulate(20_000, seed=1, effect=0.0, prevalence=0.01, **SMALL)
    assert strong.truth()["bayes_auc"] > 0.93
    assert strong.labels.mean() == pytest.approx(0.5, abs=0.02)
    np.testing.assert_allclose(weak.risk, 0.01)
    assert weak.truth()["bayes_auc"] == 0.5


def test_auc_is_sklearns():
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 500), rng.integers(0, 20, 500) / 7
    assert auc(labels, scores) == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)
    assert np.isnan(auc(np.zeros(3), np.arange(3)))


# What each kind of model can make of it. The standard error of an AUC of 20,000 patients is 0.005.


def visit_of(store):
    """The visit of each Dx-object."""
    return np.repeat(np.arange(len(store.dxobjs) - 1), np.diff(store.dxobjs))


def dxobj_of(store, kind):
    """The Dx-object of each code of a kind."""
    return np.repeat(np.arange(len(store.dx)), np.diff(getattr(store, f"{kind}_offsets")))


def linked(store, kind, dx, code):
    """The Dx-objects of a diagnosis that hold an order, one for each time."""
    dxobj = dxobj_of(store, kind)
    return dxobj[(store.dx[dxobj] == dx) & (getattr(store, kind) == code)]


def in_visits(store, dxobjs):
    """How many of the Dx-objects each visit has."""
    return np.bincount(visit_of(store)[dxobjs], minlength=len(store.dxobjs) - 1)


def bags(store, world):
    """How often each patient has each code, and in how many visits a diagnosis and an order of one pair stand."""
    visit, last = visit_of(store), len(store.dxobjs) - 1
    patient = np.repeat(np.arange(len(store)), store.visit_counts)
    parts = [store.visit_counts[:, None]]
    for kind, size in world.sizes.items():
        dxobj = np.arange(len(store.dx)) if kind == "dx" else dxobj_of(store, kind)
        keys = patient[visit[dxobj]] * size + getattr(store, kind)
        parts.append(np.bincount(keys, minlength=len(store) * size).reshape(len(store), size))
    for kind, both, orders in zip(PAIR_KINDS, world.pair_dx, world.pair_orders, strict=True):
        for dx in both:
            with_dx = np.bincount(visit[store.dx == dx], minlength=last) > 0
            for code in orders:
                with_code = np.bincount(visit[dxobj_of(store, kind)[getattr(store, kind) == code]], minlength=last) > 0
                parts.append(np.bincount(patient, with_dx & with_code, len(store))[:, None])
    counts = np.concatenate(parts, axis=1)
    return np.concatenate([counts > 0, np.log1p(counts)], axis=1)


def pair_links(store, world):
    """How often each patient has each of the 24 links of pairs."""
    parts = []
    for kind, both, orders in zip(PAIR_KINDS, world.pair_dx, world.pair_orders, strict=True):
        for dx in both:
            for code in orders:
                visits = in_visits(store, linked(store, kind, dx, code))
                parts.append(np.diff(offsets(visits)[store.visits]))
    counts = np.stack(parts, axis=1)
    return np.concatenate([counts > 0, np.log1p(counts)], axis=1)


def shuffled(store, seed):
    """The same visits, each order made because of any of the visit's diagnoses."""
    rng, visit, columns = np.random.default_rng(seed), visit_of(store), {}
    for kind in ("rx", "pr"):
        of_order = visit[dxobj_of(store, kind)]
        dxobj = store.dxobjs[of_order] + rng.integers(0, np.diff(store.dxobjs)[of_order])
        columns[f"{kind}_offsets"] = offsets(np.bincount(dxobj, minlength=len(store.dx)))
        columns[kind] = getattr(store, kind)[np.argsort(dxobj, kind="stable")]
    return dataclasses.replace(store, **columns)


def learned_auc(features, labels, model=None):
    """The AUC on the second half of what is learned from the first."""
    half = len(labels) // 2
    model = model or LogisticRegression(C=0.01, max_iter=300)
    scaled = StandardScaler().fit_transform(features).astype(np.float32)
    model.fit(scaled[:half], labels[:half])
    return auc(labels[half:], model.predict_proba(scaled[half:])[:, 1])


@pytest.fixture(scope="module")
def only_pairs():
    return simulate(40_000, seed=11, pair_effect=1.0, **SMALL)


@pytest.fixture(scope="module")
def only_codes():
    return simulate(40_000, seed=11, pair_effect=0.0, **SMALL)


@pytest.fixture(scope="module")
def bag_features(only_pairs):
    """Of both cohorts, whose patients are the same."""
    return bags(only_pairs.store, only_pairs.world)


@pytest.mark.slow
def test_bags_say_nothing_of_pairs(only_pairs, bag_features):
    assert learned_auc(bag_features, only_pairs.labels) == pytest.approx(0.5, abs=0.015)
    # Not by way of an interaction, nor of how many wirings there are to see.
    trees = HistGradientBoostingClassifier(max_iter=30, random_state=0)
    assert learned_auc(bag_features, only_pairs.labels, trees) == pytest.approx(0.5, abs=0.015)
    assert only_pairs.truth()["bayes_auc_without_links"] == 0.5


@pytest.mark.slow
def test_links_say_all_of_pairs(only_pairs):
    best = auc(only_pairs.labels[20_000:], only_pairs.risk_with_links[20_000:])
    got = learned_auc(pair_links(only_pairs.store, only_pairs.world), only_pairs.labels)
    assert best > 0.8
    assert got == pytest.approx(best, abs=0.01)


@pytest.mark.slow
def test_shuffled_links_say_nothing(only_pairs):
    features = pair_links(shuffled(only_pairs.store, 1), only_pairs.world)
    assert learned_auc(features, only_pairs.labels) == pytest.approx(0.5, abs=0.015)


@pytest.mark.slow
def test_links_add_nothing_to_codes(only_codes, bag_features):
    without = learned_auc(bag_features, only_codes.labels)
    links = pair_links(only_codes.store, only_codes.world)
    assert auc(only_codes.labels[20_000:], only_codes.risk[20_000:]) - without < 0.02
    assert abs(learned_auc(np.concatenate([bag_features, links], axis=1), only_codes.labels) - without) < 0.002


@pytest.mark.slow
@pytest.mark.parametrize("shape", [{}, {"mean_visits": 3}, SMALL])
def test_the_risk_separates_alike_whatever_the_share(shape):
    aucs = [simulate(30_000, 3, pair_effect=share, **shape).truth()["bayes_auc"] for share in (0, 0.25, 0.5, 0.75, 1)]
    assert max(aucs) - min(aucs) < 0.012
    assert min(aucs) > 0.86


@pytest.mark.slow
def test_realized_shares():
    shares = simulate(50_000, pair_effect=0.3, **SMALL).truth()["shares"]
    assert (shares["pair"], shares["code"]) == pytest.approx((0.3, 0.7), abs=0.02)


# The same seed, the same cohort.


def test_the_same_seed_gives_the_same_cohort():
    one, same, other = (simulate(300, seed, **SMALL) for seed in (7, 7, 8))
    assert columns(one.store) == columns(same.store)
    assert one.labels.tolist() == same.labels.tolist()
    assert one.truth() == same.truth()
    assert columns(one.store) != columns(other.store)
    assert one.truth()["pairs"] != other.truth()["pairs"]


def test_effects_leave_the_records_alone():
    one = simulate(300, 7, **SMALL)
    other = simulate(300, 7, pair_effect=1, effect=1.0, prevalence=0.4, **SMALL)
    assert columns(one.store) == columns(other.store)
    assert one.labels.tolist() != other.labels.tolist()


def test_chunks_are_joined(monkeypatch):
    monkeypatch.setattr(simulation, "_CHUNK", 100)
    lines = []
    cohort = simulate(250, 7, progress=lines.append, **SMALL)
    assert lines == [f"{count} of 250 patients drawn" for count in (100, 200, 250)]
    assert len(cohort.store) == len(cohort.labels) == len(cohort.risk) == 250
    assert columns(pickled.from_lists(pickled.to_lists(cohort.store))) == columns(cohort.store)
    first = simulate(100, 7, **SMALL).store
    assert columns(cohort.store.select(np.arange(100))) == columns(first)
    assert columns(cohort.store.select(np.arange(100, 200))) != columns(first)


# Bad parameters.


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
        ("num_pr", None, "a whole number from 20 to 10000"),
    ],
)
def test_bad_parameters(name, value, right):
    with pytest.raises(InputError) as caught:
        simulate(**{"patients": 10, name: value})
    assert f"{name}: found " in str(caught.value)
    assert f"must be {right}" in str(caught.value)


def test_numpy_numbers_are_numbers():
    assert simulate(np.int64(5), np.uint8(3), pair_effect=np.float32(1), effect=1).truth()["parameters"]["seed"] == 3


# Files and the command.


def command(*argv):
    """Runs `python -m mime_tf simulate ARGV` in this process: its exit status, and the lines it wrote."""
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
    for name in list(rows[0])[2:]:
        np.testing.assert_allclose([float(row[name]) for row in rows], getattr(expected, name), rtol=1e-8, atol=1e-12)


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


def test_help_teaches(tmp_path):
    done = run("--help", cwd=tmp_path)
    assert done.returncode == 0
    for part in ("example:", "mime-tf simulate --patients", "--pair_effect", "--overwrite", "0.5"):
        assert part in done.stdout


def test_no_framework_is_loaded():
    code = "import mime_tf.simulate.risk, mime_tf.simulate.files, sys; print({'tensorflow', 'keras'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
