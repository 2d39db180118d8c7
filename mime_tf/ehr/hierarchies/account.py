"""How many codes have an ancestor: the part of linkage.json on hierarchies, and its printed table."""

from collections.abc import Iterator, Sequence
from typing import Any

from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.store import CODE_KINDS
from mime_tf.data.vocabulary import RESERVED_CONCEPT, Vocabulary
from mime_tf.ehr.hierarchies.relations import Table

KIND_NAMES = {"dx": "diagnoses", "rx": "medications", "pr": "procedures"}


def account(hierarchy: Hierarchy, vocabulary: Vocabulary) -> dict[str, Any]:
    """Counts the codes with an ancestor, and their occurrences in the cohort.

    Returns:
        By kind: `"codes"` and `"occurrences"` of all; `"with an ancestor"`, the same of codes that have one; and
        `"levels"`, by what ancestors are, the same of codes with such a one, and the number of `"ancestors"`.
    """
    result = {}
    for kind in CODE_KINDS:
        rows = [row for row in vocabulary.rows if row["kind"] == kind and row["code"] != RESERVED_CONCEPT["code"]]
        by_level: dict[str, list[dict[str, str]]] = {}
        ancestors: dict[str, set[str]] = {}
        has_one = []
        for row in rows:
            relations = hierarchy.of_code.get((kind, row["system"], row["code"]), [])
            has_one += [row] if relations else []
            for level in {relation.level_name for relation in relations}:
                by_level.setdefault(level, []).append(row)
            for relation in relations:
                ancestors.setdefault(relation.level_name, set()).add(relation.ancestor)
        levels = {
            level: {**_sizes(by_level[level]), "ancestors": len(ancestors[level])}
            for level in sorted(by_level, key=lambda level: (-len(ancestors[level]), level))
        }
        result[kind] = {**_sizes(rows), "with an ancestor": _sizes(has_one), "levels": levels}
    return result


def _sizes(rows):
    return {"codes": len(rows), "occurrences": sum(int(row["count"]) for row in rows)}


def lines(hierarchy: dict[str, Any]) -> Iterator[str]:
    """Yields the lines of the printed table, none if no code has an ancestor.

    Args:
        hierarchy: the part of linkage.json.
    """
    codes = hierarchy["codes"]
    if not any(counts["levels"] for counts in codes.values()):
        return
    yield f"{'ancestors of codes':40}{'codes':>22}{'occurrences':>22}{'ancestors':>12}"
    for kind, counts in codes.items():
        if counts["levels"]:
            yield _line(f"{KIND_NAMES[kind]} with an ancestor", counts["with an ancestor"], counts, "")
            for level, sizes in counts["levels"].items():
                yield _line(f"  {level}", sizes, counts, f"{sizes['ancestors']:,}")


def _line(title, sizes, total, ancestors):
    cells = (f"{sizes[name]:,} ({sizes[name] / max(total[name], 1):.1%})" for name in ("codes", "occurrences"))
    return f"{title:40}" + "".join(f"{cell:>22}" for cell in cells) + f"{ancestors:>12}"


def notes(tables: Sequence[Table], systems: set[str], several_names: int) -> Iterator[str]:
    """Yields remarks on tables of parents: what was left out, and tables of other systems than the cohort's.

    Args:
        tables: the tables.
        systems: code systems of the cohort's codes.
        several_names: number of ancestors with several names.
    """
    for table in tables:
        for why, times in table.left_out.items():
            yield f"left out: {times:,} {why}"
        if not systems & set(table.systems):
            found, wanted = (", ".join(list(names)[:5]) or "none" for names in (table.systems, sorted(systems)))
            yield f"{table.source}: no code of the cohort is of its systems ({found}); the cohort's are {wanted}"
    if several_names:
        yield f"{several_names:,} ancestors have several names; the first by the alphabet is used"
