"""The options of a cohort's design in one frozen dataclass, which checks them when it is made."""

import dataclasses
import datetime
import math
import re

import numpy as np

from mime_tf.ehr.seconds import BEGINNING, DAY, from_date
from mime_tf.errors import InputError

TARGETS = ("outcome", "labels", "none")
DESIGNS = ("cohort", "case_control")
CENSORING = ("exclude", "negative")
MAX_DAYS = 100_000


@dataclasses.dataclass(frozen=True)
class Rules:
    """The options of a cohort's design, under the names of the flags of `convert`.

    None means that an option was not given. Where it applies, it then takes the value in brackets; where it does not,
    it stays None, and giving it is an error.

    Attributes:
        target: source of the labels: `"outcome"`, `"labels"` (a label file) or `"none"`.
        design: `"cohort"`, or `"case_control"`, which needs an outcome.
        prediction_at: `"random"`, `"every"`, `"visit:N"`, `"date:YYYY-MM-DD"` or `"age:YEARS"` ["random" for an
            outcome]. In the cohort design only; without it and without a target all visits are used.
        observation_days: days before the prediction time in which visits are used; None for all.
        gap_days: in the cohort design, days before the prediction time of which nothing is used; in the case-control
            design, days from the prediction time to the outcome.
        horizon_days: days after the prediction time in which the outcome makes a label 1 [365]. For an outcome in the
            cohort design.
        min_visits: least number of visits that a row uses.
        age: `"40:85"`, `"40:"` or `":85"`: completed years of life at the prediction time, both ends included.
        sex: sex of the patients, as the source writes it; None for all.
        censoring: `"exclude"` or `"negative"` ["exclude"]. Applies where the horizon does.
        controls: number of controls per case [10]. In the case-control design only, as are the next two.
        match_age_years: largest difference of age between case and control [2].
        match_visits: largest difference of their numbers of visits, as a share of the case's; 1 visit is always allowed
            [0.2].
        seed: seed of all draws.

    Raises:
        InputError: a value is out of range, or values exclude each other; the message names the flag.
    """

    target: str = "outcome"
    design: str = "cohort"
    prediction_at: str | None = None
    observation_days: int | None = None
    gap_days: int = 0
    horizon_days: int | None = None
    min_visits: int = 1
    age: str | None = None
    sex: str | None = None
    censoring: str | None = None
    controls: int | None = None
    match_age_years: float | None = None
    match_visits: float | None = None
    seed: int = 0

    def __post_init__(self):
        self._check_one_of("target", TARGETS)
        self._check_one_of("design", DESIGNS)
        if self.design == "case_control" and self.target != "outcome":
            raise InputError("design: found case_control; needs an outcome, which tells cases from controls")
        self._check_that_they_apply()
        self._fill_in()
        self._check_one_of("censoring", (None, *CENSORING))
        for name, low in {"observation_days": 1, "gap_days": 0, "horizon_days": 1}.items():
            self._check_number(name, low, MAX_DAYS, whole=True)
        for name in ("min_visits", "controls"):
            self._check_number(name, 1, 1_000_000, whole=True)
        self._check_number("seed", 0, 2**63 - 1, whole=True)
        self._check_number("match_age_years", 0, 200)
        self._check_number("match_visits", 0, 1000)
        if self.design == "cohort" and self.observation_days is not None and self.observation_days <= self.gap_days:
            expected = f"more than gap_days, {self.gap_days}, or no visit can be used"
            raise InputError(f"observation_days: found {self.observation_days}; must be {expected}")
        if self.sex == "":
            raise InputError("sex: found nothing; must be as the source writes it, such as F")
        parse_age(self.age)
        parse_prediction_at(self.prediction_at)

    def _check_that_they_apply(self):
        """Raises InputError if an option is given that would have no effect."""
        cohort = self.design == "cohort"
        timed = self.target != "none" or self.prediction_at is not None
        applies = (
            (cohort and self.target == "outcome", "an outcome in the cohort design", ("horizon_days", "censoring")),
            (not cohort, "design case_control", ("controls", "match_age_years", "match_visits")),
            (cohort and self.target != "labels", "the cohort design and without labels", ("prediction_at",)),
            (timed, "a prediction time: an outcome, labels or prediction_at", ("observation_days", "gap_days", "age")),
        )
        for holds, need, names in applies:
            for name in names:
                value = getattr(self, name)
                if not holds and value is not None and (name, value) != ("gap_days", 0):
                    raise InputError(f"{name}: found {value}; goes only with {need}")

    def _fill_in(self):
        """Sets the options that apply and were not given."""
        values: dict[str, str | float] = {"controls": 10, "match_age_years": 2.0, "match_visits": 0.2}
        if self.design == "cohort":
            values = {"prediction_at": "random", "horizon_days": 365, "censoring": "exclude"}
        for name, value in values.items():
            if self.target == "outcome" and getattr(self, name) is None:
                object.__setattr__(self, name, value)

    def _check_one_of(self, name, values):
        if getattr(self, name) not in values:
            expected = ", ".join(value for value in values if value)
            raise InputError(f"{name}: found {getattr(self, name)}; must be one of {expected}")

    def _check_number(self, name, low, high, whole=False):
        value = getattr(self, name)
        kinds = (int,) if whole else (int, float)
        right = value is None or (type(value) in kinds and math.isfinite(value) and low <= value <= high)
        if not right:
            kind = "a whole number" if whole else "a number"
            raise InputError(f"{name}: found {value}; must be {kind} from {low} to {high}")

    def window(self, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the start, inclusive, and the end, exclusive, of the window that may be used at prediction times.

        In the case-control design the gap is not taken again, because prediction times lie before the outcome by it.

        Args:
            time: int64 array, no time MISSING.

        Returns:
            Two int64 arrays of its shape.
        """
        gap = 0 if self.design == "case_control" else self.gap_days * DAY
        if self.observation_days is None:
            return np.full_like(time, BEGINNING), time - gap
        return time - self.observation_days * DAY, time - gap


def parse_age(text: str | None) -> tuple[float, float]:
    """Returns the least and the greatest age of `"40:85"`, in completed years; an end may be left open.

    >>> parse_age("40:85"), parse_age("40:"), parse_age(None)
    ((40, 85), (40, inf), (-inf, inf))

    Raises:
        InputError: the text is anything else.
    """
    match = re.fullmatch(r"([0-9]{0,3}):([0-9]{0,3})", ":" if text is None else text)
    first, last = match.groups() if match else ("1", "0")
    low, high = int(first) if first else -math.inf, int(last) if last else math.inf
    if low > high or text == ":":
        raise InputError(f"age: found {text}; must be two ages in years, such as 40:85, 40: or :85")
    return low, high


def parse_prediction_at(text: str | None) -> tuple[str | None, float | None]:
    """Returns the rule for prediction times: a word, and its value.

    >>> parse_prediction_at("visit:3"), parse_prediction_at("date:1970-01-02"), parse_prediction_at("random")
    (('visit', 3), ('date', 86400), ('random', None))

    Returns:
        `"random"`, `"every"` or None with None; `"visit"` and a number from 2; `"date"` and its midnight in seconds; or
        `"age"` and years.

    Raises:
        InputError: the text is anything else.
    """
    if text in (None, "random", "every"):
        return text, None
    word, _, value = text.partition(":")
    number = re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value)
    if word == "visit" and number and not number[1] and int(value) >= 2:
        return word, int(value)
    if word == "age" and number and float(value) <= 200:
        return word, float(value)
    if word == "date" and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return word, from_date(datetime.date.fromisoformat(value))
        except ValueError as error:
            raise InputError(f"prediction_at: found {text}; {error}") from error
    expected = "random, every, visit:N with N from 2, date:YYYY-MM-DD or age:YEARS, such as age:65"
    raise InputError(f"prediction_at: found {text}; must be {expected}")
