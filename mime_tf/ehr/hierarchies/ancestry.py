"""The ancestors of a conversion's codes: the tables that it was given, read once and used for two steps."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ibis

from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.vocabulary import RESERVED_CONCEPT, Vocabulary
from mime_tf.ehr.engine import Engine
from mime_tf.ehr.events import Events
from mime_tf.ehr.hierarchies import account, relations, roll_up
from mime_tf.ehr.hierarchies.build import Built, build
from mime_tf.ehr.hierarchies.relations import Relations
from mime_tf.ehr.hierarchies.roll_up import RolledUp
from mime_tf.errors import InputError

if TYPE_CHECKING:  # it has the options of this package
    from mime_tf.ehr.request import Request


@dataclasses.dataclass(frozen=True)
class Ancestry:
    """Tables of parents, and the options for them.

    Attributes:
        relations: the tables.
        request: the options of the conversion.
    """

    relations: Relations
    request: "Request"

    @classmethod
    def gather(
        cls, engine: Engine, request: "Request", parents: ibis.Table | None, progress: Callable[[str], None]
    ) -> "Ancestry":
        """Reads the tables; `parents` is the export's own, or None."""
        return cls(Relations(relations.gather(engine, request.hierarchies, parents, progress)), request)

    def roll_up(self, engine: Engine, events: Events) -> RolledUp | None:
        """Replaces codes by their ancestors, or returns None if the request does not say so."""
        levels = self.request.roll_up
        if not levels:
            return None
        concepts = engine.arrow(events.concepts.select("kind", "system", "code")).to_pylist()
        choice = dataclasses.replace(self.request.ancestors, kept=None)
        built = build(self.relations, (tuple(row.values()) for row in concepts), choice)
        return roll_up.apply(engine, events, built.hierarchy, levels, self.request.roll_up_missing)

    def of(self, vocabulary: Vocabulary) -> tuple[Hierarchy, dict[str, Any]]:
        """Returns the ancestors of a cohort's codes, and the part of linkage.json on them.

        Raises:
            InputError: tables make a cycle, there are too many ancestors, or none is of a kind that was asked for.
        """
        rows = [row for row in vocabulary.rows if row["code"] != RESERVED_CONCEPT["code"]]
        codes = [(row["kind"], row["system"], row["code"]) for row in rows]
        built = build(self.relations, codes, self.request.ancestors)
        self._check_kept(built, codes)
        tables, systems = self.relations.tables, {row["system"] for row in rows}
        notes = list(account.notes(tables, systems, built.several_names))
        return built.hierarchy, {"codes": account.account(built.hierarchy, vocabulary), "notes": notes}

    def _check_kept(self, built: Built, codes: list[tuple[str, str, str]]) -> None:
        """Raises InputError if a level that is to be kept is of no ancestor."""
        found = {row.level_name for row in built.hierarchy.rows}
        for level in self.request.ancestors.kept or ():
            if level not in found:
                every = build(self.relations, codes, dataclasses.replace(self.request.ancestors, kept=None))
                levels = ", ".join(sorted({row.level_name for row in every.hierarchy.rows})) or "none here"
                raise InputError(f"ancestor_levels: found {level}; must be of: {levels}")
