"""Codes that a model does not know, in place of which it is shown ancestors that it knows.

Such an ancestor is a code of the model, or one by which the model relates its codes: then the model gets room for a
code that has nothing but ancestors.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mime_tf.data.cohort import Cohort
from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.data.store import CODE_KINDS, Store
from mime_tf.data.vocabulary import COLUMNS, Vocabulary
from mime_tf.errors import InputError
from mime_tf.regression.lineage import Lineage, numbers
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.scoring.widening import check_lineage, takes_ancestors, widened

Slot = tuple[int, ...]  # numbers of the ancestors of a code that has nothing else, the nearest first


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Substitution:
    """The code in place of each code of a cohort.

    Attributes:
        fitted: the fitted split, with room for codes that have nothing but ancestors.
        codes: by kind, int32: index in the model of the code in its place: itself, a code that is its ancestor, or one
            that has its ancestors.
        replaced: by kind, bool: whether an ancestor stands for a code.
        moved: by kind, number by which codes are moved that the model has no room for, behind those with ancestors.
    """

    fitted: FittedSplit
    codes: dict[str, np.ndarray]
    replaced: dict[str, np.ndarray]
    moved: dict[str, int]

    @classmethod
    def of(cls, fitted: FittedSplit, cohort: Cohort | FittedSplit) -> "Substitution":
        """Returns the substitution for the codes of a cohort, or of a model's own vocabulary.

        Ancestors are looked for in the hierarchy.csv beside the cohort and in that of the model. Of several that the
        model knows the nearest is taken; of equally near ones a code, then the first by system and code.

        Raises:
            InputError: no hierarchy has the ancestors, codes have no names, or the tables in the model's
                folder are not those of its training.
        """
        hierarchies = [each for each in (cohort.hierarchy, fitted.hierarchy) if each is not None]
        if not hierarchies:
            raise InputError(
                f"{cohort.name}: unknown_codes: found ancestor; needs a hierarchy.csv beside the data or in "
                f"{fitted.folder}"
            )
        if cohort.vocabulary is None or fitted.vocabulary is None:
            where = cohort.name if cohort.vocabulary is None else fitted.folder
            raise InputError(f"{where}: unknown_codes: found ancestor; needs a vocabulary.csv, which names the codes")
        codes, replaced = {}, {}
        slots: dict[str, dict[Slot, list[Relation]]] = {}
        for kind, own in _numbers(fitted).items():
            instead = _instead(kind, fitted, cohort.vocabulary, hierarchies, own)
            size = len(fitted.usable[kind])
            count = max(size, 1 + max((index for of, index in cohort.vocabulary.by_index if of == kind), default=-1))
            slots[kind] = {slot: above for slot, above in instead.values() if isinstance(slot, tuple)}
            number = {slot: size + index for index, slot in enumerate(slots[kind])}
            table = np.arange(count, dtype=np.int32)
            table[size:] += len(number)
            for index, (slot, _) in instead.items():
                table[index] = number[slot] if isinstance(slot, tuple) else slot
            codes[kind], replaced[kind] = table, np.isin(np.arange(count), list(instead))
        moved = {kind: len(of_kind) for kind, of_kind in slots.items()}
        return cls(_with_room(fitted, slots) if any(moved.values()) else fitted, codes, replaced, moved)

    def __repr__(self) -> str:
        counts = (f"{replaced.sum():,} {kind}" for kind, replaced in self.replaced.items())
        return f"Substitution({', '.join(counts)})"

    def apply(self, cohort: Cohort) -> Cohort:
        """Returns a cohort with the substitutes in place of codes; patients, visits and links stay."""
        columns = {kind: self._of(kind, getattr(cohort.store, kind)) for kind in CODE_KINDS}
        other = cohort.with_store(dataclasses.replace(cohort.store, **columns))
        other.vocabulary = self.fitted.vocabulary  # codes have the model's numbers now
        return other

    def _of(self, kind: str, codes: np.ndarray) -> np.ndarray:
        table = np.append(self.codes[kind], np.int32(0))
        last = len(table) - 1
        return np.where(codes < last, table[np.minimum(codes, last)], codes + self.moved[kind]).astype(codes.dtype)

    def count(self, store: Store) -> np.ndarray:
        """Returns the number of codes of each patient in place of which the model is shown an ancestor.

        An order of a diagnosis that is dropped is not shown.

        Returns:
            int64 (patients,).
        """
        patient = np.repeat(np.repeat(np.arange(len(store)), store.visit_counts), np.diff(store.dxobjs))
        dx, usable = self._of("dx", store.dx), self.fitted.usable["dx"]
        shown = (dx < len(usable)) & usable[np.minimum(dx, len(usable) - 1)]
        total = np.bincount(patient[self._by_ancestor("dx", store.dx)], minlength=len(store))
        for kind in CODE_KINDS[1:]:
            codes, counts = getattr(store, kind), np.diff(getattr(store, f"{kind}_offsets"))
            replaced = self._by_ancestor(kind, codes) & np.repeat(shown, counts)
            total += np.bincount(np.repeat(patient, counts)[replaced], minlength=len(store))
        return total

    def _by_ancestor(self, kind: str, codes: np.ndarray) -> np.ndarray:
        """Returns whether an ancestor stands for each of some codes."""
        table = np.append(self.replaced[kind], False)
        return table[np.minimum(codes, len(table) - 1)]


def shares(codes: int, by_ancestor: int, dropped: int) -> str:
    """Returns in words how a model was shown some codes.

    Args:
        codes: number of codes.
        by_ancestor: number of these in place of which the model was shown an ancestor.
        dropped: number of these that the model was not shown.

    >>> shares(200, 24, 14)
    '81.0% were scored as they are, 12.0% as an ancestor, 7.0% not at all'
    """
    total, known = max(codes, 1), codes - by_ancestor - dropped
    return (
        f"{known / total:.1%} were scored as they are, {by_ancestor / total:.1%} as an ancestor, {dropped / total:.1%} "
        "not at all"
    )


def _numbers(fitted: FittedSplit) -> dict[str, dict[tuple[str, str], int]]:
    """Returns by kind the number of each ancestor by which a model relates codes, by its level name and code.

    Raises:
        InputError: the tables in the model's folder are not those of its training.
    """
    hierarchy, vocabulary = fitted.hierarchy, fitted.vocabulary
    if hierarchy is None or vocabulary is None or not takes_ancestors(fitted.model):
        return {kind: {} for kind in CODE_KINDS}
    check_lineage(fitted, Lineage.of(hierarchy, vocabulary))
    return {kind: numbers(hierarchy, vocabulary, kind) for kind in CODE_KINDS}


def _instead(
    kind: str,
    fitted: FittedSplit,
    vocabulary: Vocabulary,
    hierarchies: Sequence[Hierarchy],
    own: Mapping[tuple[str, str], int],
) -> dict[int, tuple[int | Slot, list[Relation]]]:
    """Returns the substitute of each code of a vocabulary that a model knows by an ancestor alone.

    Args:
        kind: `"dx"`, `"rx"` or `"pr"`.
        fitted: the fitted split.
        vocabulary: names of the cohort's codes.
        hierarchies: where ancestors are looked for.
        own: the kind's numbers of `_numbers`.

    Returns:
        Dict from the index of a code to a code of the model or a slot, and the ancestors, the nearest known one first.
    """
    usable, result = fitted.usable[kind], dict[int, tuple[int | Slot, list[Relation]]]()
    assert fitted.vocabulary is not None  # checked before
    known = {
        (row["system"], row["code"]): index
        for (of, index), row in fitted.vocabulary.by_index.items()
        if of == kind and index < len(usable) and usable[index]
    }
    for (of, index), row in vocabulary.by_index.items():
        if of != kind or (index < len(usable) and usable[index]):
            continue
        above = {each for one in hierarchies for each in one.of_code.get((kind, row["system"], row["code"]), ())}
        nearest = sorted(above, key=lambda each: (each.level, each[3:5] not in known, *each[3:6]))
        slot = tuple(dict.fromkeys(own[key] for each in nearest if (key := (each.level_name, each.ancestor)) in own))
        for position, each in enumerate(nearest):
            if each[3:5] in known or (each.level_name, each.ancestor) in own:
                result[index] = known.get(each[3:5], slot), nearest[position:]
                break
    return result


def _with_room(fitted: FittedSplit, slots: Mapping[str, Mapping[Slot, list[Relation]]]) -> FittedSplit:
    """Returns a fitted split whose model has further codes, each named by the nearest of its ancestors."""
    sizes, usable, names, relations = dict(fitted.sizes), {}, {}, []
    for kind, of_kind in slots.items():
        for index, above in enumerate(of_kind.values(), sizes[f"num_{kind}"]):
            row = above[0]
            values = (kind, str(index), row.level_name, row.ancestor, row.name)
            names[kind, index] = dict(zip(COLUMNS, values, strict=True))
            relations += [each._replace(system=row.level_name, code=row.ancestor) for each in above]
        sizes[f"num_{kind}"] += len(of_kind)
        usable[kind] = np.append(fitted.usable[kind], np.ones(len(of_kind), bool))
    assert fitted.vocabulary is not None  # its codes were looked up
    vocabulary = Vocabulary([*fitted.vocabulary.rows, *names.values()], fitted.vocabulary.by_index | names)
    model = widened(fitted.model, fitted.sizes, {kind: list(of_kind) for kind, of_kind in slots.items()})
    wider = dataclasses.replace(fitted, load_model=lambda: model, sizes=sizes, known=usable, vocabulary=vocabulary)
    if fitted.hierarchy is not None:
        wider.__dict__["hierarchy"] = Hierarchy(list(dict.fromkeys([*fitted.hierarchy.rows, *relations])))
    return wider
