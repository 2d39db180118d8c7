"""The options of a conversion, beside the export."""

import dataclasses
import time

from mime_tf.data.vocabulary import Vocabulary
from mime_tf.ehr.code_groups import CodeGroups
from mime_tf.ehr.design.label_file import Labels
from mime_tf.ehr.design.outcome import DEATH, Outcome
from mime_tf.ehr.design.rules import Rules
from mime_tf.ehr.hierarchies.build import Choice
from mime_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class Request:
    """The options of a conversion.

    Attributes:
        rules: patients and prediction times of the cohort.
        outcome: the outcome, or None; beside labels it only tells the audit which codes to look for.
        labels: labels made elsewhere, or None.
        unlinked, infer_share: as for `mime_tf.ehr.linkage.link.link`.
        min_count: codes with a lower count in the cohort are dropped.
        vocabulary: existing vocabulary whose codes and indices are used, or None for a new one.
        keep_unknown: codes that `vocabulary` lacks are kept, and numbered after its own; else they are dropped.
        groups: groups in place of codes, or None.
        hierarchies: files with tables of parents.
        ancestors: the ancestors of codes to look for.
        roll_up: what codes of a kind are replaced by, such as {"dx": "icd10-category"}.
        roll_up_missing: codes without such an ancestor stay or go, of `mime_tf.ehr.hierarchies.terms.MISSING`.
        strict: a reference to nowhere, and an event of another patient than its visit's, is an error.
        skip: identifiers that several different rows have are left out, with all that refers to them; else an error.
        now: time of the conversion, in seconds; later times are none.

    Raises:
        InputError: a value is out of range, or two options exclude each other: a vocabulary and a `min_count`, labels
            and death.
    """

    rules: Rules
    outcome: Outcome | None = None
    labels: Labels | None = None
    unlinked: str = "drop"
    infer_share: float = 0.5
    min_count: int = 1
    vocabulary: Vocabulary | None = None
    keep_unknown: bool = False
    groups: CodeGroups | None = None
    hierarchies: tuple[str, ...] = ()
    ancestors: Choice = dataclasses.field(default_factory=Choice)
    roll_up: dict[str, str] = dataclasses.field(default_factory=dict)
    roll_up_missing: str = "stay"
    strict: bool = False
    skip: bool = False
    now: int = dataclasses.field(default_factory=lambda: int(time.time()))

    def __post_init__(self):
        if self.labels and self.outcome and self.outcome.text == DEATH:
            raise InputError("outcome: found death; with labels it tells the audit which codes to look for")
        if not 0 <= self.infer_share <= 1:
            raise InputError(f"infer_share: found {self.infer_share}; must be from 0 to 1")
        if self.min_count < 1:
            raise InputError(f"min_count: found {self.min_count}; must be at least 1")
        if self.keep_unknown and not self.vocabulary:
            raise InputError("unknown_codes: found keep; goes with a vocabulary, which codes are unknown to")
        if self.vocabulary and self.min_count > 1:
            raise InputError("vocabulary, min_count: found both; an existing vocabulary is used as it is")
