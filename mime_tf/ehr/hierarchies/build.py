"""The hierarchy of a cohort: all ancestors of its codes, by tables of parents and by the rules of code systems."""

import dataclasses
from collections.abc import Iterable, Sequence

import numpy as np

from mime_tf.data.hierarchy import Hierarchy, Relation
from mime_tf.data.store import CODE_KINDS
from mime_tf.ehr.hierarchies import closure, rules
from mime_tf.ehr.hierarchies.closure import Edges
from mime_tf.ehr.hierarchies.relations import Relations
from mime_tf.ehr.hierarchies.terms import RULES
from mime_tf.errors import InputError

Key = tuple[str, str]  # a system and a code


@dataclasses.dataclass(frozen=True)
class Choice:
    """The ancestors to look for.

    Attributes:
        rules: names of the rules to use, of `mime_tf.ehr.hierarchies.terms.RULES`.
        kept: level names of ancestors, such as `icd10-category` or `RxNorm Ingredient`; None for all.
        most_steps: largest number of steps to an ancestor, or None for any.
    """

    rules: tuple[str, ...] = RULES
    kept: tuple[str, ...] | None = None
    most_steps: int | None = None


@dataclasses.dataclass(frozen=True)
class Built:
    """A hierarchy, and what was odd about its tables.

    Attributes:
        hierarchy: the ancestors.
        several_names: number of ancestors to which tables give several names; the first by the alphabet is used.
    """

    hierarchy: Hierarchy
    several_names: int


def build(relations: Relations, codes: Iterable[tuple[str, str, str]], choice: Choice) -> Built:
    """Finds all ancestors of codes.

    Args:
        relations: the tables of parents.
        codes: (kind, system, code) of each code.
        choice: the ancestors to look for.

    Raises:
        InputError: tables make a cycle, or there are too many ancestors.
    """
    of_kind: dict[str, list[Key]] = {kind: [] for kind in CODE_KINDS}
    for kind, system, code in codes:
        of_kind[kind].append((system, code))
    rows: list[Relation] = []
    several = 0
    for kind, keys in of_kind.items():
        graph = _Graph(relations, kind, sorted(set(keys)), choice.rules)
        rows += graph.rows(choice)
        several += graph.several_names
    return Built(Hierarchy(rows), several)


class _Graph:
    """The part of the relations that codes of one kind lead to, with the relations that rules give.

    Args:
        relations: the tables of parents.
        kind: kind of the codes.
        keys: the codes, each once.
        rule_names: names of the rules to use.
    """

    def __init__(self, relations: Relations, kind: str, keys: list[Key], rule_names: Sequence[str]):
        self._relations, self._kind, self._rules = relations, kind, rule_names
        self._added: dict[Key, int] = {}  # nodes that no table has, by their numbers
        self._key_of: dict[int, Key] = {}
        self._names: dict[int, set[str]] = {}
        self._classes: dict[int, str] = {}
        self._child: list[int] = []
        self._parent: list[int] = []
        self._steps: list[int] = []
        self.start = self._nodes(keys)
        self._follow()

    def _nodes(self, keys: list[Key]) -> np.ndarray:
        """The nodes of keys, with new numbers for those that no table has."""
        nodes = self._relations.numbers(keys) if keys else np.empty(0, np.int64)
        for position in np.flatnonzero(nodes < 0).tolist():
            nodes[position] = self._added.setdefault(keys[position], self._relations.size + len(self._added))
        self._key_of |= dict(zip(nodes.tolist(), keys, strict=True))
        return nodes

    def _follow(self) -> None:
        """Walks up from the codes, and gathers all relations on the way."""
        fresh = np.unique(self.start)
        seen = set(fresh.tolist())
        while len(fresh):
            reached = np.concatenate([self._by_tables(fresh), self._by_rules(fresh)])
            fresh = np.array(sorted(set(reached.tolist()) - seen), np.int64)
            seen |= set(fresh.tolist())

    def _by_tables(self, nodes: np.ndarray) -> np.ndarray:
        positions = self._relations.out_of(nodes[nodes < self._relations.size])
        child, parent, steps = (column[positions] for column in self._relations.edges)
        self._extend(child.tolist(), parent.tolist(), steps.tolist())
        unknown = np.array(sorted(set(parent.tolist()) - self._key_of.keys()), np.int64)
        self._key_of |= dict(zip(unknown.tolist(), self._relations.keys(unknown), strict=True))
        for node, name, ancestor_class in zip(parent.tolist(), *self._relations.texts(positions), strict=True):
            if name:
                self._names.setdefault(node, set()).add(name)
            if ancestor_class:
                self._classes[node] = ancestor_class
        return parent

    def _by_rules(self, nodes: np.ndarray) -> np.ndarray:
        children, keys, steps, names = [], [], [], []
        for node in nodes.tolist():
            system, code = self._key_of[node]
            if rules.rule_of(system) in self._rules:
                for parent in rules.parents(self._kind, system, code):
                    if (parent.system, parent.code) != (system, code):
                        children.append(node)
                        keys.append((parent.system, parent.code))
                        steps.append(parent.steps)
                        names.append(parent.name)
        parents = self._nodes(keys)
        self._extend(children, parents.tolist(), steps)
        for parent, name in zip(parents.tolist(), names, strict=True):
            if name:
                self._names.setdefault(parent, {name})
        return parents

    def _extend(self, child: list[int], parent: list[int], steps: list[int]) -> None:
        self._child += child
        self._parent += parent
        self._steps += steps

    @property
    def several_names(self) -> int:
        """Number of ancestors with several names."""
        return sum(len(names) > 1 for names in self._names.values())

    def rows(self, choice: Choice) -> list[Relation]:
        """The rows of hierarchy.csv, sorted by code, level and ancestor."""
        nodes = sorted(self._key_of)
        compact = {node: number for number, node in enumerate(nodes)}
        ends = ([compact[node] for node in column] for column in (self._child, self._parent))
        edges = Edges(*(np.array(column, np.int64) for column in (*ends, self._steps)))
        self._check_cycle(edges, nodes)
        start = np.array([compact[node] for node in self.start.tolist()], np.int64)
        pairs = closure.close(edges, len(nodes), start, choice.most_steps)
        ancestors = np.unique(pairs.ancestor)
        itself = np.intersect1d(start, ancestors)  # codes that are ancestors of others belong to themselves as well
        columns = [
            np.concatenate([column, own]).tolist()
            for column, own in zip(pairs, (itself, itself, np.zeros(len(itself), np.int64)), strict=True)
        ]
        rows = [self._row(nodes[code], nodes[ancestor], level) for code, ancestor, level in zip(*columns, strict=True)]
        rows = [row for row in rows if choice.kept is None or row.level_name in choice.kept]
        return sorted(rows, key=lambda row: (row.system, row.code, row.level, row.ancestor_system, row.ancestor))

    def _row(self, code: int, ancestor: int, level: int) -> Relation:
        name = min(self._names.get(ancestor, [""]))
        ancestor_class = self._classes.get(ancestor, "")
        return Relation(self._kind, *self._key_of[code], *self._key_of[ancestor], ancestor_class, level, name)

    def _check_cycle(self, edges: Edges, nodes: list[int]) -> None:
        keys = [self._key_of[nodes[position]] for position in closure.cycle(edges, len(nodes))]
        if keys:
            shown = " -> ".join(" ".join(key) for key in [*keys[:5], *(["..."] if len(keys) > 5 else []), keys[0]])
            files = ", ".join(table.source for table in self._relations.tables)
            raise InputError(f"{files}: found the cycle {shown}; no code may be an ancestor of itself")
