"""The outcome to be predicted, and the time at which each patient first has it."""

import dataclasses
import re

import ibis
import numpy as np

from mime_tf.ehr.engine import Engine
from mime_tf.ehr.events import Events
from mime_tf.ehr.seconds import MISSING
from mime_tf.errors import InputError, show
from mime_tf.terminal import reading

DEATH = "death"
FORMS = "codes, @file with a code a line, regex:... or death"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome that `--outcome` asks for.

    Attributes:
        text: the option as given.
        codes: diagnosis codes, each with or without its system before a `|`; empty for a pattern and for death.
        pattern: regular expression that is searched for in diagnosis codes, or None.
    """

    text: str
    codes: frozenset[str]
    pattern: re.Pattern | None

    @classmethod
    def parse(cls, text: str) -> "Outcome":
        """Reads an outcome: codes separated by commas, `@file` with a code a line, `regex:...` or `death`.

        Raises:
            InputError: the text is none of these.
        """
        if text == DEATH:
            return cls(text, frozenset(), None)
        if text.startswith("regex:"):
            try:
                return cls(text, frozenset(), re.compile(text.removeprefix("regex:")))
            except re.error as error:
                raise InputError(f"outcome: found {show(text)}; not a regular expression: {error}") from error
        listed = _codes_in_file(text.removeprefix("@")) if text.startswith("@") else text.split(",")
        codes = frozenset(code.strip() for code in listed) - {""}
        if not codes:
            raise InputError(f"outcome: found {show(text)}; must be {FORMS}")
        return cls(text, codes, None)

    def concepts(self, table: dict[str, list]) -> np.ndarray:
        """Returns the numbers of the diagnoses that are the outcome.

        Args:
            table: the columns of `Events.concepts`.

        Returns:
            int64 array, not empty.

        Raises:
            InputError: a code is not among the diagnoses, or the pattern matches none of them.
        """
        numbers, present = [], set()
        for kind, system, code, number in zip(
            *(table[name] for name in ("kind", "system", "code", "concept")), strict=True
        ):
            names = {code, f"{system}|{code}"} & self.codes
            if kind == "dx" and (names or (self.pattern and self.pattern.search(code))):
                numbers.append(number)
                present |= names
        absent = sorted(self.codes - present)
        if absent or not numbers:
            raise InputError(self._absence(absent[0] if absent else self.text, table))
        return np.array(numbers, np.int64)

    def _absence(self, text, table):
        """The error message for a code or pattern that no diagnosis has."""
        order_codes = {code for kind, code in zip(table["kind"], table["code"], strict=True) if kind != "dx"}
        of_orders = text in self.codes and text in order_codes
        why = "it is a code of orders only" if of_orders else "no diagnosis or reason has it"
        right = f"must be a diagnosis code of this export{self._suggestion(table)}"
        return f"outcome: found {show(text)}; {why}; {right}"

    def _suggestion(self, table):
        """Diagnoses whose display contains the text, for users who gave a name."""
        words = [word.removeprefix("regex:").lower() for word in (self.codes or {self.text})]
        named = zip(table["kind"], table["code"], table["display"], strict=True)
        diagnoses = [
            f"{code} ({display})"
            for kind, code, display in named
            if kind == "dx" and any(word in display.lower() for word in words)
        ]
        return f"; diagnoses of that name: {', '.join(diagnoses[:3])}" if diagnoses else ""


def _codes_in_file(path):
    """The codes of a file: one a line; text after a # is a comment."""
    try:
        with reading.open_text(path) as file:
            return [line.partition("#")[0] for line in reading.lines(file, path)]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"outcome: {path}: not readable: {getattr(error, 'strerror', None) or error}") from error


def first_times(engine: Engine, events: Events, concepts: np.ndarray, patients: int) -> np.ndarray:
    """Returns when each patient first has one of some diagnoses, recorded or as the reason of an order.

    Args:
        engine: the events' engine.
        events: the numbered export.
        concepts: int64, numbers of the diagnoses.
        patients: number of patients.

    Returns:
        int64, (patients,): seconds, or MISSING.
    """
    numbers = concepts.tolist()
    recorded = events.diagnoses.filter(events.diagnoses.dx.isin(numbers)).select("p", "time")
    reasons = events.reasons.filter(events.reasons.dx.isin(numbers)).select("o").distinct()
    ordered = events.orders.semi_join(reasons, "o").select("p", "time")
    both = ibis.union(recorded, ordered)
    first = engine.arrow(both.group_by("p").agg(time=both.time.min()))
    times = np.full(patients, MISSING)
    times[first["p"].to_numpy()] = first["time"].to_numpy()
    return times
