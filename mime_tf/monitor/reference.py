"""What a model is held against: its run's test patients, as the run has scored them, and its training."""

import dataclasses

import numpy as np

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.drift import ScoreBins
from mime_tf.assess.measures import assess
from mime_tf.assess.scores import Scores
from mime_tf.monitor.measures import GROUPS
from mime_tf.monitor.names import MEAN_PROBABILITY, MEDIAN_AGE, PREVALENCE, SEX
from mime_tf.runs.code_counts import CodeCounts
from mime_tf.runs.mean_model import MeanModel


@dataclasses.dataclass(frozen=True, eq=False)
class Reference:
    """A model's past.

    Attributes:
        values: dict from a measure to its value in the run's test patients; of the share of cases in training, of age
            and sex in all that the run was divided from. Measures that are not known are missing.
        bins: tenths of the probabilities of the test patients, or None.
        codes: how often codes occurred in training, of several splits together; or None.
        sex: the commonest in all that the run was divided from, or None.
        notes: remarks on values that are not known.
    """

    values: dict[str, float]
    bins: ScoreBins | None
    codes: CodeCounts | None
    sex: str | None
    notes: list[str]

    @classmethod
    def of(cls, model: MeanModel) -> "Reference":
        """Reads the past of a model from its run.

        Raises:
            InputError: a file of the run is damaged.
        """
        values, notes, sex = {}, [], None
        population, counted = model.subject.population, [split.code_counts for split in model.splits]
        codes = CodeCounts.pooled([each for each in counted if each is not None]) if all(counted) else None
        if population is not None:
            values[PREVALENCE] = population.counts["train"].share
            if quartiles := population.columns.get("age", {}).get("quartiles"):
                values[MEDIAN_AGE] = float(quartiles[1])
            if sexes := population.columns.get("sex", {}).get("values"):
                sex = max(sexes, key=sexes.__getitem__)
                values[SEX] = sexes[sex] / sum(sexes.values())
        scores = tested(model)
        if scores is None:
            notes.append("the run has left no predictions of test, which the probabilities are held against")
        else:
            measured = assess(scores, Bootstrap(0)).values
            values |= {name: measured[name] for group in GROUPS.values() for name in group if name in measured}
            values[MEAN_PROBABILITY] = float(scores.probabilities.mean())
        if codes is None:
            notes.append("the run does not know how often codes occurred in training, so their shares are not compared")
        bins = None if scores is None else ScoreBins(scores.probabilities)
        return cls({name: value for name, value in values.items() if not np.isnan(value)}, bins, codes, sex, notes)


def tested(model: MeanModel) -> Scores | None:
    """Returns labels and probabilities of the run's test patients, a mean over splits that tested one, or None."""
    tables = [table for split in model.splits if (table := split.predictions("test")) is not None]
    if len(tables) < len(model.splits):
        return None
    rows, index = np.unique(np.concatenate([table.rows for table in tables]), return_inverse=True)
    scores = [table.scores for table in tables]
    sums = np.bincount(index, np.concatenate([each.probabilities for each in scores]), len(rows))
    labels = np.zeros(len(rows), np.int64)
    labels[index] = np.concatenate([each.labels for each in scores])
    return Scores(labels, np.clip(sums / np.bincount(index), 0, 1))
