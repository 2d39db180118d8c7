"""Facts of a run that answer items of a checklist; no model is opened and no cohort is read."""

import dataclasses
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.measures import MEASURES, Assessment, assess
from mime_tf.assess.text import estimated
from mime_tf.config import TIME, TrainConfig
from mime_tf.runs.description import reads
from mime_tf.runs.results import SplitResults
from mime_tf.runs.run import Run
from mime_tf.runs.subject import Subject
from mime_tf.tripod.sites import SiteFigures, read_sites

SHOWN = ("auc", "average_precision", "calibration_slope", "calibration_intercept", "observed_to_expected", "eavg")


@dataclasses.dataclass(frozen=True, eq=False)
class Facts:
    """Facts of a run.

    Attributes:
        splits: results of the finished splits.
        assessments: of each split on its test.
        subject: outcome and patients.
        config: flags of the run.
        bootstrap: the resamples behind the intervals.
        sites: other sites or periods at which the model was measured; empty without a validation.
    """

    splits: list[SplitResults]
    assessments: list[Assessment]
    subject: Subject
    config: TrainConfig
    bootstrap: Bootstrap
    sites: list[SiteFigures] = dataclasses.field(default_factory=list)

    @classmethod
    def of(
        cls,
        path: str | os.PathLike,
        title: str | None,
        bootstrap: Bootstrap,
        progress: Callable[[str], object] | None = None,
        validation: str | None = None,
    ) -> "Facts":
        """Reads a run, or one fitted split.

        Args:
            path: of the run.
            title: name of the outcome, in place of the one that the run has; or None.
            bootstrap: the resamples behind the intervals.
            progress: called with a line of text now and then.
            validation: path of a validate.json or of its folder, or None.

        Raises:
            InputError: no split is finished, a file of one is damaged, or the validation is not of this run.
        """
        splits = Run.open(path).results
        sites = [] if validation is None else read_sites(validation, splits[0].subject)
        assessments = [assess(split.test.scores, bootstrap, progress) for split in splits]
        first = splits[0]
        return cls(splits, assessments, first.subject.titled(title), first.configuration.config, bootstrap, sites)

    @property
    def rules(self) -> dict[str, Any]:
        """Rules by which `convert` chose patients and times; empty if the run has none."""
        return self.subject.origin.rules if self.subject.origin else {}

    @property
    def sets(self) -> str:
        """Numbers of rows and cases of the sets of the first split; empty if the run does not know them."""
        population = self.subject.population
        if population is None:
            return ""
        counts = population.counts
        names = ("train", "valid", "test")
        each = ", ".join(f"{name} {counts[name].rows:,} rows with {counts[name].cases:,} cases" for name in names)
        of = f" (of {self.splits[0].name})" if len(self.splits) > 1 else ""
        return f"{counts['all'].rows:,} rows with {counts['all'].cases:,} cases: {each}{of}"

    @property
    def division(self) -> str:
        """How the patients were divided."""
        config, count = self.config, len(self.splits)
        if config.folds:
            way = f"cross-validation, {config.folds} stratified folds, {count} of them finished; each is test once"
        elif config.split_by == TIME:
            periods = self.subject.population.periods if self.subject.population else {}
            days = ", ".join(f"{name} {first} to {last}" for name, (first, last) in periods.items())
            way = "by prediction time: train is before valid, and valid before test" + (f" ({days})" if days else "")
        else:
            test, valid = config.test_fraction, config.valid_fraction
            way = f"{count} random split{'s' * (count > 1)}, test_fraction {test:g}, valid_fraction {valid:g}"
        together = f"; rows with one {config.group_column} stay in one set" if config.group_column else ""
        return f"{way}{together}; the codes that the model knows are those of its train, and it was chosen on valid"

    @property
    def model(self) -> str:
        """What kind of model it is, and how it was fitted."""
        config, first = self.config, self.splits[0]
        text = f"a model that {reads(config, first.parts)}"
        if config.blend == ("regression",):
            return f"{text}; a logistic regression whose penalty was chosen on valid"
        networks = "its networks were fitted" if config.blend else "fitted"
        text += f"; {networks} by Adam, learning rate {config.learning_rate:g}, batches of {config.batch_size}, "
        text += f"L2 penalty {config.regularize:g}, dropout {config.dropout:g}, evaluated on valid every "
        return text + f"{config.eval_period:,} of at most {config.num_iter:,} updates"

    @property
    def performance(self) -> str:
        """The measures on test: with intervals for one split, mean and range for several."""
        if len(self.splits) == 1:
            (one,) = self.assessments
            return "; ".join(f"{MEASURES[name]} {estimated(one, name)}" for name in SHOWN)
        return "; ".join(self._over_splits(name) for name in SHOWN)

    def _over_splits(self, name: str) -> str:
        values = np.array([assessment.values[name] for assessment in self.assessments])
        defined = values[~np.isnan(values)]
        if not len(defined):
            return f"{MEASURES[name]} not defined"
        return f"{MEASURES[name]} {defined.mean():.3f} (splits {defined.min():.3f} to {defined.max():.3f})"

    @property
    def tested(self) -> str:
        """Number of test rows and cases of each split."""
        each = (f"{one.rows:,} rows with {one.ones:,} cases" for one in self.assessments)
        return ", ".join(f"{split.name} {text}" for split, text in zip(self.splits, each, strict=True))

    @property
    def recalibrated(self) -> list[str]:
        """Names of the splits that are recalibrated, with the method."""
        kinds = ((split.name, split.adjustment.recalibration) for split in self.splits)
        return [f"{name} ({kind.method})" for name, kind in kinds if kind is not None]

    @property
    def unknown(self) -> tuple[int, int]:
        """Number of test rows of whom nothing is known, and of test rows, of all splits."""
        return sum(int(split.test.empty.sum()) for split in self.splits), sum(len(split.test) for split in self.splits)
