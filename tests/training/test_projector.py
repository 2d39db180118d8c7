"""The projector's table of codes: names, counts in training, and families where codes have ancestors."""

import numpy as np

from mime_tf import MiME
from mime_tf.data import pickled
from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.splits.split import Part
from mime_tf.training import tensorboard


def lines(folder, kind):
    return (folder / "embeddings" / f"{kind}_names.tsv").read_text().splitlines()


def test_the_farthest_ancestor_of_a_code_is_its_family(tmp_path):
    """Of code 0 the chapter lies above the category; code 1 has no ancestor; tabs would make further columns."""
    rows = [
        {"kind": "dx", "index": str(index), "system": "s", "code": code, "display": display}
        for index, (code, display) in enumerate([("E11.9", "Diabetes\ttype 2"), ("X", "")])
    ]
    vocabulary = Vocabulary(rows, {("dx", index): row for index, row in enumerate(rows)})
    hierarchy = Hierarchy(
        [
            Relation("dx", "s", "E11.9", "chapter", "E00-E90", "", 2, "endocrine\tsystem"),
            Relation("dx", "s", "E11.9", "category", "E11", "", 1, "diabetes"),
        ]
    )
    # Code 0 twice in one patient and once in another, with an order that the model has no row for.
    store = pickled.from_lists([[[[0, [], []]], [[0, [], []]]], [[[1, [], []]]], [[[0, [5], []]]]])
    train = Part(np.array([2, 0]), store, np.array([0, 1]))
    model = MiME(num_dx=2, num_rx=1, num_pr=1, emb_size=2, dxobj_emb_size=2, rnn_size=2)
    tensorboard.write_embeddings(str(tmp_path), model, train, vocabulary, hierarchy)
    assert lines(tmp_path, "dx") == [
        "name\tsystem\tcode\tin training\tpatients\tcount\tfamily",
        "Diabetes type 2 (E11.9)\ts\tE11.9\tyes\t2\t3\tendocrine system",
        "X\ts\tX\tno\t0\t0\t",
    ]
    assert lines(tmp_path, "rx")[1:] == ["rx 0\t\t\tno\t0\t0\t"]
    tensorboard.write_embeddings(str(tmp_path), model, train, None)
    header = "name\tsystem\tcode\tin training\tpatients\tcount"
    assert lines(tmp_path, "dx") == [header, "dx 0\t\t\tyes\t2\t3", "dx 1\t\t\tno\t0\t0"]
