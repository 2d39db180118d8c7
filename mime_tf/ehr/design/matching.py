"""For each case the nearest controls: the same sex, about as many earlier visits, and as close in age as there is."""

import dataclasses

import numpy as np

from mime_tf.ehr.design.timeline import YEAR

# The ages searched first are a small part of those allowed, because most cases find a control there.
_PARTS = (512, 64, 8, 1)


@dataclasses.dataclass(frozen=True)
class Traits:
    """What cases and controls are matched on, arrays over patients at times.

    Attributes:
        patient: int64, the patient's number.
        sex: int64, a number for each sex.
        age: int64, in seconds; any one number far from all ages where it is not known.
        visits: int64, how many visits the window holds.
    """

    patient: np.ndarray
    sex: np.ndarray
    age: np.ndarray
    visits: np.ndarray


def match(cases, pool, rules):
    """Matches controls to cases, greedily.

    The cases take turns in an order drawn with the seed: each takes one control, then each a second one, up to
    `controls`. It takes the patient nearest to it in age whom nobody has taken yet, at the time at which that patient
    is nearest; of equally near ones, one drawn with the seed. So a patient is a control once at most.

    Args:
        cases: Traits.
        pool: Traits of the patients who may be controls, each at as many times as there are.
        rules: Rules, for `controls`, `match_age_years`, `match_visits` and `seed`.

    Returns:
        Two int64 arrays of one length, positions in `cases` and in `pool`, in the order in which they were matched.
    """
    random = np.random.default_rng(rules.seed)
    turn = random.permutation(len(cases.patient)).tolist()
    shuffled = random.permutation(len(pool.patient))
    strata = {sex: _Stratum(pool, shuffled[pool.sex[shuffled] == sex]) for sex in np.unique(cases.sex).tolist()}
    taken = np.zeros(int(pool.patient.max(initial=-1)) + 1, bool)
    within = int(rules.match_age_years * YEAR)
    # The small number is for shares such as 0.29, of which a hundred are a little less than 29.
    apart = np.maximum(1, rules.match_visits * cases.visits + 1e-9).tolist()
    sexes, ages, visits = cases.sex.tolist(), cases.age.tolist(), cases.visits.tolist()
    matched, found = [], []
    for _ in range(rules.controls):
        still = []
        for case in turn:
            row = strata[sexes[case]].nearest(ages[case], within, visits[case], apart[case], taken)
            if row is not None:
                taken[pool.patient[row]] = True
                matched.append(case)
                found.append(row)
                still.append(case)
        turn = still  # who found nobody won't find anybody later
    return np.array(matched, np.int64), np.array(found, np.int64)


class _Stratum:
    """The part of the pool that has one sex, sorted by age; of equal ages in the order of `rows`."""

    def __init__(self, pool, rows):
        self._rows = rows[np.argsort(pool.age[rows], kind="stable")]
        self._patient, self._age, self._visits = (
            values[self._rows] for values in (pool.patient, pool.age, pool.visits)
        )

    def nearest(self, age, within, visits, apart, taken):
        """Returns the position in the pool of the free patient and time nearest in age, or None."""
        for part in _PARTS:
            # No further than this: whoever is outside of it is further away than anybody inside.
            reach = within // part
            low, high = np.searchsorted(self._age, (age - reach, age + reach + 1))
            near = slice(low, high)
            free = (np.abs(self._visits[near] - visits) <= apart) & ~taken[self._patient[near]]
            rows = np.flatnonzero(free)
            if len(rows):
                return int(self._rows[low + rows[np.argmin(np.abs(self._age[near][rows] - age))]])
        return None
