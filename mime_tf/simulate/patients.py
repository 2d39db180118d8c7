"""Simulated patients: what each diagnosis calls for, and records drawn from it. Risks and labels are `simulation`'s.

The effect that only links show comes from pairs. A pair is two chronic diagnoses that are seen in one visit, and two
orders that are then made: one because of the one diagnosis, the other because of the other. Which because of which is
the patient's *wiring*, +1 or -1, drawn independently of all else. So what a visit holds says nothing about it.
"""

import dataclasses

import numpy as np

from mime_tf.data.store import Store, offsets

# The shape of the heart failure cohort of Choi et al. (NeurIPS 2018).
MAX_VISITS = 199
MEAN_DX = 1.8  # Dx-objects a visit
MEAN_ORDERS = {"rx": 0.31, "pr": 0.36}  # a Dx-object

# A patient has one of A and B, one of C and D and one of E and F. The pairs get medications and procedures in turn.
PAIR_NAMES = "ABCDEF"
PAIR_KINDS = ("rx", "pr", "rx", "pr", "rx", "pr")
STRENGTHS = 3
PAIRED_SHARE = 0.6  # of the visits after the first that hold two Dx-objects or more

CHRONIC_SHARE = 0.25  # of the diagnosis codes
RECURRENCE = 0.5  # the share of the Dx-objects outside pairs that are a chronic condition of the patient
MAX_OTHER_CHRONIC = 6  # chronic conditions of a patient beside those of pairs
PREFERRED = {"rx": 5, "pr": 12}  # orders that a diagnosis calls for
EFFECTS = {"dx": 24, "rx": 12, "pr": 12}  # codes with an effect of their own, beside the diagnoses of pairs


@dataclasses.dataclass(frozen=True)
class World:
    """What all patients have in common.

    Attributes:
        sizes: dict from `"dx"`, `"rx"` and `"pr"` to the number of codes.
        pair_dx, pair_orders: int64 (6, 2), the diagnoses of each pair and their orders. A wiring of +1 links the
            first order to the first diagnosis and the second to the second; -1 crosses them.
        chronic, acute: int64, the other diagnoses, the most frequent first.
        preferred: dict from `"rx"` and `"pr"` to int64 (num_dx, preferred codes), the most frequent first.
        effects: dict from a kind to float64 (codes,), the effect of each code on the code score; most are 0.
    """

    sizes: dict
    pair_dx: np.ndarray
    pair_orders: np.ndarray
    chronic: np.ndarray
    acute: np.ndarray
    preferred: dict
    effects: dict


@dataclasses.dataclass(frozen=True)
class Patients:
    """Patients drawn from a World, with what no record says of them.

    Attributes:
        store: Store.
        wiring: int8 (patients, 3), +1 or -1, of the patient's pair among A and B, C and D, E and F.
        shown: bool (patients, 3), does the record show that wiring?
        code_sums: float64 (patients,), the sum of the effects of the distinct codes of the record.
    """

    store: Store
    wiring: np.ndarray
    shown: np.ndarray
    code_sums: np.ndarray


def heavy_tail(count):
    """Returns the frequencies of `count` codes from the most to the least used, by the law of Zipf and Mandelbrot.

    >>> heavy_tail(2).round(3).tolist()
    [0.556, 0.444]
    """
    weights = 1 / np.arange(4, count + 4)
    return weights / weights.sum()


# What all patients have in common.


def make_world(sizes, rng):
    """Draws the pairs, what each diagnosis calls for, and the codes with an effect of their own.

    Args:
        sizes: dict from `"dx"`, `"rx"` and `"pr"` to the number of codes.
        rng: numpy.random.Generator.

    Returns:
        A World.
    """
    ranked = {kind: rng.permutation(size) for kind, size in sizes.items()}  # a code's number says nothing
    pairs, chronic_end = len(PAIR_NAMES), max(int(CHRONIC_SHARE * sizes["dx"]), 2 * len(PAIR_NAMES) + 4)
    pair_dx, chronic, acute = np.split(ranked["dx"], [2 * pairs, chronic_end])
    pair_dx = pair_dx.reshape(pairs, 2)
    # The most popular orders: other diagnoses call for them too, or a bag of codes could tell what they were for.
    pair_orders = np.empty((pairs, 2), np.int64)
    pair_orders[::2], pair_orders[1::2] = (ranked[kind][:pairs].reshape(-1, 2) for kind in PREFERRED)
    preferred = {}
    for kind, size in PREFERRED.items():
        preferred[kind] = np.empty((sizes["dx"], size), np.int64)
        own = {dx: pair_orders[i] for i in range(pairs) if PAIR_KINDS[i] == kind for dx in pair_dx[i].tolist()}
        for dx in range(sizes["dx"]):
            preferred[kind][dx] = _preferences(ranked[kind], size, own.get(dx, ()), rng)
    use = _use(sizes, chronic, acute, preferred)
    for kind in PREFERRED:
        use[kind][ranked[kind][:pairs]] = 0
    effects = {kind: np.zeros(size) for kind, size in sizes.items()}
    for kind, count in EFFECTS.items():
        effects[kind][np.argsort(-use[kind], kind="stable")[:count]] = _effects(count, rng)
    effects["dx"][pair_dx] = _effects(2 * pairs, rng).reshape(pairs, 2)
    return World(sizes, pair_dx, pair_orders, chronic, acute, preferred, effects)


def _preferences(ranked, count, excluded, rng):
    """Draws different codes by popularity (Gumbel's trick), none of `excluded`: a pair's link always tells a wiring."""
    keys = np.empty(len(ranked))
    keys[ranked] = np.log(heavy_tail(len(ranked))) / 2 + rng.gumbel(size=len(ranked))
    keys[list(excluded)] = -np.inf
    return np.argsort(-keys)[:count]


def _use(sizes, chronic, acute, preferred):
    """Returns about how often each code is used outside pairs: dict from a kind to float64 (codes,)."""
    dx = np.zeros(sizes["dx"])
    dx[acute] = (1 - RECURRENCE) * heavy_tail(len(acute))
    dx[chronic] = RECURRENCE * heavy_tail(len(chronic))
    use = {"dx": dx}
    for kind, codes in preferred.items():
        use[kind] = np.bincount(codes.ravel(), (dx[:, None] * heavy_tail(PREFERRED[kind])).ravel(), sizes[kind])
    return use


def _effects(count, rng):
    """Draws effects of alternating sign: a record is no risk for being long."""
    return rng.choice([-1, 1]) * (-1) ** np.arange(count) * rng.uniform(0.5, 1.5, count)


# Patients.


@dataclasses.dataclass(frozen=True)
class Rates:
    """What gives the averages of the cohort, for a mean number of visits of at least 3.

    The first visit is a work-up: it has a Dx-object more than others, two at least, so every patient shows a pair.
    """

    mean_visits: float

    @property
    def last_visit(self):
        """The probability that a visit is the last, such that visits cut at `MAX_VISITS` have the mean."""
        low, high = 1e-9, 1.0
        for _ in range(100):
            middle = (low + high) / 2
            longer = (1 - (1 - middle) ** MAX_VISITS) / middle > self.mean_visits
            low, high = (middle, high) if longer else (low, middle)
        return low

    @property
    def more_dx(self):
        """The mean of a visit's Dx-objects past the first; past the second in a first visit."""
        return MEAN_DX - 1 - 1 / self.mean_visits

    def orders(self, kind):
        """The mean of a Dx-object's orders of a kind that are not a pair's."""
        later = (self.mean_visits - 1) * (1 - np.exp(-self.more_dx)) * PAIRED_SHARE
        pairs = (1 + later) / self.mean_visits / MEAN_DX  # a Dx-object; half of them make two orders of the kind
        return MEAN_ORDERS[kind] - pairs


def draw(world, mean_visits, patients, rng):
    """Draws patients.

    Args:
        world: World.
        mean_visits: average number of visits, at least 3.
        patients: how many.
        rng: numpy.random.Generator.

    Returns:
        Patients.
    """
    rates = Rates(mean_visits)
    visits = np.minimum(rng.geometric(rates.last_visit, patients), MAX_VISITS)
    patient = np.repeat(np.arange(patients), visits)
    first = np.zeros(len(patient), bool)
    first[offsets(visits)[:-1]] = True
    dxobjs = 1 + first + rng.poisson(rates.more_dx, len(patient))
    paired = np.flatnonzero(first | ((dxobjs > 1) & (rng.random(len(patient)) < PAIRED_SHARE)))

    carried = 2 * np.arange(STRENGTHS) + rng.integers(0, 2, (patients, STRENGTHS))
    wiring = (2 * rng.integers(0, 2, (patients, STRENGTHS)) - 1).astype(np.int8)
    owner = patient[paired]
    counts = np.bincount(owner, minlength=patients)
    turn = (np.arange(len(paired)) - offsets(counts)[owner]) % STRENGTHS  # a patient's pairs take turns
    pair = carried[owner, turn]
    places = _two_places(offsets(dxobjs)[paired], dxobjs[paired], rng)
    dx = _diagnoses(world, np.repeat(patient, dxobjs), carried, rng)
    dx[places] = world.pair_dx[pair]
    _make_distinct(dx, np.repeat(np.arange(len(patient)), dxobjs), places, world.acute, rng)

    orders = world.pair_orders[pair]
    orders = np.where(wiring[owner, turn, None] > 0, orders, orders[:, ::-1])
    columns = []
    for kind in ("rx", "pr"):
        own = np.array(PAIR_KINDS)[pair] == kind
        columns += _orders(dx, world.preferred[kind], rates.orders(kind), places[own], orders[own], rng)
    store = Store(offsets(visits), offsets(dxobjs), dx, *columns)
    shown = counts[:, None] > np.arange(STRENGTHS)
    return Patients(store, wiring, shown, _code_sums(world, store))


def _two_places(starts, lengths, rng):
    """Draws two different places of each run: int64 (runs, 2)."""
    one = rng.integers(0, lengths)
    other = (one + rng.integers(1, lengths)) % lengths
    return starts[:, None] + np.stack([one, other], axis=1)


def _diagnoses(world, patient, carried, rng):
    """Draws a diagnosis for each Dx-object: a chronic condition of its patient, or an acute one.

    Args:
        world: World.
        patient: int64, the patient of each Dx-object.
        carried: int64 (patients, 3), the patients' pairs.
        rng: numpy.random.Generator.
    """
    others = _sample(world.chronic, (len(carried), MAX_OTHER_CHRONIC), rng)
    chronic = np.concatenate([world.pair_dx[carried].reshape(len(carried), -1), others], axis=1)
    counts = chronic.shape[1] - rng.integers(0, MAX_OTHER_CHRONIC + 1, len(carried))
    recurrent = chronic[patient, rng.integers(0, counts[patient])]
    acute = _sample(world.acute, len(patient), rng)
    return np.where(rng.random(len(patient)) < RECURRENCE, recurrent, acute).astype(np.int32)


def _sample(codes, shape, rng):
    """Draws from codes that are sorted by use."""
    return codes[np.searchsorted(np.cumsum(heavy_tail(len(codes)))[:-1], rng.random(shape), side="right")]


def _make_distinct(dx, visit, places, acute, rng):
    """Draws acute diagnoses in place of those that a visit holds twice; the ones at `places` stay."""
    movable = np.ones(len(dx), np.int64)
    movable[places] = 0
    rows = np.arange(len(dx))
    while len(rows):
        keys = (visit * (int(dx.max()) + 1) + dx) * 2 + movable
        order = np.argsort(keys, kind="stable")
        same = keys[order][1:] // 2 == keys[order][:-1] // 2
        rows = order[1:][same]
        dx[rows] = _sample(acute, len(rows), rng)


def _orders(dx, preferred, rate, places, codes, rng):
    """Draws what each Dx-object calls for, and adds the orders `codes` of the Dx-objects at `places`.

    Returns:
        The offsets and the codes, as a Store has them.
    """
    calls = np.repeat(np.arange(len(dx)), rng.poisson(rate, len(dx)))
    called = preferred[dx[calls], _sample(np.arange(preferred.shape[1]), len(calls), rng)]
    owner = np.concatenate([calls, places.ravel()])
    codes = np.concatenate([called, codes.ravel()]).astype(np.int32)
    return offsets(np.bincount(owner, minlength=len(dx))), codes[np.argsort(owner, kind="stable")]


def _code_sums(world, store):
    """Sums the effects of each patient's distinct codes: float64 (patients,)."""
    sums = np.zeros(len(store))
    ends = store.dxobjs[store.visits]
    for kind, effects in world.effects.items():
        codes = getattr(store, kind)
        rows = np.flatnonzero(effects[codes])
        dxobj = rows if kind == "dx" else np.searchsorted(getattr(store, f"{kind}_offsets"), rows, side="right") - 1
        patient = np.searchsorted(ends, dxobj, side="right") - 1
        patient, codes = np.divmod(np.unique(patient * len(effects) + codes[rows]), len(effects))
        sums += np.bincount(patient, effects[codes], len(store))
    return sums
