"""Which codes of a model share ancestors, for embeddings that share a part."""

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np

from mime_tf.config import TrainConfig
from mime_tf.data.cohort import Cohort
from mime_tf.data.store import CODE_KINDS
from mime_tf.errors import InputError
from mime_tf.regression import yardsticks
from mime_tf.regression.lineage import Lineage


@dataclasses.dataclass(frozen=True, eq=False)
class Kinship:
    """The ancestors of the codes of a model.

    Attributes:
        relations: by kind of codes, int64 (relations, 2): a code and the number of an ancestor of it each, from 0.
        ancestors: by kind, number of ancestors.
    """

    relations: dict[str, np.ndarray]
    ancestors: dict[str, int]

    @classmethod
    def of(cls, lineage: Lineage, sizes: Mapping[str, int]) -> "Kinship":
        """Returns the kinship of the codes that a model of some sizes has room for."""
        relations = {kind: lineage.relations(kind, sizes[f"num_{kind}"]) for kind in CODE_KINDS}
        return cls(relations, {kind: len(lineage.names[kind]) for kind in CODE_KINDS})

    @property
    def sizes(self) -> list[int]:
        """Numbers of ancestors and of relations, of each kind."""
        return [size for kind in CODE_KINDS for size in (self.ancestors[kind], len(self.relations[kind]))]

    def __str__(self) -> str:
        """Number of codes that have ancestors, and number of these, by kind."""
        counts = (
            f"{len(np.unique(pairs[:, 0])):,} {kind} codes with {self.ancestors[kind]:,}"
            for kind, pairs in self.relations.items()
            if len(pairs)
        )
        return ", ".join(counts)

    @property
    def digest(self) -> str:
        """SHA-256 of the relations."""
        content = hashlib.sha256(str(self.sizes).encode())
        for kind in CODE_KINDS:
            content.update(self.relations[kind].tobytes())
        return content.hexdigest()


def ancestors_of(config: TrainConfig, kinship: Kinship | None) -> list[int] | None:
    """Returns the argument `ancestors` of `mime_tf.MiME`; an attention is as wide as embeddings."""
    if kinship is None:
        return None
    return kinship.sizes + ([config.dx_emb_size] if config.hierarchy == "attention" else [])


def kinship_of(config: TrainConfig, cohort: Cohort, sizes: Mapping[str, int]) -> Kinship | None:
    """Returns the kinship that a configuration asks for, or None.

    With `auto` it is None where `sum` would be an error, and where embeddings start from other values.

    Raises:
        InputError: the cohort has no hierarchy, or no two codes have an ancestor in common.
    """
    is_auto, at_random = config.hierarchy == "auto", config.init_embeddings == "random" and not config.init_from
    if config.hierarchy == "none" or (is_auto and not at_random):
        return None
    lineage = yardsticks.lineage_of(cohort)
    kinship = None if lineage is None else Kinship.of(lineage, sizes)
    if kinship is not None and any(kinship.sizes):
        return kinship
    if is_auto:
        return None
    if lineage is None:
        reason = "that needs a hierarchy.csv and a vocabulary.csv beside the cohort, as convert writes them"
    else:
        reason = (
            "no two codes of vocabulary.csv have an ancestor in common in the hierarchy.csv beside it, and none is the "
            "right choice"
        )
    raise InputError(f"{cohort.name}: hierarchy: found {config.hierarchy}; {reason}")
