"""The risk of simulated patients: wirings that only links show, scores, and expected risks."""

import numpy as np
import pytest
from sklearn import metrics
from support.simulated import SMALL, in_visits, linked, links_of

from mime_tf.data.store import offsets
from mime_tf.simulate.risk.logit import auc
from mime_tf.simulate.risk.pairs import KINDS as PAIR_KINDS
from mime_tf.simulate.simulation import simulate


def test_links_show_the_wirings_and_nothing_else_does(small):
    cohort, patients = small
    pairs = cohort.truth()["pairs"]
    shown = np.zeros(3, int)
    for row, patient in enumerate(patients):
        seen = [links_of(patient, pair) for pair in pairs]
        score, unseen = 0, 0
        for strength in range(3):
            first, second = seen[2 * strength : 2 * strength + 2]
            assert len(first) + len(second) <= 1  # one pair of each strength, always wired the same way
            shown[strength] += len(first | second)
            score += pairs[2 * strength]["weight"] * sum(first | second)
            unseen += 0 if first | second else pairs[2 * strength]["weight"]
        assert abs(cohort.origin.scores["pair"][row] - score) <= unseen + 1e-9
    assert shown[0] == len(patients)
    assert shown[2] > 0.4 * len(patients)


def test_both_links_of_a_pair_are_in_one_visit(small):
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
    for (dx, _), (first, second), kind in zip(world.pairs.dx, world.pairs.orders, PAIR_KINDS, strict=True):
        for code in (first, second):
            visits += in_visits(store, linked(store, kind, dx, code))
    counts = np.diff(offsets(visits)[store.visits])
    assert counts.min() >= 1
    assert np.mean(counts >= 3) > 0.7


def test_risk_is_that_of_the_equation(default):
    p = default.parameters
    logits = default.intercept + p.effect * np.sqrt(0.5) * (
        default.origin.scores["pair"] + default.origin.scores["code"]
    )
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
    order = np.argsort(cohort.origin.scores["code"], kind="stable")
    assert (np.diff(np.array(sums)[order]) > -1e-9).all()
    assert (cohort.origin.scores["code"].mean(), cohort.origin.scores["code"].std()) == pytest.approx((0, 1), abs=1e-9)


def test_scores_are_independent_and_of_variance_1(default):
    assert default.origin.scores["pair"].var() == pytest.approx(1, abs=0.03)
    assert abs(np.corrcoef(default.origin.scores["pair"], default.origin.scores["code"])[0, 1]) < 0.03
    assert abs(np.corrcoef(default.origin.scores["pair"], default.store.visit_counts)[0, 1]) < 0.03
    assert abs(np.corrcoef(default.origin.scores["pair"] ** 2, default.store.visit_counts)[0, 1]) < 0.03


def test_expected_risks_of_records(small):
    """By hand: the mean over both signs of the wirings that no link shows."""
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
        logit = cohort.intercept + scale * cohort.origin.scores["code"][row]
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
