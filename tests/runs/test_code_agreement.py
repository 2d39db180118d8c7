"""A model is not shown codes that mean something else than in training."""

import types

import pytest

from mime_tf.data import pickled
from mime_tf.data.cohort import Cohort
from mime_tf.data.vocabulary import COLUMNS, Vocabulary
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit


def vocabulary(*codes):
    """A Vocabulary of (kind, index, code)."""
    rows = [dict(zip(COLUMNS, (kind, str(index), "S", code, ""), strict=True)) for kind, index, code in codes]
    return Vocabulary(rows, {(row["kind"], int(row["index"])): row for row in rows})


def check(tmp_path, ours, theirs):
    pickled.write(tmp_path / "hf", [[[[0, [], []]]]])
    if theirs:
        theirs.write(tmp_path / "vocabulary.csv")
    run = types.SimpleNamespace(vocabulary=ours, folder="r0s0")
    FittedSplit.check_codes(run, Cohort.open(str(tmp_path / "hf"), labelled=False))


OURS = vocabulary(("dx", 0, "I10"), ("dx", 1, "I50"), ("rx", 0, "A1"))


@pytest.mark.parametrize(
    "theirs",
    [
        None,
        OURS,
        vocabulary(("dx", 0, "I10")),  # it knows fewer codes
        vocabulary(("dx", 0, "I10"), ("dx", 7, "E11")),  # and one that training did not have
        vocabulary(("dx", 0, ""), ("rx", 0, "A1")),  # a code without a name says nothing
    ],
)
def test_the_same_codes_pass(theirs, tmp_path):
    check(tmp_path, OURS, theirs)


def test_a_run_without_names_can_not_tell(tmp_path):
    check(tmp_path, None, OURS)


@pytest.mark.parametrize("kind", ["dx", "rx"])
def test_other_codes_are_refused(kind, tmp_path):
    theirs = vocabulary(*((k, 0, "other" if k == kind else OURS.by_index[k, 0]["code"]) for k in ("dx", "rx")))
    with pytest.raises(InputError, match=rf"hf\.seqs: its vocabulary\.csv says that {kind} 0 is 'other', that of r0s0"):
        check(tmp_path, OURS, theirs)


def test_a_cohort_that_came_from_no_file_is_not_compared():
    cohort = Cohort(pickled.from_lists([[[[0, [], []]]]]))
    FittedSplit.check_codes(types.SimpleNamespace(vocabulary=OURS, folder="r0s0"), cohort)
