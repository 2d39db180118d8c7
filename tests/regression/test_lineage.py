"""Ancestors as columns: their numbers and values by hand, against a slow reading, and what they are worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from support.cohorts import cohorts

from mime_tf.data import pickled
from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.regression import yardsticks
from mime_tf.regression.columns import ALL, Columns, code_key, codes_of, pair_key
from mime_tf.regression.lineage import FIRST, IN_PAIRS, Lineage
from mime_tf.splits.split import make_split

SIZES = {"dx": 6, "rx": 6, "pr": 6}


def vocabulary(sizes=SIZES):
    rows = {
        (kind, index): {"kind": kind, "index": str(index), "system": "s", "code": f"{kind}{index}", "display": ""}
        for kind, size in sizes.items()
        for index in range(size)
    }
    return Vocabulary(list(rows.values()), rows)


def lineage(*relations, sizes=SIZES):
    """The lineage of (kind, index, system of the ancestor, ancestor, level)."""
    rows = [Relation(kind, "s", f"{kind}{index}", *rest[:2], "", rest[2], "") for kind, index, *rest in relations]
    return Lineage.of(Hierarchy(rows), vocabulary(sizes))


def expanded(above, kind, codes, most=None):
    """The names of a code's ancestors, by position."""
    positions, numbers = above.expand(kind, np.array(codes, np.int64), most)
    return [
        (position, above.name(kind, number) if number >= FIRST else number)
        for position, number in zip(positions.tolist(), numbers.tolist(), strict=True)
    ]


GROUPS = [
    *(("dx", 0, "group", "a", 1), ("dx", 1, "group", "a", 1), ("dx", 2, "group", "b", 1), ("dx", 3, "group", "b", 1)),
    *(("dx", code, "chapter", "I", 2) for code in range(4)),
    *(("rx", 1, "class", "x", 1), ("rx", 2, "class", "x", 1)),
]


def test_codes_are_followed_by_their_ancestors():
    above = lineage(*GROUPS)
    assert expanded(above, "dx", [2, 5, 0]) == [
        *((0, 2), (1, 5), (2, 0)),
        *((0, "b (group)"), (0, "I (chapter)"), (2, "a (group)"), (2, "I (chapter)")),
    ]
    assert expanded(above, "dx", [2], most=1) == [(0, 2), (0, "b (group)")]
    assert expanded(above, "rx", [1, 3, 1000]) == [(0, 1), (1, 3), (2, 1000), (0, "x (class)")]
    assert expanded(above, "pr", [0]) == [(0, 0)]


def test_an_ancestor_that_tells_nothing_of_its_own_is_left_out():
    """One code alone has c; d is of the same codes as a."""
    told = lineage(*GROUPS, ("dx", 4, "group", "c", 1), ("dx", 0, "other", "d", 2), ("dx", 1, "other", "d", 2))
    assert (
        told.names
        == lineage(*GROUPS).names
        == {
            "dx": ["a (group)", "b (group)", "I (chapter)"],
            "rx": ["x (class)"],
            "pr": [],
        }
    )


def test_shuffled_ancestors_are_those_of_other_codes():
    above = lineage(*GROUPS)
    found = above.shuffled(np.random.default_rng(1))
    sets = [
        sorted(tuple(name for _, name in expanded(each, "dx", [code])[1:]) for code in range(6))
        for each in (above, found)
    ]
    assert sets[0] == sets[1]
    assert any(expanded(above, "dx", [code]) != expanded(found, "dx", [code]) for code in range(6))


def test_values_by_hand():
    """Two visits: diagnosis 0 with medications 1 and 2, of one class; diagnosis 2.

    The largest ancestors have 4 diagnoses and 2 medications: a code is scaled by 1/4 and by 1/2, a group of 2 diagnoses
    by 2/4, each to the power of 1/4.
    """
    above = lineage(*GROUPS)
    store = pickled.from_lists([[[[0, [1, 2], []]], [[2, [], []]]]])
    group, chapter = (FIRST + above.names["dx"].index(name) for name in ("a (group)", "I (chapter)"))
    drugs = FIRST
    expected = {
        code_key("dx", 0): (1 / 4, 1),
        code_key("dx", group): (1 / 2, 1),
        code_key("dx", chapter): (1, 2),
        code_key("dx", 5): (1, 0),  # it has no ancestor
        code_key("rx", drugs): (1, 2),
        pair_key(0, "rx", 1): (1 / 8, 1),
        pair_key(0, "rx", drugs): (1 / 4, 2),
        pair_key(group, "rx", 1): (1 / 4, 1),
        pair_key(group, "rx", drugs): (1 / 2, 2),
        pair_key(chapter, "rx", drugs): (1, 2),
    }
    keys = np.array(sorted(expected))
    columns = Columns((ALL,), (keys,), above)
    values = columns.matrix(store, np.array([0])).toarray()[0]
    share, times = np.array([expected[key] for key in keys.tolist()]).T
    scale = share**0.25
    np.testing.assert_allclose(columns.scale(keys), scale)
    np.testing.assert_allclose(values, np.concatenate([scale * (times > 0), scale * np.log1p(times)]))


def _alone(code):
    kind, number = code
    return kind, np.array([number])


def keys_of(patient, above):
    """The keys of a patient's visits, each as often as it occurs."""

    def of(kind, code, most=None):
        return above.expand(kind, np.array([code]), most)[1].tolist()

    keys = []
    for dx, *orders in (dxobj for visit in patient for dxobj in visit):
        keys += [code_key("dx", number) for number in of("dx", dx)]
        for kind, codes in zip(("rx", "pr"), orders, strict=True):
            for code in codes:
                keys += [code_key(kind, number) for number in of(kind, code)]
                keys += [
                    pair_key(one, kind, other) for one in of("dx", dx, IN_PAIRS) for other in of(kind, code, IN_PAIRS)
                ]
    return keys


@given(
    cohorts(),
    st.lists(st.tuples(st.sampled_from(["dx", "rx", "pr"]), st.integers(0, 5), st.integers(0, 3)), max_size=20),
)
def test_equality_with_a_slow_reading(patients, memberships):
    above = lineage(*((kind, code, "group", str(group), 1) for kind, code, group in sorted(set(memberships))))
    store, rows = pickled.from_lists(patients), np.arange(len(patients))
    columns = Columns.learn(store, rows, windows=(ALL,), least=1, lineage=above)
    keys = [keys_of(patient, above) for patient in patients]
    assert columns.keys[0].tolist() == sorted({key for of_patient in keys for key in of_patient})
    values = columns.matrix(store, rows).toarray()[:, : len(columns.keys[0])]
    scale = [np.prod([above.scale(*_alone(of))[0] for of in codes_of(key)]) for key in columns.keys[0].tolist()]
    has = np.array([[key in of_patient for key in columns.keys[0].tolist()] for of_patient in keys])
    np.testing.assert_allclose(values, has * np.array(scale))
    again = Columns.from_arrays(columns.arrays())
    assert (again.matrix(store, rows) != columns.matrix(store, rows)).nnz == 0
    assert again.names(None) == columns.names(None) and len(columns.names(None)) == len(columns)


# Yardsticks.

PATIENTS, CODES = 400, 100
STREAM = np.random.default_rng(0)


def family_risk():
    """Each patient has one link between two of 200 codes; the risk is that of the families of both, odd or even."""
    dx, rx = STREAM.integers(0, CODES, (2, PATIENTS))
    labels = ((dx + rx) % 2).astype(np.int64)
    store = pickled.from_lists([[[[int(a), [int(b)], []]]] for a, b in zip(dx, rx, strict=True)])
    families = [(kind, code, "family", str(code % 2), 1) for kind in ("dx", "rx") for code in range(CODES)]
    split = make_split(store, labels, np.arange(PATIENTS), 0, test_fraction=0.3, valid_fraction=0.2)
    return split, lineage(*families, sizes={"dx": CODES, "rx": CODES, "pr": 0})


def auc(fitted, split):
    return metrics.roc_auc_score(split.test.labels, yardsticks.probabilities(fitted, split.test))


def test_pairs_of_families_are_learned_from_pairs_that_never_occur_twice():
    split, above = family_risk()
    assert "pairs_ancestors" in yardsticks.available(None, above)
    assert auc(yardsticks.fit("pairs", split), split) == pytest.approx(0.5, abs=0.12)
    fitted = yardsticks.fit("pairs_ancestors", split, lineage=above)
    assert auc(fitted, split) == 1 and fitted.choice().endswith("with ancestors")
    again = type(fitted).from_arrays(fitted.arrays())
    np.testing.assert_allclose(
        again.logits(split.test.store, split.test.rows), fitted.logits(split.test.store, split.test.rows)
    )


def test_a_hierarchy_that_does_harm_on_valid_is_not_used():
    """Each code has its own risk; families that have nothing to do with it add columns of noise."""
    dx = STREAM.integers(0, 4, PATIENTS)
    store = pickled.from_lists([[[[int(code), [], []]]] for code in dx])
    split = make_split(store, (dx > 1).astype(np.int64), np.arange(PATIENTS), 0, test_fraction=0.3, valid_fraction=0.2)
    above = lineage(*(("dx", code, "family", str(code % 2), 1) for code in range(4)))
    fitted = yardsticks.fit("pairs_ancestors", split, lineage=above)
    plain = yardsticks.fit("pairs", split)
    assert fitted.valid_loss == min(plain.valid_loss, fitted.valid_loss)
    assert fitted.columns.lineage is None and auc(fitted, split) == 1
