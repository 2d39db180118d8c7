"""A simulated cohort: records, risks and labels.

    logit risk = intercept + effect * (sqrt(pair_effect) * pair_score + sqrt(1 - pair_effect) * code_score)

Both scores have mean 0 and variance 1. `mime_tf.simulate.risk.single_codes` has the code score, which comes from the
distinct codes of a record, and `mime_tf.simulate.risk.pairs` the pair score, which only links show.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

import mime_tf
from mime_tf.data.store import Store, offsets
from mime_tf.simulate.parameters import Parameters
from mime_tf.simulate.patients import draw
from mime_tf.simulate.risk import pairs, single_codes
from mime_tf.simulate.risk.logit import auc, intercept, sigmoid
from mime_tf.simulate.world import World

_CHUNK = 20_000  # patients drawn at a time


@dataclasses.dataclass(frozen=True)
class Simulation:
    """A simulated cohort and the truth about it; arrays are float64 of shape (patients,) unless stated.

    Attributes:
        parameters: the parameters.
        world: the world that the patients share.
        store: the records.
        labels: int64 of 0 and 1, drawn from `risk`.
        risk: probability of label 1.
        risk_with_links: mean of `risk` given the whole record, the best possible prediction. It differs from `risk`
            where a patient has too few visits to show every wiring.
        risk_without_links: mean of `risk` given the codes of each visit, the best possible prediction without links.
        pair_score, code_score: the two scores of the risk.
        intercept: float, intercept of the logit.
    """

    parameters: Parameters
    world: World
    store: Store
    labels: np.ndarray
    risk: np.ndarray
    risk_with_links: np.ndarray
    risk_without_links: np.ndarray
    pair_score: np.ndarray
    code_score: np.ndarray
    intercept: float

    def truth(self) -> dict[str, Any]:
        """Returns the truth about the cohort as a whole, as JSON can hold it; `docs/simulate.md` lists the keys."""
        store, share = self.store, self.parameters.pair_effect
        variances = {"pair": share * self.pair_score.var(), "code": (1 - share) * self.code_score.var()}
        total = np.var(math.sqrt(share) * self.pair_score + math.sqrt(1 - share) * self.code_score)
        return {
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
            "bayes_auc": auc(self.labels, self.risk),
            "bayes_auc_with_links": auc(self.labels, self.risk_with_links),
            "bayes_auc_without_links": auc(self.labels, self.risk_without_links),
            "shares": {name: float(value / total) if total else math.nan for name, value in variances.items()},
            "pairs": pairs.truth(self.world.pairs),
            "codes": single_codes.truth(self.world.effects),
        }


def simulate(
    patients: int, seed: int = 0, *, progress: Callable[[str], None] | None = None, **parameters: Any
) -> Simulation:
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
    world = chosen.world()
    store, wiring, shown, sums = _draw(chosen, world, progress)
    code_score, pair_score = single_codes.score(sums), pairs.score(wiring)
    code_part = chosen.effect * math.sqrt(1 - chosen.pair_effect) * code_score
    pair_scale = chosen.effect * math.sqrt(chosen.pair_effect)
    constant = intercept(code_part + pair_scale * pair_score, chosen.prevalence)
    risk = sigmoid(constant + code_part + pair_scale * pair_score)
    return Simulation(
        parameters=chosen,
        world=world,
        store=store,
        labels=(chosen.generator(2).random(chosen.patients) < risk).astype(np.int64),
        risk=risk,
        risk_with_links=pairs.expected_risk(constant + code_part, pair_scale, wiring, shown),
        risk_without_links=pairs.expected_risk(constant + code_part, pair_scale, wiring, np.zeros_like(shown)),
        pair_score=pair_score,
        code_score=code_score,
        intercept=constant,
    )


def _draw(
    parameters: Parameters, world: World, progress: Callable[[str], None] | None
) -> tuple[Store, np.ndarray, np.ndarray, np.ndarray]:
    """Draws the patients in chunks, which bounds memory: the records, wirings, shown wirings and sums of effects."""
    parts = []
    for number, first in enumerate(range(0, parameters.patients, _CHUNK)):
        count = min(_CHUNK, parameters.patients - first)
        parts.append(draw(world, parameters.mean_visits, count, parameters.generator(1, number)))
        if progress:
            progress(f"{first + count:,} of {parameters.patients:,} patients drawn")
    wiring, shown, sums = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("wiring", "shown", "code_sums")
    )
    return _joined([part.store for part in parts]), wiring, shown, sums


def _joined(stores: list[Store]) -> Store:
    """Several stores as one."""
    columns = {}
    for field in dataclasses.fields(Store):
        parts = [getattr(store, field.name) for store in stores]
        if field.name in ("dx", "rx", "pr"):
            columns[field.name] = np.concatenate(parts)
        else:
            columns[field.name] = offsets(np.concatenate([np.diff(part) for part in parts]))
    return Store(**columns)
