"""The AUC of each kind of model on simulated cohorts. Its standard error with 20,000 patients is 0.005."""

import dataclasses

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from support.simulated import SMALL, dxobj_of, in_visits, linked, visit_of

from mime_tf.data.store import offsets
from mime_tf.simulate.risk.logit import auc
from mime_tf.simulate.risk.pairs import KINDS as PAIR_KINDS
from mime_tf.simulate.simulation import simulate


def bags(store, world):
    """Count of each code per patient, and of the visits with a diagnosis and an order of one pair."""
    visit, last = visit_of(store), len(store.dxobjs) - 1
    patient = np.repeat(np.arange(len(store)), store.visit_counts)
    parts = [store.visit_counts[:, None]]
    for kind, size in world.sizes.items():
        dxobj = np.arange(len(store.dx)) if kind == "dx" else dxobj_of(store, kind)
        keys = patient[visit[dxobj]] * size + getattr(store, kind)
        parts.append(np.bincount(keys, minlength=len(store) * size).reshape(len(store), size))
    for kind, both, orders in zip(PAIR_KINDS, world.pairs.dx, world.pairs.orders, strict=True):
        for dx in both:
            with_dx = np.bincount(visit[store.dx == dx], minlength=last) > 0
            for code in orders:
                with_code = np.bincount(visit[dxobj_of(store, kind)[getattr(store, kind) == code]], minlength=last) > 0
                parts.append(np.bincount(patient, with_dx & with_code, len(store))[:, None])
    counts = np.concatenate(parts, axis=1)
    return np.concatenate([counts > 0, np.log1p(counts)], axis=1)


def pair_links(store, world):
    """Count of each of the 24 links of pairs per patient."""
    parts = []
    for kind, both, orders in zip(PAIR_KINDS, world.pairs.dx, world.pairs.orders, strict=True):
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
    """The AUC on the second half of a model fitted to the first."""
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
    """The bags of both cohorts, whose patients are the same."""
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
