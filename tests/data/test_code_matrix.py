"""Which patients have which codes, and how often."""

import numpy as np
import pytest

from mime_tf.data import code_matrix as module
from mime_tf.data import pickled
from mime_tf.data.code_matrix import code_matrix, count_by_code

# Medication 1 is given thrice to patient 0, in two visits, and once to patient 2; nobody has procedure 0.
STORE = pickled.from_lists(
    [
        [[[0, [1], []], [0, [1, 2], [1]]], [[3, [1], []]]],
        [[[0, [0], []]], []],
        [[[2, [1], [1, 1]]]],
    ]
)


def test_matrix_by_hand():
    assert code_matrix(STORE, np.array([2, 0]), "rx", 4).toarray().tolist() == [[0, 1, 0, 0], [0, 3, 1, 0]]
    assert code_matrix(STORE, np.array([0, 1, 2]), "pr", 2).toarray().tolist() == [[0, 1], [0, 0], [0, 2]]


@pytest.mark.parametrize("block", [1, 2, 50_000])
def test_counts_by_hand(block, monkeypatch):
    monkeypatch.setattr(module, "_BLOCK", block)
    counts = {kind: count_by_code(STORE, np.array([2, 0, 1]), kind) for kind in ("dx", "rx", "pr")}
    assert {kind: (having.tolist(), occurring.tolist()) for kind, (having, occurring) in counts.items()} == {
        "dx": ([2, 0, 1, 1], [3, 0, 1, 1]),
        "rx": ([1, 2, 1], [1, 4, 1]),
        "pr": ([0, 2], [0, 3]),
    }
    assert [counts.tolist() for counts in count_by_code(STORE, np.array([1]), "dx")] == [[1, 0, 0, 0], [1, 0, 0, 0]]
