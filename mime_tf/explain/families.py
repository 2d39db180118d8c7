"""An explanation added up by families of codes: the ancestors of one level, each with its codes."""

import dataclasses
from collections.abc import Collection, Iterator

from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.explain.explanation import Explanation
from mime_tf.pages.text import one_line, signed

NONE = "no ancestor of this level"


@dataclasses.dataclass(frozen=True)
class Family:
    """Codes of one kind with a common ancestor.

    Attributes:
        kind: `"dx"`, `"rx"` or `"pr"`.
        name: of the ancestor, or `NONE`.
        contribution: float, log-odds, the sum over the codes.
        codes: tuple of pairs of a code's name and its contribution, the largest first.
    """

    kind: str
    name: str
    contribution: float
    codes: tuple[tuple[str, float], ...]


def families(
    explanation: Explanation, hierarchy: Hierarchy, vocabulary: Vocabulary, levels: Collection[str]
) -> list[Family]:
    """Adds the contributions of a patient's codes up by family, the largest first.

    A code of several families gives each an equal part, so that the families add up to what the visits do.

    Args:
        explanation: of the patient.
        hierarchy: the ancestors of codes.
        vocabulary: the names of codes.
        levels: level names of the families, such as `icd10-chapter` and `atc-2`.

    Raises:
        InputError: no code has an ancestor of one of the levels.
    """
    known = {row.level_name for row in hierarchy.rows}
    for level in levels:
        if level not in known:
            raise InputError(f"families: found {level}; must be of: {', '.join(sorted(known)) or 'none here'}")
    sums: dict[tuple[str, str], dict[str, float]] = {}
    for kind, code, name, contribution in _of_codes(explanation):
        row = vocabulary.by_index.get((kind, code), {})
        relations = hierarchy.of_code.get((kind, row.get("system", ""), row.get("code", "")), [])
        above = [row for row in relations if row.level_name in levels]
        names = [f"{row.name} ({row.ancestor})" if row.name else row.ancestor for row in above] or [NONE]
        for family in names:
            codes = sums.setdefault((kind, family), {})
            codes[name] = codes.get(name, 0.0) + contribution / len(names)
    found = [
        Family(kind, name, sum(codes.values()), tuple(sorted(codes.items(), key=lambda item: -abs(item[1]))))
        for (kind, name), codes in sums.items()
    ]
    return sorted(found, key=lambda family: -abs(family.contribution))


def _of_codes(explanation: Explanation) -> Iterator[tuple[str, int, str, float]]:
    """Yields the kind, index, name and contribution of each code that the model was shown."""
    for visit in explanation.visits:
        for dxobject in visit.dxobjects:
            yield "dx", dxobject.code, dxobject.name, dxobject.alone
            for order in dxobject.orders:
                yield order.kind, order.code, order.name, order.contribution


def printed(found: list[Family]) -> Iterator[str]:
    """Yields the lines of a printed table, each family with its codes."""
    yield "contributions of families, and of the codes in them:"
    for family in found:
        yield f"{signed(family.contribution, 4):>10}  {family.kind} {one_line(family.name)}"
        for name, contribution in family.codes:
            yield f"{signed(contribution, 4):>10}      {one_line(name)}"
