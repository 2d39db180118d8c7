"""Numbers of rows that have each code, as training leaves them."""

import json

import numpy as np
import pytest

from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError
from mime_tf.runs.code_counts import CodeCounts

PATIENTS = [
    [[[0, [1], []], [0, [1, 1], [2]]], [[3, [], []]]],
    [[[0, [], [0]]]],
    [[[2, [1], []]]],
]


def counts_of(folder, ids="abb"):
    pickled.write(folder / "c", pickled.from_lists(PATIENTS), [0, 1, 0])
    (folder / "patients.csv").write_text("\n".join(["patient_id", *ids, ""]))
    return CodeCounts.of(Cohort.open(str(folder / "c")), np.array([0, 1, 2]))


def test_by_hand(tmp_path):
    counts = counts_of(tmp_path)
    assert (counts.rows, counts.patients) == (3, 2)
    assert {kind: each.tolist() for kind, each in counts.counts.items()} == {
        "dx": [2, 0, 1, 1],
        "rx": [0, 2],
        "pr": [1, 0, 1],
    }
    assert counts.shares("rx", 3).tolist() == [0, 2 / 3, 0] and counts.shares("dx", 1).tolist() == [2 / 3]


def test_some_rows_and_several_sets(tmp_path):
    cohort = Cohort.open(str(tmp_path / "c")) if counts_of(tmp_path) else None
    one = CodeCounts.of(cohort, np.array([2]))
    pooled = CodeCounts.pooled([one, counts_of(tmp_path)])
    assert (pooled.rows, pooled.patients, pooled.counts["rx"].tolist()) == (4, 2, [0, 3])


def test_written_and_read(tmp_path):
    counts = counts_of(tmp_path)
    assert CodeCounts.read(tmp_path) is None
    counts.write(tmp_path)
    again = CodeCounts.read(tmp_path)
    assert (again.rows, again.patients) == (3, 2) and again.counts["pr"].tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("name", "value"),
    [("rows", 0), ("rows", True), ("rows", 10**30), ("patients", 4), ("patients", None), ("dx", {}), ("dx", [4]),
     ("rx", [-1]), ("pr", [0.5]), (None, [])],
)  # fmt: skip
def test_damaged(name, value, tmp_path):
    counts_of(tmp_path).write(tmp_path)
    path = tmp_path / "code_counts.json"
    content = json.loads(path.read_text()) | {name: value} if name else value
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"code_counts\.json: ") as raised:
        CodeCounts.read(tmp_path)
    assert "\n" not in str(raised.value)
