"""Simulated cohorts whose risk is known, and the share of it that only the links of orders to diagnoses show.

    logit risk = intercept + effect * (sqrt(pair_effect) * pair_score + sqrt(1 - pair_effect) * code_score)

Both scores have mean 0 and variance 1. The code score comes from the distinct codes of a record, linked or not: the sum
of their effects, made normal by rank. The pair score is a sum over a patient's wirings (see `simulated_patients`).
These are independent of what the visits hold: a model that reads the codes of each visit and not the links can learn
nothing about them.
"""

import dataclasses
import itertools
import math
import statistics

import numpy as np

import mime_tf
from mime_tf.data.store import Store, offsets
from mime_tf.errors import InputError, show
from mime_tf.simulate.patients import PAIR_KINDS, PAIR_NAMES, STRENGTHS, World, draw, make_world

# Of a patient's three wirings. The squares sum to 1, and the eight sums with signs all differ and spread about as the
# code score does, which is normal: the risk separates patients equally well whatever the pairs' share of it.
WEIGHTS = np.array([4, 3, 2]) / math.sqrt(29)

_CHUNK = 20_000  # patients drawn at a time
_RANGES = {
    "patients": (1, 10_000_000),
    "seed": (0, 2**64 - 1),
    "pair_effect": (0, 1),
    "effect": (0, 10),
    "prevalence": (0.001, 0.999),
    "mean_visits": (3, 100),
    "num_dx": (40, 10_000),
    "num_rx": (20, 10_000),
    "num_pr": (20, 10_000),
}


@dataclasses.dataclass(frozen=True)
class Parameters:
    """What determines a simulated cohort.

    Attributes:
        patients: number of patients.
        seed: of all random numbers. The records depend on it, `patients`, `mean_visits` and the sizes, and on nothing
            else: cohorts that differ in their effects alone have the same patients.
        pair_effect: the pairs' share of the variance of the logit of the risk, from 0 to 1; single codes have the rest.
        effect: the standard deviation of that logit.
        prevalence: the mean risk.
        mean_visits: average number of visits of a patient.
        num_dx, num_rx, num_pr: sizes of the vocabularies.

    Raises:
        InputError: a value is out of its range.
    """

    patients: int
    seed: int = 0
    pair_effect: float = 0.5
    effect: float = 2.0
    prevalence: float = 0.2
    mean_visits: float = 20.0
    num_dx: int = 388
    num_rx: int = 99
    num_pr: int = 1824

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value, (low, high) = getattr(self, field.name), _RANGES[field.name]
            right, kinds = "a whole number", (int, np.integer)
            if field.type is float:
                right, kinds = "a number", (*kinds, float, np.floating)
            if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
                raise InputError(f"{field.name}: found {show(value)}; must be {right} from {low} to {high}")
            object.__setattr__(self, field.name, field.type(value))

    def world(self):
        """Returns the World that the patients come from."""
        sizes = {"dx": self.num_dx, "rx": self.num_rx, "pr": self.num_pr}
        return make_world(sizes, self.generator(0))

    def generator(self, *key):
        """Returns a numpy.random.Generator whose stream is that of the seed and the whole numbers `key`."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


@dataclasses.dataclass(frozen=True)
class Simulation:
    """A simulated cohort and the truth about it; arrays are float64 of shape (patients,) where not said otherwise.

    Attributes:
        parameters: Parameters.
        world: World.
        store: the patients, a Store.
        labels: int64 of 0 and 1, drawn from `risk`.
        risk: the probability of label 1.
        risk_with_links: the mean of `risk` given the whole record, the best that a model can predict. It is another
            than `risk` where a patient has too few visits to show every wiring.
        risk_without_links: the mean of `risk` given the codes of each visit, the best that can be predicted without
            links.
        pair_score, code_score: the two scores of the risk.
        intercept: float, of the logit.
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

    def truth(self):
        """Returns all that is true of the cohort as a whole: a dict of what JSON holds; `docs/simulate.md` lists it."""
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
            "pairs": [_pair(self.world, index) for index in range(len(PAIR_NAMES))],
            "codes": [
                {"kind": kind, "index": int(code), "effect": float(effects[code])}
                for kind, effects in self.world.effects.items()
                for code in np.flatnonzero(effects)
            ],
        }


def _pair(world, index):
    """One of the pairs, as the truth tells it."""
    (one, other), (first, second) = world.pair_dx[index].tolist(), world.pair_orders[index].tolist()
    return {
        "name": PAIR_NAMES[index],
        "kind": PAIR_KINDS[index],
        "weight": float(WEIGHTS[index // 2]),
        "links_of_risk": [[one, first], [other, second]],
        "links_of_protection": [[one, second], [other, first]],
    }


def simulate(patients, seed=0, *, progress=None, **parameters):
    """Simulates a cohort.

    Args:
        patients: number of patients.
        seed: of all random numbers. The same parameters give the same cohort, as long as NumPy draws the same numbers.
        progress: called with a line of text now and then.
        **parameters: the other attributes of `Parameters`.

    Returns:
        A Simulation.

    Raises:
        InputError: a parameter is out of its range.

    Example:
    >>> cohort = simulate(1000, seed=3, pair_effect=1.0, mean_visits=5)
    >>> len(cohort.store), cohort.labels.shape, round(float(cohort.risk.mean()), 3)
    (1000, (1000,), 0.2)
    """
    parameters = Parameters(patients, seed, **parameters)
    world, parts = parameters.world(), []
    for number, first in enumerate(range(0, parameters.patients, _CHUNK)):
        count = min(_CHUNK, parameters.patients - first)
        parts.append(draw(world, parameters.mean_visits, count, parameters.generator(1, number)))
        if progress:
            progress(f"{first + count:,} of {parameters.patients:,} patients drawn")
    wiring, shown, sums = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("wiring", "shown", "code_sums")
    )
    code_score, pair_score = _normal_scores(sums), _pair_score(wiring)
    of_codes = parameters.effect * math.sqrt(1 - parameters.pair_effect) * code_score
    of_pairs = parameters.effect * math.sqrt(parameters.pair_effect)
    intercept = _intercept(of_codes + of_pairs * pair_score, parameters.prevalence)
    risk = _sigmoid(intercept + of_codes + of_pairs * pair_score)
    return Simulation(
        parameters=parameters,
        world=world,
        store=_join([part.store for part in parts]),
        labels=(parameters.generator(2).random(parameters.patients) < risk).astype(np.int64),
        risk=risk,
        risk_with_links=_expected_risk(intercept + of_codes, of_pairs, wiring, shown),
        risk_without_links=_expected_risk(intercept + of_codes, of_pairs, wiring, np.zeros_like(shown)),
        pair_score=pair_score,
        code_score=code_score,
        intercept=intercept,
    )


def _join(stores):
    """Makes one Store of several."""
    columns = {}
    for field in dataclasses.fields(Store):
        parts = [getattr(store, field.name) for store in stores]
        if field.name in ("dx", "rx", "pr"):
            columns[field.name] = np.concatenate(parts)
        else:
            columns[field.name] = offsets(np.concatenate([np.diff(part) for part in parts]))
    return Store(**columns)


def _pair_score(wiring):
    """The weighted sum of wirings of shape (patients, 3)."""
    return (wiring * WEIGHTS).sum(axis=1)


def _normal_scores(values):
    """Puts in place of each value the normal variable of its rank; mean 0 and, unless all are equal, variance 1."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2) / len(values)
    scores = np.array([statistics.NormalDist().inv_cdf(rank) for rank in ranks])[inverse]
    scores -= scores.mean()
    return scores / (scores.std() or 1.0)


def _sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def _intercept(logits, prevalence):
    """Returns what to add to `logits` for the mean risk to be `prevalence`, by halving an interval."""
    middle = math.log(prevalence / (1 - prevalence))
    low, high = middle - float(logits.max()), middle - float(logits.min())
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _sigmoid(middle + logits).mean() < prevalence else (low, middle)
    return middle


def _expected_risk(logits, of_pairs, wiring, shown):
    """The mean risk over the wirings that are not `shown`, each +1 or -1 with equal probability."""
    total = np.zeros(len(logits))
    for signs in itertools.product((-1, 1), repeat=STRENGTHS):
        total += _sigmoid(logits + of_pairs * _pair_score(np.where(shown, wiring, signs)))
    return total / 2**STRENGTHS


def auc(labels, scores):
    """Returns the area under the ROC curve, a tie counting one half; NaN where all labels are the same.

    >>> auc(np.array([0, 1, 0, 1]), np.array([0.1, 0.4, 0.4, 0.8]))
    0.875
    """
    inverse = np.unique(scores, return_inverse=True)[1]
    zeros, ones = np.bincount(inverse, labels == 0), np.bincount(inverse, labels == 1)
    comparisons = zeros.sum() * ones.sum()
    return float(ones @ (np.cumsum(zeros) - zeros / 2) / comparisons) if comparisons else math.nan
