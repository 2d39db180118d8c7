"""Population of a fitted split, `population.json`: how many patients and cases, and of which age, sex and time.

It holds numbers and no patient, so that a page about a run can say whom the model was fitted to without the cohort.
"""

import dataclasses
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mime_tf.data.cohort import PATIENT_ID, Cohort
from mime_tf.errors import InputError, show
from mime_tf.runs.configuration import is_whole
from mime_tf.runs.folder import POPULATION
from mime_tf.splits.split import Split
from mime_tf.terminal import files

SETS = ("all", "train", "valid", "test")
_MOST_WORDS = 12  # values of a column that are counted one by one
_FEWEST = 5  # of a value; rarer ones are counted together, as a table that is handed round does
_OTHER = "other"
_MOST = 10**15
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T.*)?")


@dataclasses.dataclass(frozen=True)
class Count:
    """Number of rows of a set, and of those of label 1, the cases."""

    rows: int
    cases: int

    @property
    def share(self) -> float:
        """Share of cases, the prevalence."""
        return self.cases / self.rows if self.rows else 0.0


@dataclasses.dataclass(frozen=True)
class Population:
    """Population of a fitted split.

    Attributes:
        counts: dict from each of `SETS` to its Count; `"all"` are the rows that the run's thresholds admit.
        columns: dict from a column of patients.csv to its summary: `known`, the number of rows with a value, and
            either `quartiles`, of numbers, or `years`, the first and the last of times, or `values`, the number of rows
            of each word. A column of identifiers, or of many words, has `known` alone.
        content: SHA-256 of the cohort's patients and labels, `Cohort.content_sha256`.
        visits: quartiles of the number of visits of the rows.
        periods: dict from train, valid and test to the first and the last day of their predictions, such as 2019-05-03;
            empty unless the run divided them by time.
    """

    counts: dict[str, Count]
    columns: dict[str, dict[str, Any]]
    content: str
    visits: tuple[float, float, float]
    periods: dict[str, tuple[str, str]] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(
        cls, cohort: Cohort, rows: np.ndarray, split: Split, periods: Mapping[str, tuple[str, str]] | None = None
    ) -> "Population":
        """Counts the sets of a split, and summarizes patients.csv.

        Args:
            cohort: the patients.
            rows: int64, the rows of the cohort that the run admits.
            split: the split.
            periods: as of the attribute, or None.
        """
        labels = cohort.require_labels()[rows]
        counts = {"all": Count(len(rows), int(labels.sum()))}
        for name in SETS[1:]:
            part = getattr(split, name)
            counts[name] = Count(len(part), int(part.labels.sum()))
        table = cohort.attributes.columns if cohort.attributes else {}
        columns = {
            name: summary([values[row] for row in rows.tolist()])
            for name, values in table.items()
            if name not in (PATIENT_ID, "label", "case")
        }
        visits = quartiles(cohort.store.visit_counts[rows])
        return cls(counts, columns, cohort.content_sha256, visits, dict(periods or {}))

    def write(self, folder: str) -> None:
        """Writes population.json into a fitted split's folder."""
        files.write_json(os.path.join(folder, POPULATION), dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: str | os.PathLike) -> "Population | None":
        """Reads population.json, or returns None where a run does not know its patients, as an imported one may not.

        Raises:
            InputError: the file is not as training writes it.
        """
        path = os.path.join(folder, POPULATION)
        content = files.read_json(path)
        if content is None:
            return None
        fields = content if isinstance(content, dict) else {}
        counts, columns, digest = (fields.get(name) for name in ("counts", "columns", "content"))
        if not (isinstance(counts, dict) and set(counts) == set(SETS) and all(map(_is_count, counts.values()))):
            raise InputError(f"{path}: counts: found {show(counts)}; rows and cases of {', '.join(SETS)} are needed")
        if not (isinstance(columns, dict) and all(map(_is_summary, columns.values()))):
            raise InputError(f"{path}: columns: found {show(columns)}; summaries of columns are needed")
        if not isinstance(digest, str):
            raise InputError(f"{path}: content: found {show(digest)}; the SHA-256 of the cohort is needed")
        visits = fields.get("visits")
        if visits is None or not _is_list(visits, 3, (int, float)):
            raise InputError(f"{path}: visits: found {show(visits)}; three quartiles are needed")
        numbers = {name: Count(**count) for name, count in counts.items()}
        periods = fields.get("periods", {})
        if not _are_periods(periods):
            raise InputError(f"{path}: periods: found {show(periods)}; the first and last day of each set are needed")
        least, middle, most = visits
        days = {name: (first, last) for name, (first, last) in periods.items()}
        return cls(numbers, columns, digest, (least, middle, most), days)

    def described(self) -> list[str]:
        """Returns age, sex and time of the patients as phrases, as far as they are known."""
        phrases = []
        if quartiles := self.columns.get("age", {}).get("quartiles"):
            phrases.append("median age {1:.0f} (quartiles {0:.0f} to {2:.0f})".format(*quartiles))
        sexes = self.columns.get("sex", {}).get("values", {})
        total = sum(sexes.values())
        if total:
            phrases.append("sex " + ", ".join(f"{name} {count / total:.0%}" for name, count in sexes.items()))
        if years := self.columns.get("prediction_time", {}).get("years"):
            first, last = years
            phrases.append(f"prediction times in {first}" + (f" to {last}" if last != first else ""))
        return phrases


def quartiles(numbers: np.ndarray) -> tuple[float, float, float]:
    """Returns the quartiles of numbers, to two decimals.

    >>> quartiles(np.array([1, 2, 3, 4]))
    (1.75, 2.5, 3.25)
    """
    low, median, high = (round(float(value), 2) for value in np.percentile(numbers, [25, 50, 75]))
    return low, median, high


def summary(values: Sequence[str]) -> dict[str, Any]:
    """Returns the summary of a column of patients.csv, as in `Population.columns`."""
    known = [value for value in values if value]
    facts: dict[str, Any] = {"known": len(known)}
    if not known:
        return facts
    numbers = _as_numbers(known)
    if numbers is not None:
        return facts | {"quartiles": list(quartiles(numbers))}
    if all(map(_TIME.fullmatch, known)):
        years = [int(value[:4]) for value in known]
        return facts | {"years": [min(years), max(years)]}
    words, counts = np.unique(known, return_counts=True)
    if len(words) > _MOST_WORDS:
        return facts
    counted = {str(word): int(count) for word, count in zip(words, counts, strict=True) if count >= _FEWEST}
    rare = len(known) - sum(counted.values())
    return facts | {"values": counted | ({_OTHER: counted.get(_OTHER, 0) + rare} if rare else {})}


def _as_numbers(values: Sequence[str]) -> np.ndarray | None:
    """Returns texts as finite numbers, or None where one is none."""
    try:
        numbers = np.array([float(value) for value in values])
    except ValueError:
        return None
    return numbers if np.isfinite(numbers).all() else None


def _is_count(count: Any) -> bool:
    if not (isinstance(count, dict) and set(count) == {"rows", "cases"}):
        return False
    return all(is_whole(value, 0) and value < _MOST for value in count.values()) and count["cases"] <= count["rows"]


def _is_summary(summary: Any) -> bool:
    if not isinstance(summary, dict) or None in summary.values():
        return False
    quartiles, years, values = (summary.get(name) for name in ("quartiles", "years", "values"))
    return (
        (quartiles is None or _is_list(quartiles, 3, (int, float)))
        and (years is None or _is_list(years, 2, (int,)))
        and (values is None or (isinstance(values, Mapping) and all(is_whole(count, 0) for count in values.values())))
    )


def _are_periods(periods: Any) -> bool:
    """Whether a value is a dict from each set to two days, or an empty one."""
    if not isinstance(periods, dict) or (periods and set(periods) != set(SETS[1:])):
        return False
    pairs = [pair for pair in periods.values() if isinstance(pair, list) and len(pair) == 2]
    return len(pairs) == len(periods) and all(
        isinstance(day, str) and _DAY.fullmatch(day) for pair in pairs for day in pair
    )


def _is_list(values: Any, count: int, kinds: tuple[type, ...]) -> bool:
    is_list = isinstance(values, list) and len(values) == count
    return is_list and all(type(value) in kinds and abs(value) < _MOST for value in values)
