"""Modes of simulated risk: scores worked out by hand, ceilings, shares of orders without a link, and determinism."""

import hashlib

import numpy as np
import pytest
from sklearn import metrics
from support.simulated import SMALL, columns, dxobj_of

from mime_tf.data import pickled
from mime_tf.simulate.parameters import MODES
from mime_tf.simulate.related import risk as related_risk
from mime_tf.simulate.related.world import centred
from mime_tf.simulate.risk import interaction, order, pairs, recency, recency_days, stopping
from mime_tf.simulate.risk.occurrences import occurrences
from mime_tf.simulate.simulation import simulate
from mime_tf.simulate.unlinking import unlink

BY_VISITS = ("interaction", "recency", "recency_days", "order", "stopping")
SIZES = {"related": {"num_dx": 60, "num_rx": 24, "mean_visits": 8}}


def cohort(mode, patients=300, seed=7, **parameters):
    return simulate(patients, seed, mode=mode, **(SIZES.get(mode, SMALL) | parameters))


def visits(*visits):
    """A patient of visits, each a list of Dx-objects without orders, told by their diagnoses."""
    return [[[dx, [], []] for dx in visit] for visit in visits]


# Scores by hand.


def test_recency_by_hand():
    effects = {"dx": np.array([0.0, 8.0, -4.0]), "rx": np.array([16.0]), "pr": np.array([0.0])}
    store = pickled.from_lists(
        [
            visits([1], [0], [0]),  # 8, two visits ago: 4
            visits([1], [0], [1]),  # 8 now, and 4 as before
            visits([0], [2], [1, 0]),  # -4 a visit ago, 8 now
            [[[0, [0, 0], []], [2, [0], []]], [], [], [], []],  # four visits ago; an order of a visit counts once
            visits([0]),
        ]
    )
    expected = [4, 12, 8 - 4 * 0.5**0.5, (16 - 4) / 4, 0]
    fading = np.concatenate([0.5 ** (np.arange(count)[::-1] / 2) for count in store.visit_counts])
    assert recency.sums(effects, store, fading).tolist() == pytest.approx(expected, abs=1e-12)
    made = cohort("recency", 300)
    since = np.concatenate([np.arange(count)[::-1] for count in made.store.visit_counts])
    sums = recency.sums(made.world.effects, made.store, 0.5 ** (since / recency.HALVING_VISITS))
    np.testing.assert_allclose(made.origin.scores["recency"], (sums - sums.mean()) / sums.std(), atol=1e-12)


def test_recency_of_days():
    """Days fall within a patient, each with a pace of its own; an effect of 90 days ago counts half."""
    made = cohort("recency_days", 4000)
    store = made.store
    first, last = store.days[store.visits[:-1]], store.days[store.visits[1:] - 1]
    falls = np.diff(store.days) <= 0
    assert falls[np.setdiff1d(np.arange(len(falls)), store.visits[1:-1] - 1)].all()
    assert last.min() == 0 and last.mean() == pytest.approx(19.5, abs=1.5)  # exponential of mean 20, rounded down
    many = store.visit_counts > 10
    paces = np.log((first - last)[many] / (store.visit_counts[many] - 1) + 0.5)  # gaps are rounded down
    assert paces.mean() == pytest.approx(np.log(30), abs=0.1) and paces.std() == pytest.approx(1, abs=0.1)
    effects = {"dx": np.array([0.0, 8.0]), "rx": np.zeros(1), "pr": np.zeros(1)}
    two = pickled.from_lists([visits([1], [1]), visits([1])]).with_days(np.array([90, 0, 180], np.int32))
    assert recency.sums(effects, two, 0.5 ** (two.days / recency_days.HALVING_DAYS)).tolist() == [12, 2]


def test_the_modes_have_the_same_patients():
    plain, dated = (cohort(mode, 50).store for mode in ("recency", "recency_days"))
    assert plain.days is None
    for name, column in plain.records.items():
        np.testing.assert_array_equal(column, dated.records[name])


def test_interaction_by_hand():
    """Of four patients, half have diagnosis 3 and three have diagnosis 1; half have 0, and 2 never occurs."""
    store = pickled.from_lists([visits([3], [1]), visits([1, 1]), visits([3, 1], [0]), visits([0])])
    diagnoses, effects = np.array([[3, 1], [0, 2]]), np.array([16.0, 5.0])
    # 16 (presence of 3 - 0.5) (presence of 1 - 0.75); the second pair's product is 0 throughout.
    assert interaction.sums(diagnoses, effects, store).tolist() == pytest.approx([2, -2, 2, 6])


def test_order_by_hand():
    store = pickled.from_lists(
        [
            visits([3], [1], [3]),  # 3 first
            visits([0], [1], [3], [1]),  # 1 first
            visits([3, 1], [3]),  # both in one visit
            visits([3], [0]),  # 1 never
            visits([2], [3], [1, 0]),  # 3 before 1, and 2 before 0
        ]
    )
    sums = order.sums(np.array([[3, 1], [0, 2]]), np.array([2.0, 5.0]), store)
    assert sums.tolist() == [2, -2, 0, 0, 2 - 5]


def test_stopping_by_hand():
    def patient(*medications):
        return [[[0, rx, []]] for rx in medications]

    store = pickled.from_lists(
        [
            patient([4], [], []),  # stopped
            patient([4], [], [4]),  # in the last visit
            patient([4], [4], []),  # in the last but one
            patient([], [], []),  # never
            patient([4, 1], [4], [], []),  # both stopped
            patient([4], []),  # too few visits to tell
        ]
    )
    assert stopping.sums(np.array([4, 1]), np.array([3.0, -1.0]), store).tolist() == [3, 0, 0, 0, 2, 0]


def test_related_pairs_by_hand():
    effects = np.array([[1.0, 2.0], [4.0, -8.0]])
    store = pickled.from_lists(
        [
            [[[0, [0], []], [1, [0, 0], []]], [[1, [1], []]]],  # (1 + 4 + 4 - 8) / sqrt(4)
            [[[1, [], []]]],
            [[[0, [1], []]]],
        ]
    )
    assert related_risk.sums(effects, store).tolist() == [0.5, 0, 2]


def test_occurrences_skip_empty_visits_and_unknown_codes():
    store = pickled.from_lists([[[], [[2, [5], []]]], [[[1, [], []], [2, [0, 5], []]], []]])
    patient, visit, code = occurrences(store, "rx", np.arange(6) == 5)
    assert (patient.tolist(), visit.tolist(), code.tolist()) == ([0, 1], [1, 2], [5, 5])
    assert occurrences(store, "dx", np.array([True, True]))[2].tolist() == [1]


# Risks.


@pytest.mark.parametrize("mode", MODES)
def test_risk_is_that_of_the_equation(mode):
    made = cohort(mode, 4000, effect=3.0, prevalence=0.3)
    logits = made.intercept + sum(
        3 * np.sqrt(made.origin.shares[name]) * score for name, score in made.origin.scores.items()
    )
    np.testing.assert_allclose(made.risk, 1 / (1 + np.exp(-logits)), rtol=1e-12)
    assert sum(made.origin.shares.values()) == 1
    assert made.risk.mean() == pytest.approx(0.3, abs=1e-9)
    for score in made.origin.scores.values():
        assert (score.mean(), score.var()) == pytest.approx((0, 1), abs=0.06)  # wirings are drawn, others are exact


@pytest.mark.parametrize("mode", MODES)
def test_the_ceiling_is_the_auc_of_the_true_risk(mode):
    made = cohort(mode, 4000)
    truth = made.truth()
    assert truth["bayes_auc"] == pytest.approx(metrics.roc_auc_score(made.labels, made.risk), abs=1e-12)
    # Labels drawn anew from the same risks have about the same AUC.
    again = np.random.default_rng(1).random(4000) < made.risk
    assert truth["bayes_auc"] == pytest.approx(metrics.roc_auc_score(again, made.risk), abs=0.04)
    assert truth["parameters"]["mode"] == mode


@pytest.mark.parametrize("mode", BY_VISITS)
def test_a_record_shows_the_risk_without_links(mode):
    made = cohort(mode, unlinked=0.5)
    assert made.risk_with_links is made.risk
    assert made.risk_without_links is made.risk


@pytest.mark.parametrize(("mode", "key"), [("interaction", "interactions"), ("order", "sequences")])
def test_the_truth_names_pairs_of_diagnoses(mode, key):
    made = cohort(mode)
    told = made.truth()[key]
    diagnoses = np.array([row["diagnoses"] for row in told])
    assert diagnoses.shape == (10, 2)
    assert len(np.unique(diagnoses)) == 20
    sums = {"interaction": interaction, "order": order}[mode].sums(
        diagnoses, np.array([row["effect"] for row in told]), made.store
    )
    np.testing.assert_allclose(made.origin.scores[mode], (sums - sums.mean()) / sums.std(), atol=1e-12)


def test_the_truth_names_treatments():
    made = cohort("stopping")
    told = made.truth()["treatments"]
    medications = np.array([row["medication"] for row in told])
    assert len(np.unique(medications)) == 12
    assert np.isin(made.world.pairs.orders_of_kind("rx"), medications).all()  # these recur in a patient
    sums = stopping.sums(medications, np.array([row["effect"] for row in told]), made.store)
    np.testing.assert_allclose(made.origin.scores["stopping"], (sums - sums.mean()) / sums.std(), atol=1e-12)


# Related codes.


def test_effects_of_families_have_a_rank_of_2_and_no_main_effects():
    made = cohort("related", 1, num_dx=200, num_rx=100)
    singular = np.linalg.svd(made.world.family_effects, compute_uv=False)
    assert singular[1] > 0.05 > 1e-9 > singular[2]
    codes = made.world.families
    use = {kind: np.empty(len(ranked)) for kind, ranked in made.world.ranked.items()}
    for kind, ranked in made.world.ranked.items():
        use[kind][ranked] = 1 / (np.arange(len(ranked)) + 4)
        use[kind] /= use[kind].sum()
    for effects in (made.world.pair_effects, made.world.family_effects[codes["dx"][:, None], codes["rx"]]):
        assert np.abs(effects @ use["rx"]).max() < 1e-9
        assert np.abs(use["dx"] @ effects).max() < 1e-9
    own = made.world.pair_effects - made.world.family_effects[codes["dx"][:, None], codes["rx"]]
    shares = [use["dx"] @ part**2 @ use["rx"] for part in (made.world.pair_effects, own)]
    assert shares[0] == pytest.approx(1, abs=0.06)  # the two parts are independent, not orthogonal
    assert shares[1] == pytest.approx(0.2, abs=1e-9)


def test_centred_effects():
    """Rows and columns have mean 0 whatever the weights, and a number per row and per column was taken away."""
    weights = np.array([[3.0, 1.0, 1.0], [1.0, 1.0, 2.0]])
    before = np.array([[5.0, 1.0, 0.0], [2.0, 2.0, 9.0]])
    effects = centred(before, weights)
    assert np.abs((effects * weights).sum(axis=0)).max() < 1e-9
    assert np.abs((effects * weights).sum(axis=1)).max() < 1e-9
    taken = before - effects
    np.testing.assert_allclose(taken[0] - taken[1], taken[0, 0] - taken[1, 0])


def test_links_of_related_codes():
    made = cohort("related", 10_000, num_dx=200, num_rx=100, mean_visits=20)
    store = made.store
    links = store.dx[dxobj_of(store, "rx")] * 100 + store.rx
    assert len(links) / len(store) == pytest.approx(13, abs=0.5)
    counts = np.bincount(links, minlength=20_000)
    assert 10_000 < np.count_nonzero(counts) < 18_000
    assert np.median(counts[counts > 0]) < 5
    assert len(store.pr) == 0
    visit = np.repeat(np.arange(len(store.dxobjs) - 1), np.diff(store.dxobjs))
    assert len(np.unique(visit * 200 + store.dx)) == len(store.dx)


def family_table(made):
    """Share of each family of medications among the orders of each family of diagnoses."""
    codes = made.world.families
    table = np.zeros((6, 5))
    np.add.at(table, (codes["dx"][made.store.dx[dxobj_of(made.store, "rx")]], codes["rx"][made.store.rx]), 1)
    return table / table.sum(axis=1, keepdims=True)


def test_informative_links_show_families():
    plain, informative = (cohort("related", 3000, informative_links=value) for value in (False, True))
    tables = [family_table(made) for made in (plain, informative)]
    spreads = [np.abs(table - table.mean(axis=0)).max() for table in tables]
    assert spreads[0] < 0.03
    assert spreads[1] > 0.2
    for made, table in zip((plain, informative), tables, strict=True):
        expected = np.stack([made.world.ordered[:, made.world.families["rx"] == f].sum(axis=1) for f in range(5)], 1)
        np.testing.assert_allclose(table, expected, atol=0.04)
    assert {kind: codes.tolist() for kind, codes in plain.world.families.items()} == informative.truth()["families"]
    # The pairs' effects have mean 0 among the links of each family, in the records too.
    for made in (plain, informative):
        dxobj = dxobj_of(made.store, "rx")
        effects = made.world.pair_effects[made.store.dx[dxobj], made.store.rx]
        for family in range(6):
            own = effects[made.world.families["dx"][made.store.dx[dxobj]] == family]
            assert abs(own.mean()) < 5 * own.std() / np.sqrt(len(own)) + 0.02


# Orders without a link.


def test_unlinked_by_hand():
    patients = [[[[0, [3], [7]], [1, [4], []]], []], [[[2, [5, 5], []]]]]
    store = pickled.from_lists(patients)
    assert pickled.to_lists(unlink(store, 0, 9, np.random.default_rng(0))) == patients
    assert pickled.to_lists(unlink(store, 1, 9, np.random.default_rng(0))) == [
        [[[0, [], []], [1, [], []], [9, [3, 4], [7]]], []],
        [[[2, [], []], [9, [5, 5], []]]],
    ]


@pytest.mark.parametrize("mode", ["additive", "related", "order"])
def test_a_share_of_the_orders_is_unlinked(mode):
    linked, made = cohort(mode, 2000), cohort(mode, 2000, unlinked=0.3)
    assert made.labels.tolist() == linked.labels.tolist()
    reserved = made.parameters.num_dx
    orders = sum(np.diff(getattr(made.store, f"{kind}_offsets")) for kind in ("rx", "pr"))
    lost = orders[made.store.dx == reserved]
    assert lost.sum() / orders.sum() == pytest.approx(0.3, abs=0.02)
    assert lost.min() == 1
    assert made.truth()["unlinked_orders"] == lost.sum()
    assert "unlinked_orders" not in linked.truth()
    for with_loss, without in zip(pickled.to_lists(made.store), pickled.to_lists(linked.store), strict=True):
        for visit, whole in zip(with_loss, without, strict=True):
            assert [dx for dx, _, _ in visit if dx != reserved] == [dx for dx, _, _ in whole]
            for kind in (1, 2):
                codes = [sorted(code for dxobj in v for code in dxobj[kind]) for v in (visit, whole)]
                assert codes[0] == codes[1]


def test_wirings_whose_links_are_lost_are_not_shown():
    whole, made, none = (cohort("additive", 1000, pair_effect=1.0, unlinked=share) for share in (0, 0.6, 1))
    shown = [pairs.shown(each.world.pairs, each.store) for each in (whole, made, none)]
    assert (shown[1] <= shown[0]).all()
    assert 0.3 < shown[1].mean() < shown[0].mean()
    assert not shown[2].any()
    np.testing.assert_allclose(none.risk_with_links, none.risk_without_links)
    aucs = [each.truth()["bayes_auc_with_links"] for each in (whole, made, none)]
    assert aucs[0] > aucs[1] > aucs[2] == 0.5


def test_nobody_knows_what_related_records_without_links_show():
    made = cohort("related", unlinked=0.3)
    assert made.risk_with_links is None
    assert np.isnan(made.truth()["bayes_auc_with_links"])


# The same seed.


@pytest.mark.parametrize("mode", MODES)
def test_the_same_seed_gives_the_same_cohort(mode):
    one, same, other = (cohort(mode, seed=seed, unlinked=0.2) for seed in (3, 3, 4))
    assert columns(one.store) == columns(same.store)
    assert one.labels.tolist() == same.labels.tolist()
    np.testing.assert_equal(one.truth(), same.truth())
    assert columns(one.store) != columns(other.store)


@pytest.mark.parametrize("mode", BY_VISITS)
def test_modes_have_the_additive_patients_with_other_labels(mode):
    made, additive = cohort(mode), cohort("additive")
    assert columns(made.store) == columns(additive.store)
    assert made.labels.tolist() != additive.labels.tolist()


def test_additive_cohorts_stay_as_they_were():
    """Records and labels of a seed, as simulated before modes were added."""
    made = simulate(200, 11, pair_effect=0.3)
    text = repr([*columns(made.store).values(), made.labels.tolist()])
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "bc0b4a4972939caec9a9ded06df1371503199c96b7bd7eaa609cf71114485074"
    )
    truth = made.truth()
    assert truth["intercept"] == pytest.approx(-2.169222728841949, rel=1e-12)
    assert truth["bayes_auc_with_links"] == pytest.approx(0.8774996296844911, rel=1e-9)
