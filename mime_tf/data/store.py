"""Patients as flat columns with offsets: the form in which cohorts are split and batches are cut."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np


def ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Returns the concatenation of `arange(start, start + length)` over the pairs.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) + np.repeat(starts - ends + lengths, lengths)


def offsets(lengths: Sequence[int] | np.ndarray) -> np.ndarray:
    """Returns the offsets of consecutive slices: 0 and the running sum of `lengths`, one longer than it."""
    result = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=result[1:])
    return result


def distinct(values: np.ndarray) -> np.ndarray:
    """Returns the distinct ones of some integers, ascending.

    `np.unique` gives the same by a table of hashes, which takes a hundred times as long for ten million (NumPy 2.4).
    """
    ordered = np.sort(values)
    is_first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return ordered[is_first]


# Kinds of codes: diagnoses, medications and procedures.
CODE_KINDS = ("dx", "rx", "pr")


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Store:
    """Patients, visits, Dx-objects and orders, each level a column of offsets into the next.

    Patient `i` owns the visits `visits[i]:visits[i + 1]`; visit `v` the Dx-objects `dxobjs[v]:dxobjs[v + 1]`;
    Dx-object `o` has the diagnosis `dx[o]`, the medications `rx[rx_offsets[o]:rx_offsets[o + 1]]` and the
    procedures `pr[pr_offsets[o]:pr_offsets[o + 1]]`. Order and repetition are those of the records.

    Attributes:
        visits: int64, patients + 1.
        dxobjs: int64, visits + 1.
        dx: int32, one diagnosis code per Dx-object.
        rx_offsets, pr_offsets: int64, Dx-objects + 1.
        rx, pr: int32, the codes of the orders.
        days: int32, visits: whole days from each visit to the prediction time, or None where nobody asks for them.
    """

    visits: np.ndarray
    dxobjs: np.ndarray
    dx: np.ndarray
    rx_offsets: np.ndarray
    rx: np.ndarray
    pr_offsets: np.ndarray
    pr: np.ndarray
    days: np.ndarray | None = None

    def __len__(self) -> int:
        """Number of patients."""
        return len(self.visits) - 1

    def __repr__(self) -> str:
        levels = f"{len(self):,} patients, {len(self.dxobjs) - 1:,} visits, {len(self.dx):,} Dx-objects"
        codes = ", ".join(f"{len(getattr(self, kind)):,} {kind}" for kind in CODE_KINDS)
        return f"Store({levels}; {codes})"

    @property
    def visit_counts(self) -> np.ndarray:
        """Number of visits of each patient, int64."""
        return np.diff(self.visits)

    def codes_of(self, rows: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns the codes of a kind that patients have, and how many each has.

        Args:
            rows: int64, the patients.
            kind: one of `CODE_KINDS`.

        Returns:
            int32 codes, one patient after another; int64 (rows,).
        """
        starts, ends = (self.dxobjs[self.visits[rows + step]] for step in (0, 1))
        if kind != "dx":
            orders = getattr(self, f"{kind}_offsets")
            starts, ends = orders[starts], orders[ends]
        counts = ends - starts
        return getattr(self, kind)[ranges(starts, counts)], counts

    def vocabulary_size(self, kind: str) -> int:
        """Returns the size of the least vocabulary of a kind that has all codes: the largest code, and 1."""
        return int(getattr(self, kind).max(initial=-1)) + 1

    @property
    def records(self) -> dict[str, np.ndarray]:
        """The columns that hold the records, by name: all but the days."""
        return {name: column for name, column in vars(self).items() if name != "days"}

    def with_days(self, days: np.ndarray | None) -> "Store":
        """Returns the same records with days of the visits, or without."""
        return dataclasses.replace(self, days=days)

    def select(self, rows: Sequence[int] | np.ndarray) -> "Store":
        """Returns the patients at `rows` (integers), in that order, as a Store of their own."""
        rows = np.asarray(rows, np.int64)
        visit_counts = self.visit_counts[rows]
        return self._first_visits(rows, visit_counts)

    def without_last_visits(self) -> "Store":
        """Returns the patients, each without the last visit; a patient of one visit is left with none."""
        return self._first_visits(np.arange(len(self)), self.visit_counts - 1)

    def last_diagnoses(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns patients and codes, both (D,): each diagnosis of a last visit, as often as it is there."""
        last = self.visits[1:] - 1
        counts = self.dxobjs[last + 1] - self.dxobjs[last]
        return np.repeat(np.arange(len(self)), counts), self.dx[ranges(self.dxobjs[last], counts)]

    def _first_visits(self, rows: np.ndarray, visit_counts: np.ndarray) -> "Store":
        """Returns the patients at `rows`, each with so many first visits."""
        visit_rows = ranges(self.visits[rows], visit_counts)
        dxobj_counts = self.dxobjs[visit_rows + 1] - self.dxobjs[visit_rows]
        dxobj_rows = ranges(self.dxobjs[visit_rows], dxobj_counts)
        days = None if self.days is None else self.days[visit_rows]
        columns = offsets(visit_counts), offsets(dxobj_counts), *self._dxobjects(dxobj_rows)
        return Store(*columns).with_days(days)

    def keep_known(self, known: Mapping[str, np.ndarray]) -> "Store":
        """Drops the codes that a model has never seen, as the authors' program does with valid and test.

        A Dx-object whose diagnosis is unknown goes whole; an unknown medication or procedure goes alone. A visit
        that is left empty stays, and still counts as a time step.

        Args:
            known: dict of three boolean arrays, `"dx"`, `"rx"` and `"pr"`: is this code known? A code past an
                array's end is not.

        Returns:
            A Store of the same patients and visits.
        """
        dxobj_rows = np.flatnonzero(_look_up(known["dx"], self.dx))
        dxobjs = np.searchsorted(dxobj_rows, self.dxobjs)
        dx, rx_offsets, rx, pr_offsets, pr = self._dxobjects(dxobj_rows)
        rx_rows = np.flatnonzero(_look_up(known["rx"], rx))
        pr_rows = np.flatnonzero(_look_up(known["pr"], pr))
        return Store(
            self.visits,
            dxobjs,
            dx,
            np.searchsorted(rx_rows, rx_offsets),
            rx[rx_rows],
            np.searchsorted(pr_rows, pr_offsets),
            pr[pr_rows],
            self.days,
        )

    def _dxobjects(self, rows: np.ndarray) -> tuple[np.ndarray, ...]:
        """Returns the columns from `dx` on of the Dx-objects at `rows`."""
        rx_counts = self.rx_offsets[rows + 1] - self.rx_offsets[rows]
        pr_counts = self.pr_offsets[rows + 1] - self.pr_offsets[rows]
        return (
            self.dx[rows],
            offsets(rx_counts),
            self.rx[ranges(self.rx_offsets[rows], rx_counts)],
            offsets(pr_counts),
            self.pr[ranges(self.pr_offsets[rows], pr_counts)],
        )


def _look_up(known: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Returns whether each of `codes` is known; a code past the end of `known` is not."""
    within = codes < len(known)
    result = np.zeros(len(codes), bool)
    result[within] = known[codes[within]]
    return result
