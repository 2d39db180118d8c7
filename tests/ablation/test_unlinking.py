"""Links taken away: wrong partners, and every code by itself."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cohorts import NUM_DX, NUM_PR, NUM_RX, cohorts

from mime_tf.ablation import unlinking
from mime_tf.ablation.unlinking import partners_changed, shuffled, unlinked
from mime_tf.data import pickled
from mime_tf.data.store import CODE_KINDS
from mime_tf.errors import InputError
from mime_tf.simulate import simulation
from mime_tf.splits.split import eligible

SIZES = {"num_dx": NUM_DX, "num_rx": NUM_RX, "num_pr": NUM_PR}
KINDS = ("rx", "pr")


def store_of(*visits):
    """One patient."""
    return pickled.from_lists([list(visits)])


def bag(visit):
    """The codes of a visit of nested lists, by kind, with their numbers."""
    return Counter(
        [("dx", dx) for dx, _, _ in visit]
        + [("rx", code) for _, rx, _ in visit for code in rx]
        + [("pr", code) for _, _, pr in visit for code in pr]
    )


def pairs(visit):
    """The linked pairs of a visit, with their numbers."""
    return Counter(
        (kind, dx, code) for dx, *orders in visit for kind, codes in zip(KINDS, orders, strict=True) for code in codes
    )


def visits_of(store):
    return [visit for patient in pickled.to_lists(store) for visit in patient]


# Shuffled.


@given(cohorts(), st.integers(0, 3))
def test_a_shuffle_keeps_all_but_the_partners(patients, seed):
    store = pickled.from_lists(patients)
    dealt, changed = shuffled(store, np.random.default_rng(seed))
    for name in ("visits", "dxobjs", "dx", "rx_offsets", "pr_offsets"):
        assert getattr(dealt, name).tolist() == getattr(store, name).tolist()
    assert (dealt.rx.dtype, dealt.pr.dtype) == (np.int32, np.int32)
    before, after = visits_of(store), visits_of(dealt)
    assert [bag(visit) for visit in after] == [bag(visit) for visit in before]
    lost = sum(sum((pairs(new) - pairs(old)).values()) for old, new in zip(before, after, strict=True))
    orders = len(store.rx) + len(store.pr)
    assert changed == pytest.approx(lost / orders if orders else 0, abs=1e-12)


@given(cohorts(min_patients=2), st.floats(0.01, 1))
def test_a_shuffle_leaves_eligibility_alone(patients, least):
    store = pickled.from_lists(patients)
    dealt, _ = shuffled(store, np.random.default_rng(0))
    try:
        rows = eligible(store, association_threshold=least).tolist()
    except InputError:
        with pytest.raises(InputError):
            eligible(dealt, association_threshold=least)
    else:
        assert eligible(dealt, association_threshold=least).tolist() == rows


def test_a_shuffle_deals_every_hand_and_stays_in_the_visit():
    """Two places for medications in the first visit, of either order; the second visit has nothing to swap."""
    store = store_of([[0, [1], []], [1, [2], [0]]], [[2, [3], [1, 2]]])
    hands = Counter(tuple(shuffled(store, np.random.default_rng(seed))[0].rx.tolist()) for seed in range(400))
    assert set(hands) == {(1, 2, 3), (2, 1, 3)}
    assert min(hands.values()) > 150  # 200 expected, with a standard deviation of 10


def test_a_place_may_get_an_order_of_any_other():
    """Three places in one visit: all six deals, each about equally often."""
    store = store_of([[0, [1, 2], []], [1, [3], []]])
    hands = Counter(tuple(shuffled(store, np.random.default_rng(seed))[0].rx.tolist()) for seed in range(1200))
    assert len(hands) == 6
    assert all(140 < times < 260 for times in hands.values())


def test_the_same_seed_gives_the_same_shuffle():
    store = simulation.simulate(50, 0, mean_visits=4).store
    first, same, other = (shuffled(store, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert first.rx.tolist() == same.rx.tolist() != other.rx.tolist()


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        ([[0, [1], []], [1, [2], []]], [[0, [1], []], [1, [2], []]], 0),
        ([[0, [1], []], [1, [2], []]], [[0, [2], []], [1, [1], []]], 1),
        ([[0, [1], [3]], [1, [2], [3]]], [[0, [2], [3]], [1, [1], [3]]], 0.5),  # like procedures
        ([[0, [1], []], [0, [2], []]], [[0, [2], []], [0, [1], []]], 0),  # like diagnoses
        ([[0, [1, 2], []], [1, [1], []]], [[0, [1, 1], []], [1, [2], []]], 2 / 3),  # one (0, 1) there, two here
        ([[0, [], []]], [[0, [], []]], 0),
    ],
)
def test_partners_changed_by_hand(before, after, share):
    assert partners_changed(store_of(before), store_of(after)) == pytest.approx(share)


def test_a_pair_of_another_visit_is_no_partner_kept():
    before = store_of([[0, [1], []], [1, [2], []]], [[0, [2], []], [1, [1], []]])
    after = store_of([[0, [2], []], [1, [1], []]], [[0, [2], []], [1, [1], []]])
    assert partners_changed(before, after) == 0.5


def test_large_codes_do_not_run_into_each_other():
    top = pickled.MAX_CODE
    before, after = store_of([[top, [top], []], [0, [top - 1], []]]), store_of([[top, [top - 1], []], [0, [top], []]])
    assert partners_changed(before, after) == 1
    assert partners_changed(before, before) == 0


def test_most_orders_of_simulated_patients_with_several_places_move():
    store = simulation.simulate(300, 0, mean_visits=5).store
    changed = shuffled(store, np.random.default_rng(0))[1]
    assert 0.3 < changed < 0.6  # visits have 1.8 Dx-objects, so many orders have nowhere to go


# Unlinked.


@given(cohorts())
def test_unlinked_visits_are_bags_of_the_same_codes(patients):
    store = pickled.from_lists(patients)
    flat = unlinked(store, SIZES)
    first = {"dx": 0, "rx": NUM_DX, "pr": NUM_DX + NUM_RX}
    assert flat.visits.tolist() == store.visits.tolist()
    for old, new in zip(visits_of(store), visits_of(flat), strict=True):
        expected = Counter()
        for (kind, code), times in bag(old).items():
            expected[first[kind] + code] += times
        assert Counter(dx for dx, _, _ in new) == expected
        assert all(orders == [[], []] for _, *orders in new)
    for name, kind in (("dxobjs", np.int64), ("dx", np.int32), ("rx", np.int32), ("rx_offsets", np.int64)):
        assert getattr(flat, name).dtype == kind


@given(cohorts(), st.integers(0, 3))
def test_a_flat_bag_does_not_tell_links_from_shuffled_ones(patients, seed):
    store = pickled.from_lists(patients)
    dealt, _ = shuffled(store, np.random.default_rng(seed))
    linked, shuffled_bags = (visits_of(unlinked(form, SIZES)) for form in (store, dealt))
    assert [sorted(visit) for visit in linked] == [sorted(visit) for visit in shuffled_bags]


def test_an_unknown_diagnosis_leaves_its_orders_in_the_flat_bag_only():
    store = store_of([[1, [0], [2]]])
    flat = unlinked(store, SIZES)
    known = {kind: np.ones(SIZES[f"num_{kind}"], bool) for kind in CODE_KINDS}
    known["dx"][1] = False
    assert visits_of(store.keep_known(known)) == [[]]
    of_flat = {"dx": np.ones(sum(SIZES.values()), bool), "rx": np.zeros(0, bool), "pr": np.zeros(0, bool)}
    of_flat["dx"][1] = False
    assert [dx for dx, _, _ in visits_of(flat.keep_known(of_flat))[0]] == [NUM_DX, NUM_DX + NUM_RX + 2]


def test_a_joint_vocabulary_too_large_to_number():
    with pytest.raises(InputError, match=r"num_dx, num_rx, num_pr: found 2147483649 codes in all; at most 2147483648"):
        unlinked(store_of([[0, [], []]]), {"num_dx": 2**31 - 1, "num_rx": 1, "num_pr": 1})
    assert unlinking.unlinked(store_of([[0, [], []]]), {"num_dx": 2**31 - 2, "num_rx": 1, "num_pr": 1}).dx.tolist() == [
        0
    ]
