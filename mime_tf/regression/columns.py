"""Columns of a patient: codes and linked pairs, as presence and as counts, in windows of visits.

A key is a number of its own for each code and each linked pair, a diagnosis and an order made because of it:

    code of kind k (0 dx, 1 rx, 2 pr)   -1 - (k * 2**31 + code)
    pair of a diagnosis and an order    (dx * 2 + (0 for rx, 1 for pr)) * 2**31 + code

so that keys below 0 are codes, others are pairs, and a sorted array of int64 holds both.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import sparse

from mime_tf.data.store import CODE_KINDS, Store, ranges
from mime_tf.data.vocabulary import Vocabulary, code_name

ALL = 0
# Windows of visits: all of them, the last three, the last one.
WINDOWS = (ALL, 3, 1)
# Least number of training patients with a code or pair for it to be a column.
LEAST_PATIENTS = 3
_CODES = 2**31  # codes are int32
_ORDER_KINDS = CODE_KINDS[1:]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Columns:
    """The columns that training patients have in sufficient number.

    A window with K keys has 2 K columns: presence (0 or 1) of each key, then log(1 + count) of each. The windows
    follow one another.

    Attributes:
        windows: the last so many visits each, `ALL` for all visits.
        keys: int64 arrays, ascending, one per window: what at least `least` training patients have in it.
    """

    windows: tuple[int, ...]
    keys: tuple[np.ndarray, ...]

    @classmethod
    def learn(
        cls,
        store: Store,
        patients: np.ndarray,
        windows: Sequence[int] = WINDOWS,
        links: bool = True,
        least: int = LEAST_PATIENTS,
    ) -> "Columns":
        """Learns the columns of training patients.

        Args:
            store: the cohort.
            patients: int64, the rows of `store` that train.
            windows: numbers of last visits, `ALL` for all.
            links: with the linked pairs; otherwise codes only.
            least: least number of patients who have a key.
        """
        occurrences = Occurrences.read(store.select(patients), links)
        return cls(tuple(windows), tuple(_frequent(occurrences.within(window), least) for window in windows))

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
        links = any((keys >= 0).any() for keys in self.keys)
        occurrences = Occurrences.read(store.select(patients), links)
        blocks = []
        for window, keys in zip(self.windows, self.keys, strict=True):
            counts = _count(occurrences.within(window), keys)
            blocks += [counts.sign(), counts.log1p()]
        empty = sparse.csr_matrix((len(patients), 0))
        return sparse.hstack([empty, *blocks], format="csr")

    @property
    def counts(self) -> np.ndarray:
        """int64, the columns of log(1 + count), in ascending order."""
        sizes = np.array([len(keys) for keys in self.keys], np.int64)
        return ranges(np.cumsum(2 * sizes) - sizes, sizes)

    def parts(self) -> list["Columns"]:
        """Returns the columns of the first window, and those of all windows if there are more."""
        first = Columns(self.windows[:1], self.keys[:1])
        return [first, self] if len(self.windows) > 1 else [self]

    def names(self, vocabulary: Vocabulary | None) -> list[str]:
        """Returns a name of each column for people, such as `rx 7 because of dx 3, how often, last visit`."""
        names = []
        for window, keys in zip(self.windows, self.keys, strict=True):
            things = [key_name(int(key), vocabulary) for key in keys]
            names += [f"{thing}, {form}, {window_name(window)}" for form in ("ever", "how often") for thing in things]
        return names

    def arrays(self) -> dict[str, np.ndarray]:
        """Returns arrays for an archive of NumPy, from which `from_arrays` makes the columns again."""
        sizes = np.array([len(keys) for keys in self.keys], np.int64)
        keys = np.concatenate([np.zeros(0, np.int64), *self.keys])
        return {"windows": np.array(self.windows, np.int64), "window_sizes": sizes, "keys": keys}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Columns":
        """Returns the columns of `arrays`."""
        ends = np.cumsum(arrays["window_sizes"])[:-1]
        keys = np.split(arrays["keys"], ends) if len(arrays["windows"]) else []
        return cls(tuple(arrays["windows"].tolist()), tuple(keys))


def code_key(kind: str, code: int) -> int:
    """Returns the key of a code."""
    return -1 - (CODE_KINDS.index(kind) * _CODES + code)


def pair_key(dx: int, kind: str, code: int) -> int:
    """Returns the key of a diagnosis and an order of the kind `rx` or `pr`."""
    return (dx * 2 + _ORDER_KINDS.index(kind)) * _CODES + code


def codes_of(key: int) -> tuple[tuple[str, int], ...]:
    """Returns what a key stands for: (kind, code) of one code, or of a diagnosis and of an order."""
    if key < 0:
        kind, code = divmod(-1 - key, _CODES)
        return ((CODE_KINDS[kind], code),)
    diagnosis, code = divmod(key, _CODES)
    dx, kind = divmod(diagnosis, 2)
    return (("dx", dx), (_ORDER_KINDS[kind], code))


def key_name(key: int, vocabulary: Vocabulary | None) -> str:
    """Returns the name of a key: the code's, or those of the order and of the diagnosis that it was made for."""
    return " because of ".join(code_name(vocabulary, kind, code) for kind, code in reversed(codes_of(key)))


def window_name(window: int) -> str:
    """Returns the name of a window for people."""
    return "all visits" if window == ALL else "last visit" if window == 1 else f"last {window} visits"


@dataclasses.dataclass(frozen=True, eq=False)
class Occurrences:
    """Every occurrence of a key.

    Attributes:
        patients: number of patients.
        patient: int64, the patient of each occurrence.
        visit: int64, its visit counted from the end: 1 for the last.
        key: int64.
    """

    patients: int
    patient: np.ndarray
    visit: np.ndarray
    key: np.ndarray

    @classmethod
    def read(cls, store: Store, links: bool) -> "Occurrences":
        """Returns the occurrences of the codes of all patients and, with `links`, of the linked pairs."""
        visit_patients = np.repeat(np.arange(len(store)), store.visit_counts)
        visits_from_end = store.visits[visit_patients + 1] - np.arange(len(visit_patients))
        dxobj_visits = np.repeat(np.arange(len(visit_patients)), np.diff(store.dxobjs))
        dx = store.dx.astype(np.int64)
        visits, keys = [dxobj_visits], [-1 - dx]
        for number, kind in enumerate(_ORDER_KINDS, 1):
            codes, counts = getattr(store, kind).astype(np.int64), np.diff(getattr(store, f"{kind}_offsets"))
            order_visits = np.repeat(dxobj_visits, counts)
            visits.append(order_visits)
            keys.append(-1 - (number * _CODES + codes))
            if links:
                visits.append(order_visits)
                keys.append((np.repeat(dx, counts) * 2 + number - 1) * _CODES + codes)
        visit = np.concatenate(visits)
        return cls(len(store), visit_patients[visit], visits_from_end[visit], np.concatenate(keys))

    def within(self, window: int) -> "Occurrences":
        """Returns the occurrences in the last `window` visits."""
        if window == ALL:
            return self
        rows = np.flatnonzero(self.visit <= window)
        return Occurrences(self.patients, self.patient[rows], self.visit[rows], self.key[rows])


def _frequent(occurrences: Occurrences, least: int) -> np.ndarray:
    """Returns the keys that at least `least` patients have, ascending."""
    keys = np.unique(occurrences.key)
    patients = np.bincount(_count(occurrences, keys).indices, minlength=len(keys))
    return keys[patients >= least]


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
