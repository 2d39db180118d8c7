"""The outcome that is to be predicted, and when each patient first has it."""

import dataclasses
import os
import re

import ibis
import numpy as np

from mime_tf.ehr.design.timeline import MISSING
from mime_tf.errors import InputError, show

DEATH = "death"


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What `--outcome` asks for.

    Attributes:
        text: as it was given.
        codes: set of str, diagnosis codes, each with or without its system before a `|`; empty for the others.
        pattern: a compiled regular expression that is searched for in diagnosis codes, or None.
    """

    text: str
    codes: frozenset
    pattern: re.Pattern | None

    @classmethod
    def parse(cls, text):
        """Reads an outcome: codes with commas between them, `@file` with a code a line, `regex:...` or `death`.

        Raises:
            InputError: it is none of these.
        """
        if text == DEATH:
            return cls(text, frozenset(), None)
        if text.startswith("regex:"):
            try:
                return cls(text, frozenset(), re.compile(text.removeprefix("regex:")))
            except re.error as error:
                raise InputError(f"outcome: found {show(text)}; not a regular expression: {error}") from error
        listed = _lines(text.removeprefix("@")) if text.startswith("@") else text.split(",")
        codes = frozenset(code.strip() for code in listed) - {""}
        if not codes:
            raise InputError(
                f"outcome: found {show(text)}; must be codes, @file with a code a line, regex:... or death"
            )
        return cls(text, codes, None)

    def concepts(self, table):
        """Returns the numbers of the diagnoses that are the outcome.

        Args:
            table: dict of the columns of `Events.concepts`, lists.

        Returns:
            int64 array, not empty.

        Raises:
            InputError: a code is not among the diagnoses, or the pattern matches none of them.
        """
        found, seen = [], set()
        for kind, system, code, number in zip(
            *(table[name] for name in ("kind", "system", "code", "concept")), strict=True
        ):
            names = {code, f"{system}|{code}"} & self.codes
            if kind == "dx" and (names or (self.pattern and self.pattern.search(code))):
                found.append(number)
                seen |= names
        absent = sorted(self.codes - seen)
        if absent or not found:
            others = {code for kind, code in zip(table["kind"], table["code"], strict=True) if kind != "dx"}
            what = show(absent[0] if absent else self.text)
            why = "it is a code of orders only" if absent and absent[0] in others else "no diagnosis or reason has it"
            right = f"must be a diagnosis code of this export{self._meant(table)}"
            raise InputError(f"outcome: found {what}; {why}; {right}")
        return np.array(found, np.int64)

    def _meant(self, table):
        """Diagnoses whose names hold what was given, for those who gave a name."""
        words = [word.removeprefix("regex:").lower() for word in (self.codes or {self.text})]
        named = zip(table["kind"], table["code"], table["display"], strict=True)
        found = [
            f"{code} ({display})"
            for kind, code, display in named
            if kind == "dx" and any(word in display.lower() for word in words)
        ]
        return f". Of such a name: {', '.join(found[:3])}" if found else ""


def _lines(path):
    """The codes of a file: one a line, and what follows a # is a remark."""
    try:
        with open(os.fspath(path), encoding="utf-8-sig") as file:
            return [line.partition("#")[0] for line in file]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"outcome: {path}: not readable: {getattr(error, 'strerror', None) or error}") from error


def first_times(engine, events, concepts, patients):
    """Returns when each patient was first known to have one of some diagnoses, recorded or as the reason of an order.

    Args:
        engine: `mime_tf.ehr.engine.Engine`.
        events: `mime_tf.ehr.events.Events`.
        concepts: int64 array.
        patients: how many patients there are.

    Returns:
        int64, (patients,): seconds, or MISSING.
    """
    numbers = concepts.tolist()
    recorded = events.diagnoses.filter(events.diagnoses.dx.isin(numbers)).select("p", "time")
    reasons = events.reasons.filter(events.reasons.dx.isin(numbers)).select("o").distinct()
    ordered = events.orders.semi_join(reasons, "o").select("p", "time")
    both = ibis.union(recorded, ordered)
    found = engine.arrow(both.group_by("p").agg(time=both.time.min()))
    times = np.full(patients, MISSING)
    times[found["p"].to_numpy()] = found["time"].to_numpy()
    return times
