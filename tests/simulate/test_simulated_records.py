"""Simulated records: averages, codes, orders, and the same cohort for the same seed."""

import numpy as np
import pytest
from support.simulated import SMALL, columns, own_orders

from mime_tf.data import pickled
from mime_tf.simulate import simulation
from mime_tf.simulate.risk.pairs import KINDS as PAIR_KINDS
from mime_tf.simulate.simulation import simulate


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
        for name, codes in (("pair", world.pairs.dx), ("chronic", world.chronic), ("acute", world.acute))
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


def test_an_order_of_a_pair_serves_other_diagnoses_too(default):
    store, world = default.store, default.world
    for kind, orders in zip(PAIR_KINDS, world.pairs.orders, strict=True):
        dx = np.repeat(store.dx, np.diff(getattr(store, f"{kind}_offsets")))
        for order in orders:
            others = np.setdiff1d(dx[getattr(store, kind) == order], world.pairs.dx)
            assert len(np.unique(others)) >= 5


def test_the_least_vocabularies():
    cohort = simulate(3000, seed=1, num_dx=40, num_rx=20, num_pr=20, mean_visits=100)
    assert cohort.store.dx.max() < 40
    assert len(simulate(1).store) == 1


# The same seed, the same cohort.


def test_the_same_seed_gives_the_same_cohort():
    cohort, same, other = (simulate(300, seed, **SMALL) for seed in (7, 7, 8))
    assert columns(cohort.store) == columns(same.store)
    assert cohort.labels.tolist() == same.labels.tolist()
    assert cohort.truth() == same.truth()
    assert columns(cohort.store) != columns(other.store)
    assert cohort.truth()["pairs"] != other.truth()["pairs"]


def test_effects_leave_the_records_alone():
    cohort = simulate(300, 7, **SMALL)
    other = simulate(300, 7, pair_effect=1, effect=1.0, prevalence=0.4, **SMALL)
    assert columns(cohort.store) == columns(other.store)
    assert cohort.labels.tolist() != other.labels.tolist()


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
