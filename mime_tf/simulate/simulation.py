"""A simulated cohort: records, risks and labels.

    logit risk = intercept + effect * (sum over scores of sqrt(share) * score)

A mode's scores have mean 0 and variance 1, and their shares sum to 1. The modes with pairs have two: the code score,
which comes from the distinct codes of a record, and the pair score, which comes from links.
"""

import dataclasses
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import mime_tf
from mime_tf.data.store import Store, offsets
from mime_tf.simulate.parameters import WITH_DAYS, Parameters
from mime_tf.simulate.patients import draw
from mime_tf.simulate.related import patients as related_patients
from mime_tf.simulate.related import risk as related_risk
from mime_tf.simulate.related.world import RelatedWorld
from mime_tf.simulate.risk import interaction, order, pairs, recency, recency_days, single_codes, stopping
from mime_tf.simulate.risk.logit import Risk, auc, intercept, sigmoid
from mime_tf.simulate.unlinking import unlink
from mime_tf.simulate.world import World

_CHUNK = 20_000  # patients drawn at a time
# The modes whose one score the codes of the visits show, linked or not.
_BY_VISITS = {
    "interaction": interaction.risk,
    "recency": recency.risk,
    "recency_days": recency_days.risk,
    "order": order.risk,
    "stopping": stopping.risk,
}

Progress = Callable[[str], None] | None


@dataclasses.dataclass(frozen=True)
class Simulation:
    """A simulated cohort and the truth about it; arrays are float64 of shape (patients,) unless stated.

    Attributes:
        parameters: the parameters.
        world: the world that the patients share.
        store: the records.
        labels: int64 of 0 and 1, drawn from `risk`.
        risk: probability of label 1.
        risk_with_links: mean of `risk` given the whole record, the best possible prediction, or None where it is not
            known. It differs from `risk` where a record does not show every wiring.
        risk_without_links: mean of `risk` given the codes of each visit, the best possible prediction without links, or
            None where it is not known.
        origin: the scores of the risk, their shares, and how they arise.
        intercept: float, intercept of the logit.
    """

    parameters: Parameters
    world: World | RelatedWorld
    store: Store
    labels: np.ndarray
    risk: np.ndarray
    risk_with_links: np.ndarray | None
    risk_without_links: np.ndarray | None
    origin: Risk
    intercept: float

    def truth(self) -> dict[str, Any]:
        """Returns the truth about the cohort as a whole, as JSON can hold it; `docs/simulate.md` lists the keys."""
        store = self.store
        truth: dict[str, Any] = {
            "version": mime_tf.__version__,
            "numpy": np.__version__,
            "parameters": dataclasses.asdict(self.parameters),
            "patients": len(store),
            "visits": len(store.dxobjs) - 1,
            "dxobjects": len(store.dx),
            "medications": len(store.rx),
            "procedures": len(store.pr),
            "prevalence": float(self.labels.mean()),
            "intercept": self.intercept,
            "bayes_auc": self._auc(self.risk),
            "bayes_auc_with_links": self._auc(self.risk_with_links),
            "bayes_auc_without_links": self._auc(self.risk_without_links),
            "shares": self.origin.realized_shares(),
        }
        if self.parameters.unlinked:
            reserved = store.dx == self.parameters.sizes["dx"]
            orders = np.diff(store.rx_offsets) + np.diff(store.pr_offsets)
            truth["unlinked_orders"] = int(orders[reserved].sum())
        return truth | self.origin.truth

    def _auc(self, risk: np.ndarray | None) -> float:
        return math.nan if risk is None else auc(self.labels, risk)


def simulate(patients: int, seed: int = 0, *, progress: Progress = None, **parameters: Any) -> Simulation:
    """Simulates a cohort.

    Args:
        patients: number of patients.
        seed: seed of all random numbers. The same parameters give the same cohort, as long as NumPy draws the same
            numbers.
        progress: receives a line of text now and then.
        **parameters: the other attributes of `Parameters`.

    Raises:
        InputError: a parameter is out of range.

    Example:
    >>> cohort = simulate(1000, seed=3, pair_effect=1.0, mean_visits=5)
    >>> len(cohort.store), cohort.labels.shape, round(float(cohort.risk.mean()), 3)
    (1000, (1000,), 0.2)
    """
    chosen = Parameters(patients, seed, **parameters)
    world, wiring = chosen.world(), None
    if isinstance(world, RelatedWorld):
        store, origin = _draw_related(chosen, world, progress)
    else:
        store, origin, wiring = _draw(chosen, world, progress)
    parts = origin.parts(chosen.effect)
    constant = intercept(sum(parts.values(), np.zeros(patients)), chosen.prevalence)
    risk = sigmoid(sum(parts.values(), np.full(patients, constant)))
    if chosen.unlinked:
        store = unlink(store, chosen.unlinked, chosen.sizes["dx"], chosen.generator(4))
    with_links: np.ndarray | None = risk
    without_links: np.ndarray | None = risk
    if isinstance(world, RelatedWorld):
        with_links, without_links = None if chosen.unlinked else risk, None
    elif wiring is not None:
        logits, scale = constant + parts["code"], chosen.effect * math.sqrt(chosen.pair_effect)
        with_links = pairs.expected_risk(logits, scale, wiring, pairs.shown(world.pairs, store))
        without_links = pairs.expected_risk(logits, scale, wiring, np.zeros(wiring.shape, bool))
    labels = (chosen.generator(2).random(chosen.patients) < risk).astype(np.int64)
    return Simulation(chosen, world, store, labels, risk, with_links, without_links, origin, constant)


def _draw(parameters: Parameters, world: World, progress: Progress) -> tuple[Store, Risk, np.ndarray | None]:
    """Draws patients: their records, their risk, and the wirings if they are a part of it, else None."""
    chunks = [draw(world, parameters.mean_visits, count, rng) for count, rng in _chunks(parameters, progress)]
    store = _joined([chunk.store for chunk in chunks])
    if parameters.mode in WITH_DAYS:
        store = store.with_days(recency_days.days(store, parameters.generator(7)))
    if parameters.mode != "additive":
        return store, _BY_VISITS[parameters.mode](world, store, parameters.generator(3)), None
    wiring, sums = (np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in ("wiring", "code_sums"))
    scores = {"code": single_codes.score(sums), "pair": pairs.score(wiring)}
    shares = {"code": 1 - parameters.pair_effect, "pair": parameters.pair_effect}
    truth = {"pairs": pairs.truth(world.pairs), "codes": single_codes.truth(world.effects)}
    return store, Risk(scores, shares, truth), wiring


def _draw_related(parameters: Parameters, world: RelatedWorld, progress: Progress) -> tuple[Store, Risk]:
    """Draws patients of the mode `related`: their records and their risk."""
    mean_visits = parameters.mean_visits
    chunks = [related_patients.draw(world, mean_visits, count, rng) for count, rng in _chunks(parameters, progress)]
    store = _joined(chunks)
    return store, related_risk.risk(world, store, parameters.pair_effect)


def _chunks(parameters: Parameters, progress: Progress) -> Iterator[tuple[int, np.random.Generator]]:
    """Yields a number of patients and their random generator, chunk by chunk, which bounds memory."""
    for number, first in enumerate(range(0, parameters.patients, _CHUNK)):
        count = min(_CHUNK, parameters.patients - first)
        yield count, parameters.generator(1, number)
        if progress:
            progress(f"{first + count:,} of {parameters.patients:,} patients drawn")


def _joined(stores: list[Store]) -> Store:
    """Several stores as one."""
    columns = {}
    for name in stores[0].records:
        parts = [getattr(store, name) for store in stores]
        if name in ("dx", "rx", "pr"):
            columns[name] = np.concatenate(parts)
        else:
            columns[name] = offsets(np.concatenate([np.diff(part) for part in parts]))
    return Store(**columns)
