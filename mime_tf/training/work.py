"""A run that is under way."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mime_tf.data.cohort import Cohort
from mime_tf.runs.configuration import Configuration
from mime_tf.runs.record import Record
from mime_tf.terminal.console import Console
from mime_tf.training.beside_codes import BesideCodes
from mime_tf.training.plan import Plan

if TYPE_CHECKING:
    from mime_tf.training.fitter import Fitter


@dataclasses.dataclass(frozen=True)
class Work:
    """A run that is under way.

    Attributes:
        record: of the run.
        plan: its splits.
        cohort: the patients.
        sizes: dict of the resolved sizes.
        beside: age, sex and days that the model reads.
        fitters: the one of the network, or one for each kind of network of a blend.
        console: where to print.
    """

    record: Record
    plan: Plan
    cohort: Cohort
    sizes: Mapping[str, int]
    beside: BesideCodes
    fitters: Sequence["Fitter"]
    console: Console

    def configuration(self, number: int) -> Configuration:
        """Returns the configuration of a split, or of the refit, which has the number of the first."""
        shared = {name: self.record.content[name] for name in ("input", "data", "flags", "versions")}
        return Configuration(split_seed=number, sizes=dict(self.sizes), **shared)
