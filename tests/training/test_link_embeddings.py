"""Embeddings that start from the links: the singular vectors by hand, and their place in the initial weights."""

import dataclasses

import numpy as np
import pytest
from support.whole_runs import COHORT, SMALL

from mime_tf.config import SIZE_NAMES
from mime_tf.data import pickled, sizes
from mime_tf.errors import InputError
from mime_tf.training.fitter import Fitter
from mime_tf.training.link_embeddings import link_vectors

SIZES = {"num_dx": 3, "num_rx": 2, "num_pr": 2}
NAN = np.nan


def test_two_by_two_by_hand():
    # Diagnosis 0 leads to medication 0 three times and to procedure 1 once, diagnosis 1 the other way round; all else
    # has no link. Totals are 4, 4 and 4, 4, expected are 2 each: residuals (1, -1; -1, 1) / sqrt 2, of rank 1, with the
    # singular vectors (1, -1) / sqrt 2 on both sides. Scaled to the mean square 1 they are (1, -1); each kind of order
    # has one code with a link, so 1 and -1.
    objects = [[0, [0, 0, 0], [1]], [1, [], [1]], [1, [0], [1, 1]], [2, [], []]]
    store = pickled.from_lists([[objects[:2]], [objects[2:], []]])
    got = link_vectors(store, SIZES, 2)
    np.testing.assert_allclose(got["dx"], [[1, NAN], [-1, NAN], [NAN, NAN]], atol=1e-9)
    np.testing.assert_allclose(got["rx"], [[1, NAN], [NAN, NAN]], atol=1e-9)
    np.testing.assert_allclose(got["pr"], [[NAN, NAN], [-1, NAN]], atol=1e-9)


def test_larger_tables_agree_with_a_dense_decomposition():
    rng = np.random.default_rng(3)
    patients = [
        [[[int(rng.integers(8)), rng.integers(6, size=3).tolist(), rng.integers(5, size=1).tolist()]] * 2]
        for _ in range(60)
    ]
    counts = np.zeros((8, 11))
    for patient in patients:
        for dx, rx, pr in patient[0]:
            for column in [*rx, *(6 + code for code in pr)]:
                counts[dx, column] += 1
    expected = np.outer(counts.sum(1), counts.sum(0)) / counts.sum()
    left, _, right = np.linalg.svd((counts - expected) / np.sqrt(expected))
    got = link_vectors(pickled.from_lists(patients), {"num_dx": 8, "num_rx": 6, "num_pr": 5}, 3)
    for column in range(3):
        sign = np.sign(left[np.abs(left[:, column]).argmax(), column])
        for kind, vector in (("dx", left[:, column]), ("rx", right[column, :6]), ("pr", right[column, 6:])):
            wanted = sign * vector / np.sqrt(np.mean(vector**2))
            np.testing.assert_allclose(got[kind][:, column], wanted, atol=1e-8)


def test_no_link_at_all():
    store = pickled.from_lists([[[[0, [], []]]]])
    assert all(np.isnan(vectors).all() for vectors in link_vectors(store, SIZES, 6).values())


def test_the_first_columns_come_from_the_links_and_the_rest_as_ever():
    store, _ = pickled.read(COHORT)
    resolved = sizes.resolve(store, dict.fromkeys(SIZE_NAMES), "cohort")
    config = dataclasses.replace(SMALL, split_seeds=(0,), tensorboard=False)
    links = dataclasses.replace(config, init_embeddings="links", link_dimensions=2)
    plain, linked = (Fitter(each, resolved, store) for each in (config, links))
    vectors = link_vectors(store, resolved, 2)
    for fitter in (plain, linked):
        fitter.start(0)
    before, after = (fitter.model.get_weights() for fitter in (plain, linked))
    tables = [vectors[kind] for kind in ("dx", "rx", "pr")]
    for old, new, vector in zip(before[:3], after[:3], tables, strict=True):
        known = ~np.isnan(vector)
        assert known.any()
        np.testing.assert_allclose(new[:, :2][known], (vector * np.sqrt(2 / sum(old.shape)))[known], rtol=1e-5)
        np.testing.assert_array_equal(new[:, :2][~known], old[:, :2][~known])
        np.testing.assert_array_equal(new[:, 2:], old[:, 2:])
    for old, new in zip(before[3:], after[3:], strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init_from": "weights.npz"}, "init_embeddings, init_from: found links, weights.npz; must be random where"),
        ({"link_dimensions": 4}, "link_dimensions, dx_emb_size: found 4, 3; must be at most dx_emb_size"),
    ],
)
def test_links_that_do_not_go_together_with_other_flags(changes, message):
    with pytest.raises(InputError) as error:
        dataclasses.replace(SMALL, **{"init_embeddings": "links", "link_dimensions": 2} | changes)
    assert str(error.value).startswith(message)
