"""Codes that name no diagnosis and no order, because they say that there is none or that it is not known."""

import dataclasses
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from mime_tf.ehr import missing
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.schema import Export

if TYPE_CHECKING:  # slow to import; processes that read FHIR need `absence` alone
    import ibis

# Code systems that say why data are absent, by the end of their address; the last is the OID of NullFlavor.
_REASONS_OF_ABSENCE = re.compile(
    r"(?:^|[/:])(data-absent-reason|(?:v3-)?nullflavor|absent-unknown-uv-ips|2\.16\.840\.1\.113883\.5\.1008)/?(?:\|.*)?$"
)
# Statements that nothing is there: those of the International Patient Summary, and those they replaced.
_STATEMENTS = {
    "SNOMED-CT": {
        "160244002": "No known allergies",
        "160245001": "No current problems or disability",
        "261665006": "Unknown",
        "373572006": "Clinical finding absent",
        "385432009": "Not applicable",
        "409137002": "No known drug allergy",
        "428197003": "No known insect allergy",
        "428607008": "No known environmental allergy",
        "429625007": "No known food allergy",
        "716184000": "No known latex allergy",
        "716186003": "No known allergy",
        "787480003": "No known procedures",
        "787481004": "No known medications",
        "787482006": "No known immunizations",
        "787483001": "No known device use",
    }
}


def absence(system: str, code: str) -> str | None:
    """Returns what a code says in place of a diagnosis or an order, in words, or None if it names one.

    Args:
        system: the code system, its name or an address.
        code: the code.
    """
    if code.strip().lower() in missing.CERTAIN:
        return f"of the code {code.strip()}, a word for a missing value"
    reason = _REASONS_OF_ABSENCE.search(system.strip().lower())
    return f"of {reason[1]} {code}, which says that there is none" if reason else None


def statement(system: str, code: str) -> str | None:
    """Returns what a code states about all that is not there, in words, or None if it names a diagnosis or an order."""
    meaning = _STATEMENTS.get(system, {}).get(code)
    return f"of {system} {code}, a statement that is no diagnosis ({meaning})" if meaning else None


def doubt(code: str) -> str | None:
    """Returns why a code that is kept may be none, in words, or None."""
    is_doubtful = code.lower() in missing.DOUBTFUL
    return f"of the code {code}, which may be a word for a missing value" if is_doubtful else None


@dataclasses.dataclass(frozen=True)
class Found:
    """The codes of an export that name nothing.

    Attributes:
        real: the other codes, a table of kind, system and code.
        left_out: number of diagnoses, orders and reasons of such codes, in words.
        kept: number of those whose code may be none.
    """

    real: "ibis.Table"
    left_out: dict[str, int]
    kept: dict[str, int]


def find(engine: Engine, export: Export, used: "ibis.Table") -> Found:
    """Finds the codes of an export that name nothing.

    Args:
        engine: the export's engine.
        export: the common tables of a source.
        used: the codes in use: kind, system and code.
    """
    codes = engine.arrow(used).to_pylist()
    none = _table(codes, lambda system, code: absence(system, code) or statement(system, code))
    doubtful = _table(codes, lambda system, code: None if absence(system, code) else doubt(code))
    if none is None:
        return Found(used, {}, _count(engine, export, doubtful))
    real = used.anti_join(none, ["kind", "system", "code"])
    return Found(real, _count(engine, export, none), _count(engine, export, doubtful))


def _table(codes: list[dict], why: Callable[[str, str], str | None]) -> "ibis.Table | None":
    """The codes for which there is a reason, with it, or None."""
    import ibis
    import pyarrow as pa

    rows = [code | {"why": reason} for code in codes if (reason := why(code["system"], code["code"]))]
    return ibis.memtable(pa.Table.from_pylist(rows)) if rows else None


def _count(engine, export, codes):
    """The number of events of some codes, by reason."""
    if codes is None:
        return {}
    import ibis

    events = {
        "diagnoses": export.diagnoses.mutate(kind=ibis.literal("dx")),
        "orders": export.orders,
        "reasons": export.reasons.mutate(kind=ibis.literal("dx")),
    }
    counts = {}
    for name, table in events.items():
        joined = table.select("kind", "system", "code").join(codes, ["kind", "system", "code"])
        for row in engine.arrow(joined.group_by("why").agg(times=joined.count()).order_by("why")).to_pylist():
            counts[f"{name} {row['why']}"] = row["times"]
    return counts
