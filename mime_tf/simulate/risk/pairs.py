"""Risk of links alone: pairs of diagnoses and orders whose wiring nothing but the links shows.

A pair is two chronic diagnoses that occur in one visit, and two orders that are then made: one because of the one
diagnosis, the other because of the other. Which because of which is the patient's *wiring*, +1 or -1, drawn
independently of all else. So a model that reads the codes of a visit and not their links can learn nothing about it.
"""

import dataclasses
import itertools
import math
from typing import Any

import numpy as np

from mime_tf.data.store import Store, offsets
from mime_tf.simulate.risk.logit import sigmoid

# A patient has one of A and B, one of C and D and one of E and F. The pairs get medications and procedures in turn.
NAMES = "ABCDEF"
KINDS = ("rx", "pr", "rx", "pr", "rx", "pr")
STRENGTHS = 3
# Weights of a patient's three wirings. Their squares sum to 1, and the eight sums with signs all differ and have about
# the spread of the code score, which is normal: the risk separates patients equally well whatever the pairs' share.
WEIGHTS = np.array([4, 3, 2]) / math.sqrt(29)
PAIRED_SHARE = 0.6  # of the visits after the first that hold two Dx-objects or more


@dataclasses.dataclass(frozen=True)
class Pairs:
    """The codes of the pairs.

    Attributes:
        dx, orders: int64 (6, 2), the diagnoses of each pair and its orders. A wiring of +1 links the first order to the
            first diagnosis and the second to the second; -1 crosses them.
    """

    dx: np.ndarray
    orders: np.ndarray

    def orders_of_kind(self, kind: str) -> np.ndarray:
        """Returns the orders of all pairs of a kind; none for `"dx"`."""
        return self.orders[np.array(KINDS) == kind].ravel()

    def orders_of_diagnoses(self, kind: str) -> dict[int, np.ndarray]:
        """Returns the orders of each diagnosis's pair, for the pairs of a kind."""
        return {dx: self.orders[i] for i in range(len(NAMES)) if KINDS[i] == kind for dx in self.dx[i].tolist()}


@dataclasses.dataclass(frozen=True)
class PairDraw:
    """The pairs in the visits of patients.

    Attributes:
        carried: int64 (patients, 3), the indices of each patient's pairs.
        wiring: int8 (patients, 3), +1 or -1, of these pairs.
        pair: int64 (paired visits,), index of the visit's pair.
        dxobjs: int64 (paired visits, 2), the Dx-objects of its diagnoses.
        orders: int64 (paired visits, 2), the order of each of these Dx-objects.
    """

    carried: np.ndarray
    wiring: np.ndarray
    pair: np.ndarray
    dxobjs: np.ndarray
    orders: np.ndarray


def choose(ranked: dict[str, np.ndarray]) -> Pairs:
    """Chooses the codes of the pairs.

    Args:
        ranked: the codes of each kind, the most used first.
    """
    count = len(NAMES)
    orders = np.empty((count, 2), np.int64)
    # The most used orders, which other diagnoses call for too, or a bag of codes could tell their diagnosis.
    orders[::2], orders[1::2] = (ranked[kind][:count].reshape(-1, 2) for kind in ("rx", "pr"))
    return Pairs(ranked["dx"][: 2 * count].reshape(count, 2), orders)


def draw(
    pairs: Pairs, patient: np.ndarray, first: np.ndarray, dxobjs: np.ndarray, rng: np.random.Generator
) -> PairDraw:
    """Draws each patient's pairs and wirings, and the visits in which they occur.

    Args:
        pairs: the codes.
        patient: int64 (visits,), the patient of each visit.
        first: bool (visits,): the visit is the patient's first.
        dxobjs: int64 (visits,), number of Dx-objects of each visit; at least 2 in a first one.
        rng: random generator.
    """
    patients = int(np.count_nonzero(first))
    paired = np.flatnonzero(first | ((dxobjs > 1) & (rng.random(len(patient)) < PAIRED_SHARE)))
    carried = 2 * np.arange(STRENGTHS) + rng.integers(0, 2, (patients, STRENGTHS))
    wiring = (2 * rng.integers(0, 2, (patients, STRENGTHS)) - 1).astype(np.int8)
    owner = patient[paired]
    counts = np.bincount(owner, minlength=patients)
    turn = (np.arange(len(paired)) - offsets(counts)[owner]) % STRENGTHS  # a patient's pairs take turns
    pair = carried[owner, turn]
    chosen_dxobjs = _two_of_each(offsets(dxobjs)[paired], dxobjs[paired], rng)
    orders = pairs.orders[pair]
    orders = np.where(wiring[owner, turn, None] > 0, orders, orders[:, ::-1])
    return PairDraw(carried, wiring, pair, chosen_dxobjs, orders)


def _two_of_each(starts: np.ndarray, lengths: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws two different indices of each run: int64 (runs, 2)."""
    first = rng.integers(0, lengths)
    second = (first + rng.integers(1, lengths)) % lengths
    return starts[:, None] + np.stack([first, second], axis=1)


def score(wiring: np.ndarray) -> np.ndarray:
    """Returns the pair score: the weighted sum of each patient's wirings."""
    return (wiring * WEIGHTS).sum(axis=1)


def shown(pairs: Pairs, store: Store) -> np.ndarray:
    """Returns whether a link of the record shows each of the patient's wirings: bool (patients, 3)."""
    result = np.zeros((len(store), STRENGTHS), bool)
    for index, kind in enumerate(KINDS):
        orders = np.flatnonzero(np.isin(getattr(store, kind), pairs.orders[index]))
        dxobj = np.searchsorted(getattr(store, f"{kind}_offsets"), orders, side="right") - 1
        linked = dxobj[np.isin(store.dx[dxobj], pairs.dx[index])]
        result[np.searchsorted(store.dxobjs[store.visits], linked, side="right") - 1, index // 2] = True
    return result


def expected_risk(logits: np.ndarray, scale: float, wiring: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Returns the mean risk over the wirings that are not shown, each +1 or -1 with equal probability.

    Args:
        logits: float64 (patients,), the logits without the pair score.
        scale: factor of the pair score in the logit.
        wiring: int8 (patients, 3).
        shown: bool (patients, 3).
    """
    total = np.zeros(len(logits))
    for signs in itertools.product((-1, 1), repeat=STRENGTHS):
        total += sigmoid(logits + scale * score(np.where(shown, wiring, signs)))
    return total / 2**STRENGTHS


def truth(pairs: Pairs) -> list[dict[str, Any]]:
    """Returns the pairs, for the truth in JSON."""
    return [_truth(pairs, index) for index in range(len(NAMES))]


def _truth(pairs: Pairs, index: int) -> dict[str, Any]:
    (first_dx, second_dx), (first, second) = pairs.dx[index].tolist(), pairs.orders[index].tolist()
    return {
        "name": NAMES[index],
        "kind": KINDS[index],
        "weight": float(WEIGHTS[index // 2]),
        "links_of_risk": [[first_dx, first], [second_dx, second]],
        "links_of_protection": [[first_dx, second], [second_dx, first]],
    }
