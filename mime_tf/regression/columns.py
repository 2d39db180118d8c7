"""Columns of a patient: codes and linked pairs, as presence and as counts, in windows of time.

A key is a number of its own for each code and each linked pair, a diagnosis and an order made because of it:

    code of kind k (0 dx, 1 rx, 2 pr)   -1 - (k * 2**31 + code)
    pair of a diagnosis and an order    (dx * 2 + (0 for rx, 1 for pr)) * 2**31 + code

so that keys below 0 are codes, others are pairs, and a sorted array of int64 holds both. An ancestor of codes has a
number like a code's, from `mime_tf.regression.lineage`, and a key like a code's: of its own, and in pairs at every
mixture of levels.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse

from mime_tf.data.store import CODE_KINDS, Store, distinct, ranges
from mime_tf.data.vocabulary import Vocabulary, code_name
from mime_tf.regression.lineage import FIRST, IN_PAIRS, Lineage

ALL = 0
# Windows of visits: all of them, the last three, the last one.
WINDOWS = (ALL, 3, 1)
# Windows of days, below 0: visits of the last 30 days before the prediction time, and of the last 365.
DAY_WINDOWS = (-30, -365)
# Windows that fade: visits, and below 0 days, after which an occurrence weighs half as much.
HALVINGS = (1, 4, 16)
DAY_HALVINGS = (-15, -60, -240)
# Least number of training patients with a code or pair for it to be a column.
LEAST_PATIENTS = 3
_CODES = 2**31  # codes are int32
_BLOCK = 20_000  # patients whose occurrences are in memory together
_ORDER_KINDS = CODE_KINDS[1:]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Columns:
    """The columns that training patients have in sufficient number.

    A window with K keys has 2 K columns: presence (0 or 1) of each key, then log(1 + count) of each. The windows
    follow one another. In a window that fades an occurrence weighs 2^(-age / halving), with the age in visits since or
    in days; presence is then the weight of the latest occurrence, and the count the sum of all weights. With a lineage
    a column is multiplied by `Lineage.scale` of each code in its key, so that a penalty is the heavier, the fewer codes
    share a column.

    Attributes:
        windows: the last so many visits each, `ALL` for all visits; below 0 the visits of the last so many days. Of one
            that fades, its halving in visits, or below 0 in days.
        keys: int64 arrays, ascending, one per window: those that at least `least` training patients have in it.
        lineage: the ancestors of the codes, which have keys as well, or None.
        fading: number of windows that fade, the last ones.
    """

    windows: tuple[int, ...]
    keys: tuple[np.ndarray, ...]
    lineage: Lineage | None = None
    fading: int = 0

    @classmethod
    def learn(
        cls,
        store: Store,
        patients: np.ndarray,
        windows: Sequence[int] | None = None,
        links: bool = True,
        least: int = LEAST_PATIENTS,
        lineage: Lineage | None = None,
        halvings: Sequence[int] = (),
    ) -> "Columns":
        """Learns the columns of training patients.

        Args:
            store: the cohort.
            patients: int64, the rows of `store` that train.
            windows: as the attribute; by default `WINDOWS`, and `DAY_WINDOWS` if the store has the days of visits.
            links: with the linked pairs; otherwise codes only.
            least: least number of patients who have a key.
            lineage: the ancestors of the codes, or None.
            halvings: those of windows that fade, which follow the others.
        """
        if windows is None:
            windows = WINDOWS if store.days is None else WINDOWS + DAY_WINDOWS
        bounds = [*windows, *([ALL] if halvings else [])]
        found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in bounds]
        for block in _blocks(patients):
            occurrences = Occurrences.read(store.select(block), links, lineage)
            for of_window, window in zip(found, bounds, strict=True):
                of_window.append(_patients_of_keys(occurrences.within(window)))
        keys = [_frequent(of_window, least) for of_window in found]
        keys = keys[: len(windows)] + keys[len(windows) :] * len(halvings)
        return cls((*windows, *halvings), tuple(keys), lineage, len(halvings))

    def __len__(self) -> int:
        """Number of columns."""
        return 2 * sum(len(keys) for keys in self.keys)

    def __repr__(self) -> str:
        return f"Columns({len(self):,} in windows {', '.join(map(str, self.windows))})"

    def matrix(self, store: Store, patients: np.ndarray) -> sparse.csr_matrix:
        """Returns the values of patients, float64 (patients, columns).

        Args:
            store: a cohort with the same codes.
            patients: int64, rows of `store`.
        """
        rows = [self._block(store, block) for block in _blocks(patients)]
        return sparse.vstack([sparse.csr_matrix((0, len(self))), *rows], format="csr")

    def _block(self, store: Store, patients: np.ndarray) -> sparse.csr_matrix:
        """Returns the values of some patients, as `matrix` does."""
        links = any((keys >= 0).any() for keys in self.keys)
        occurrences = Occurrences.read(store.select(patients), links, self.lineage)
        blocks = []
        for (window, fades), keys in zip(self.views, self.keys, strict=True):
            scale = sparse.diags(self.scale(keys))
            if fades:
                presence, counts = _faded(occurrences, occurrences.weights(window), keys)
            else:
                counts = _count(occurrences.within(window), keys)
                presence = counts.sign()
            blocks += [presence @ scale, counts.log1p() @ scale]
        empty = sparse.csr_matrix((len(patients), 0))
        return sparse.hstack([empty, *blocks], format="csr")

    def scale(self, keys: np.ndarray) -> np.ndarray:
        """Returns the factors of the columns of keys."""
        if self.lineage is None:
            return np.ones(len(keys))
        scale = np.ones(len(keys))
        kinds, codes = np.divmod(-1 - keys, _CODES)
        diagnoses, orders = np.divmod(keys, _CODES)
        for number, kind in enumerate(CODE_KINDS):
            alone = (keys < 0) & (kinds == number)
            scale[alone] = self.lineage.scale(kind, codes[alone])
            if number:
                linked = (keys >= 0) & (diagnoses % 2 == number - 1)
                scale[linked] = self.lineage.scale("dx", diagnoses[linked] // 2)
                scale[linked] *= self.lineage.scale(kind, orders[linked])
        return scale

    @property
    def views(self) -> list[tuple[int, bool]]:
        """Each window, and whether it fades."""
        plain = len(self.windows) - self.fading
        return [(window, index >= plain) for index, window in enumerate(self.windows)]

    @property
    def counts(self) -> np.ndarray:
        """int64, the columns of log(1 + count), in ascending order."""
        sizes = np.array([len(keys) for keys in self.keys], np.int64)
        return ranges(np.cumsum(2 * sizes) - sizes, sizes)

    def parts(self) -> list["Columns"]:
        """Returns the columns of several choices of windows, as far as these differ.

        They are the first window, all of visits that do not fade, all that do not, those of visits that fade, and all
        that fade.
        """
        views = list(enumerate(self.views))
        plain = [index for index, (_, fades) in views if not fades]
        faded = [index for index, (_, fades) in views if fades]
        of_visits = {index for index, (window, _) in views if window >= 0}
        choices = [plain[:1], [index for index in plain if index in of_visits], plain]
        choices += [[index for index in faded if index in of_visits], faded]
        return [self._of(indices) for indices in dict.fromkeys(map(tuple, choices)) if indices] or [self]

    def _of(self, indices: Sequence[int]) -> "Columns":
        """Returns the columns of some windows, all of which fade or none."""
        windows, keys = tuple(self.windows[index] for index in indices), tuple(self.keys[index] for index in indices)
        fades = self.views[indices[0]][1]
        return Columns(windows, keys, self.lineage, len(indices) if fades else 0)

    def names(self, vocabulary: Vocabulary | None) -> list[str]:
        """Returns a name of each column for people, such as `rx 7 because of dx 3, how often, last visit`."""
        names = []
        for view, keys in zip(self.views, self.keys, strict=True):
            things = [key_name(int(key), vocabulary, self.lineage) for key in keys]
            forms = ("how lately" if view[1] else "ever", "how often")
            names += [f"{thing}, {form}, {window_name(*view)}" for form in forms for thing in things]
        return names

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns arrays for an archive of NumPy, from which `from_arrays` makes the columns again."""
        sizes = np.array([len(keys) for keys in self.keys], np.int64)
        keys = np.concatenate([np.zeros(0, np.int64), *self.keys])
        arrays = {"windows": np.array(self.windows, np.int64), "window_sizes": sizes, "keys": keys}
        arrays["fading"] = np.array(self.fading)
        return arrays | ({} if self.lineage is None else self.lineage.arrays())

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Columns":
        """Returns the columns of `arrays`."""
        ends = np.cumsum(arrays["window_sizes"])[:-1]
        keys = np.split(arrays["keys"], ends) if len(arrays["windows"]) else []
        lineage = Lineage.from_arrays(arrays) if "lineage_dx_offsets" in arrays else None
        return cls(tuple(arrays["windows"].tolist()), tuple(keys), lineage, int(arrays["fading"]))


def code_key(kind: str, code: int) -> int:
    """Returns the key of a code."""
    return -1 - (CODE_KINDS.index(kind) * _CODES + code)


def pair_key(dx: int, kind: str, code: int) -> int:
    """Returns the key of a diagnosis and an order of the kind `rx` or `pr`."""
    return (dx * 2 + _ORDER_KINDS.index(kind)) * _CODES + code


def codes_of(key: int) -> tuple[tuple[str, int], ...]:
    """Returns the codes of a key: (kind, code) of one code, or of a diagnosis and of an order."""
    if key < 0:
        kind, code = divmod(-1 - key, _CODES)
        return ((CODE_KINDS[kind], code),)
    diagnosis, code = divmod(key, _CODES)
    dx, kind = divmod(diagnosis, 2)
    return (("dx", dx), (_ORDER_KINDS[kind], code))


def key_name(key: int, vocabulary: Vocabulary | None, lineage: Lineage | None = None) -> str:
    """Returns the name of a key: the code's, or those of the order and of the diagnosis that it was made for."""
    return " because of ".join(
        lineage.name(kind, code) if lineage is not None and code >= FIRST else code_name(vocabulary, kind, code)
        for kind, code in reversed(codes_of(key))
    )


def window_name(window: int, fades: bool = False) -> str:
    """Returns the name of a window for people."""
    if fades:
        unit = "day" if window < 0 else "visit"
        return f"halved every {f'{abs(window)} {unit}s' if abs(window) > 1 else unit}"
    if window < 0:
        return f"last {-window} days"
    return "all visits" if window == ALL else "last visit" if window == 1 else f"last {window} visits"


@dataclasses.dataclass(frozen=True, eq=False)
class Occurrences:
    """Every occurrence of a key.

    Attributes:
        patients: number of patients.
        patient: int64, the patient of each occurrence.
        visit: int64, its visit counted from the end: 1 for the last.
        days: int32, days from its visit to the prediction time, or None where they are not known.
        key: int64.
        item: int64, the code that it is of, or the order of a pair: a position among the diagnoses, medications and
            procedures of the store, one after the other.
    """

    patients: int
    patient: np.ndarray
    visit: np.ndarray
    days: np.ndarray | None
    key: np.ndarray
    item: np.ndarray

    @classmethod
    def read(cls, store: Store, links: bool, lineage: Lineage | None = None) -> "Occurrences":
        """Returns the occurrences of the codes of all patients and, with `links`, of the linked pairs.

        With a lineage, a code's ancestors occur where it does; in pairs its `IN_PAIRS` nearest do.
        """
        visit_patients = np.repeat(np.arange(len(store)), store.visit_counts)
        visits_from_end = store.visits[visit_patients + 1] - np.arange(len(visit_patients))
        dxobj_visits = np.repeat(np.arange(len(visit_patients)), np.diff(store.dxobjs))
        dx = store.dx.astype(np.int64)
        at, numbers = _expanded(lineage, "dx", dx)
        visits, keys, items = [dxobj_visits[at]], [-1 - numbers], [at]
        before = len(dx)
        for number, kind in enumerate(_ORDER_KINDS, 1):
            codes, counts = getattr(store, kind).astype(np.int64), np.diff(getattr(store, f"{kind}_offsets"))
            order_visits = np.repeat(dxobj_visits, counts)
            at, numbers = _expanded(lineage, kind, codes)
            visits.append(order_visits[at])
            keys.append(-1 - (number * _CODES + numbers))
            items.append(before + at)
            if links:
                at, diagnoses = _expanded(lineage, "dx", np.repeat(dx, counts), IN_PAIRS)
                again, orders = _expanded(lineage, kind, codes[at], IN_PAIRS)
                visits.append(order_visits[at][again])
                items.append(before + at[again])
                keys.append((diagnoses[again] * 2 + number - 1) * _CODES + orders)
            before += len(codes)
        visit, key, item = (np.concatenate(columns) for columns in (visits, keys, items))
        days = None if store.days is None else store.days[visit]
        return cls(len(store), visit_patients[visit], visits_from_end[visit], days, key, item)

    def within(self, window: int) -> "Occurrences":
        """Returns the occurrences in a window, as `rows` has them."""
        if window == ALL:
            return self
        rows = self.rows(window)
        days = None if self.days is None else self.days[rows]
        return Occurrences(self.patients, self.patient[rows], self.visit[rows], days, self.key[rows], self.item[rows])

    def weights(self, halving: int) -> np.ndarray:
        """Returns the weight of each occurrence in a window that fades, float64."""
        return 0.5 ** ((self.visit - 1) / halving if halving > 0 else self._days(halving) / -halving)

    def _days(self, window: int) -> np.ndarray:
        if self.days is None:
            raise ValueError(f"a window of days needs the days of the visits. Received: {window=}")
        return self.days

    def rows(self, window: int) -> np.ndarray:
        """Returns the indices of the occurrences in the last `window` visits, or in the last `-window` days."""
        if window == ALL:
            return np.arange(len(self.key))
        if window > 0:
            return np.flatnonzero(self.visit <= window)
        return np.flatnonzero(self._days(window) <= -window)


def _expanded(
    lineage: Lineage | None, kind: str, codes: np.ndarray, most: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Returns positions in `codes`, and the numbers of the codes and, with a lineage, of the ancestors there."""
    return (np.arange(len(codes)), codes) if lineage is None else lineage.expand(kind, codes, most)


def _blocks(patients: np.ndarray) -> list[np.ndarray]:
    """Divides patients into blocks, whose occurrences take memory one block at a time."""
    return [patients[start : start + _BLOCK] for start in range(0, len(patients), _BLOCK)]


def _patients_of_keys(occurrences: Occurrences) -> tuple[np.ndarray, np.ndarray]:
    """Returns the keys, ascending, and the number of patients who have each."""
    keys = distinct(occurrences.key)
    return keys, np.bincount(_count(occurrences, keys).indices, minlength=len(keys))


def _frequent(found: Sequence[tuple[np.ndarray, np.ndarray]], least: int) -> np.ndarray:
    """Returns the keys that at least `least` patients of all blocks have, ascending."""
    if not found:
        return np.zeros(0, np.int64)
    every, patients = (np.concatenate(parts) for parts in zip(*found, strict=True))
    keys, number = np.unique(every, return_inverse=True)
    return keys[np.bincount(number, patients, len(keys)) >= least]


def _count(occurrences: Occurrences, keys: np.ndarray) -> sparse.csr_matrix:
    """Returns how often each patient has each of `keys`, float64 (patients, keys)."""
    shape = (occurrences.patients, len(keys))
    if not len(keys):
        return sparse.csr_matrix(shape)
    columns = np.minimum(np.searchsorted(keys, occurrences.key), len(keys) - 1)
    hits = np.flatnonzero(keys[columns] == occurrences.key)
    counts = sparse.csr_matrix((np.ones(len(hits)), (occurrences.patient[hits], columns[hits])), shape)
    counts.sort_indices()
    return counts


def _faded(
    occurrences: Occurrences, weights: np.ndarray, keys: np.ndarray
) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Returns the largest weight and the sum of the weights of each of `keys`, float64 (patients, keys) both."""
    shape = (occurrences.patients, len(keys))
    if not len(keys):
        return sparse.csr_matrix(shape), sparse.csr_matrix(shape)
    columns = np.minimum(np.searchsorted(keys, occurrences.key), len(keys) - 1)
    hits = np.flatnonzero(keys[columns] == occurrences.key)
    cells, number = np.unique(occurrences.patient[hits] * len(keys) + columns[hits], return_inverse=True)
    largest, where = np.zeros(len(cells)), np.divmod(cells, len(keys))
    np.maximum.at(largest, number, weights[hits])
    sums = np.bincount(number, weights[hits], len(cells))
    return sparse.csr_matrix((largest, where), shape), sparse.csr_matrix((sums, where), shape)
