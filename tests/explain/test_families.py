"""Explanations by family, against hand-computable contributions."""

from types import SimpleNamespace

import pytest

from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.explain.explanation import DxObject, Order, Visit
from mime_tf.explain.families import NONE, families, printed


def relation(kind, code, system, ancestor, name=""):
    return Relation(kind, "s", code, system, ancestor, "", 1, name)


ROWS = {("dx", 0): "asthma", ("dx", 1): "copd", ("dx", 2): "gout", ("rx", 0): "salbutamol"}
ROWS = {key: {"kind": key[0], "index": str(key[1]), "system": "s", "code": code} for key, code in ROWS.items()}
VOCABULARY = Vocabulary(list(ROWS.values()), ROWS)
HIERARCHY = Hierarchy(
    [
        relation("dx", "asthma", "organ", "lung", "Lung"),
        relation("dx", "copd", "organ", "lung", "Lung"),
        relation("dx", "copd", "organ", "heart"),
        relation("dx", "asthma", "chapter", "J"),
        relation("rx", "salbutamol", "class", "beta"),
    ]
)
# Asthma twice, alone .5 and .25, once with salbutamol; COPD, which is of two organs; gout.
EXPLANATION = SimpleNamespace(
    visits=(
        Visit((DxObject(0, "Asthma", 0.5, (Order("rx", 0, "Salbutamol", -0.75),)), DxObject(1, "COPD", -2.0, ())), ()),
        Visit((DxObject(0, "Asthma", 0.25, ()), DxObject(2, "Gout", 0.125, ())), ()),
    )
)


def test_families_add_up_and_unfold():
    found = families(EXPLANATION, HIERARCHY, VOCABULARY, ["organ", "class"])
    assert [(family.kind, family.name, family.contribution, family.codes) for family in found] == [
        ("dx", "heart", -1.0, (("COPD", -1.0),)),
        ("rx", "beta", -0.75, (("Salbutamol", -0.75),)),
        ("dx", "Lung (lung)", -0.25, (("COPD", -1.0), ("Asthma", 0.75))),
        ("dx", NONE, 0.125, (("Gout", 0.125),)),
    ]
    total = sum(visit.contribution for visit in EXPLANATION.visits)
    assert sum(family.contribution for family in found) == pytest.approx(total)
    lines = list(printed(found))
    assert lines[1].split() == ["-1.0000", "dx", "heart"] and lines[5].split() == ["-0.2500", "dx", "Lung", "(lung)"]
    assert len(lines) == 1 + 4 + 5


def test_an_unknown_level_is_an_error():
    with pytest.raises(InputError, match="families: found organs; must be of: chapter, class, organ"):
        families(EXPLANATION, HIERARCHY, VOCABULARY, ["organ", "organs"])
