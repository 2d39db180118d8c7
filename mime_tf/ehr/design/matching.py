"""The nearest controls of each case: of the same sex, with about as many visits, and closest in age."""

import dataclasses

import numpy as np

from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.seconds import YEAR

# The search begins with a small part of the allowed difference of age, because most cases find a control in it.
_PARTS = (512, 64, 8, 1)


@dataclasses.dataclass(frozen=True)
class Traits:
    """Traits on which cases and controls are matched; arrays over patients at times.

    Attributes:
        patient: int64, the patient's number.
        sex: int64, a number for each sex.
        age: int64, in seconds; for unknown ages one number far from all others.
        visits: int64, number of visits in the window.
    """

    patient: np.ndarray
    sex: np.ndarray
    age: np.ndarray
    visits: np.ndarray


def match(cases: Traits, pool: Traits, rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """Matches controls to cases, greedily.

    The cases take turns in an order drawn with the seed: each takes one control, then each a second one, up to
    `controls`. A case takes the patient nearest in age whom no case has taken, at the time at which that patient is
    nearest; of equally near patients, one drawn with the seed. So a patient is a control at most once.

    Args:
        cases: the cases.
        pool: the possible controls, each at several times.
        rules: for `controls`, `match_age_years`, `match_visits` and `seed`.

    Returns:
        Two int64 arrays of one length: indices of cases and of controls in the pool, in the order of the matches.
    """
    assert rules.controls is not None  # as are the other options of the design
    assert rules.match_age_years is not None
    assert rules.match_visits is not None
    random = np.random.default_rng(rules.seed)
    turns = random.permutation(len(cases.patient)).tolist()
    shuffled = random.permutation(len(pool.patient))
    strata = {sex: _Stratum(pool, shuffled[pool.sex[shuffled] == sex]) for sex in np.unique(cases.sex).tolist()}
    taken = np.zeros(int(pool.patient.max(initial=-1)) + 1, bool)
    max_age_apart = int(rules.match_age_years * YEAR)
    # The small number is for shares such as 0.29, of which a hundred are a little less than 29.
    max_visits_apart = np.maximum(1, rules.match_visits * cases.visits + 1e-9).tolist()
    sexes, ages, visits = cases.sex.tolist(), cases.age.tolist(), cases.visits.tolist()
    matched_cases, matched_controls = [], []
    for _ in range(rules.controls):
        successful = []
        for case in turns:
            stratum = strata[sexes[case]]
            control = stratum.nearest(ages[case], max_age_apart, visits[case], max_visits_apart[case], taken)
            if control is not None:
                taken[pool.patient[control]] = True
                matched_cases.append(case)
                matched_controls.append(control)
                successful.append(case)
        turns = successful  # a case without a control now gets none later
    return np.array(matched_cases, np.int64), np.array(matched_controls, np.int64)


class _Stratum:
    """The members of the pool of one sex, sorted by age; of equal ages in the order of `indices`."""

    def __init__(self, pool, indices):
        self._indices = indices[np.argsort(pool.age[indices], kind="stable")]
        self._patient, self._age, self._visits = (
            values[self._indices] for values in (pool.patient, pool.age, pool.visits)
        )

    def nearest(self, age, max_age_apart, visits, max_visits_apart, taken):
        """Returns the index in the pool of the free patient and time nearest in age, or None."""
        for part in _PARTS:
            # Members outside this reach are further away than all inside.
            reach = max_age_apart // part
            low, high = np.searchsorted(self._age, (age - reach, age + reach + 1))
            near = slice(low, high)
            free = (np.abs(self._visits[near] - visits) <= max_visits_apart) & ~taken[self._patient[near]]
            members = np.flatnonzero(free)
            if len(members):
                return int(self._indices[low + members[np.argmin(np.abs(self._age[near][members] - age))]])
        return None
