"""Smallest number of patients to develop a prediction model of a binary outcome, by Riley et al., BMJ 368 (2020) m441.

The criteria are made for regressions without a penalty and without selection of predictors, whose parameters are
counted before any is left out. They do not bound the patients that a penalized regression or a network needs; they tell
how much the data can bear.
"""

import dataclasses

import numpy as np

from mime_tf.assess import summary
from mime_tf.assess.scores import Scores

SHRINKAGE = 0.9  # of the predictors' effects that overfitting may cost, criterion 3
DIFFERENCE = 0.05  # of apparent and adjusted Nagelkerke R2, criterion 4; and of the overall risk, criterion 1
MAPE = 0.05  # mean absolute prediction error, criterion 2
MOST_FOR_MAPE = 30  # parameters up to which the formula of criterion 2 was found
ANTICIPATED = 0.15  # share of the largest possible Cox-Snell R2 that is anticipated where nothing is known


@dataclasses.dataclass(frozen=True)
class SampleSize:
    """Patients that each criterion asks for; nan where it says nothing.

    Attributes:
        parameters: number of parameters.
        overall_risk: criterion 1, the overall risk to within 0.05.
        prediction_error: criterion 2, a mean absolute error of probabilities of at most 0.05.
        shrinkage: criterion 3, effects that shrink by at most 10%.
        optimism: criterion 4, an R2 (Nagelkerke) that is too high by at most 0.05.
    """

    parameters: int
    overall_risk: float
    prediction_error: float
    shrinkage: float
    optimism: float

    @property
    def needed(self) -> float:
        """The most that a criterion asks for; nan where the criteria 3 and 4, which mostly decide, say nothing."""
        if np.isnan(self.shrinkage):
            return np.nan
        return float(np.nanmax([self.overall_risk, self.prediction_error, self.shrinkage, self.optimism]))


def largest_r2(prevalence: float) -> float:
    """Returns the largest Cox-Snell R2 that a model of this share of cases can have.

    >>> round(largest_r2(0.05), 2), round(largest_r2(0.5), 2)
    (0.33, 0.75)
    """
    log_likelihood = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    return float(1 - np.exp(2 * log_likelihood))


def cox_snell_r2(scores: Scores) -> float:
    """Returns the Cox-Snell R2 of probabilities; negative if they are worse than the share of cases for everyone."""
    share = np.full(len(scores), scores.labels.mean())
    gain = summary.log_loss(scores.labels, share) - summary.log_loss(scores.labels, scores.probabilities)
    return float(1 - np.exp(-2 * gain))


def sample_size(parameters: int, prevalence: float, r2: float) -> SampleSize:
    """Returns the numbers of patients that the criteria ask for.

    >>> size = sample_size(30, 0.05, 0.05)  # the criteria 1 and 3 of the paper's example of pre-eclampsia
    >>> size.overall_risk, size.shrinkage
    (73.0, 5249.0)

    Args:
        parameters: number of candidate parameters, 1 or more.
        prevalence: share of cases, between 0 and 1.
        r2: Cox-Snell R2 that is anticipated; criteria 3 and 4 say nothing unless it is above 0.
    """
    overall = np.ceil((1.96 / DIFFERENCE) ** 2 * prevalence * (1 - prevalence))
    error = np.nan
    if parameters <= MOST_FOR_MAPE:
        logs = -0.508 + 0.259 * np.log(prevalence) + 0.504 * np.log(parameters) - np.log(MAPE)
        error = np.ceil(np.exp(logs / 0.544))
    optimistic = r2 / (r2 + DIFFERENCE * largest_r2(prevalence)) if r2 > 0 else np.nan
    sizes = (overall, error, _for_shrinkage(parameters, r2, SHRINKAGE), _for_shrinkage(parameters, r2, optimistic))
    return SampleSize(parameters, *map(float, sizes))


def _for_shrinkage(parameters: int, r2: float, shrinkage: float) -> float:
    """Returns the number of patients at which effects are expected to shrink to so much of them."""
    if not 0 < r2 < shrinkage:
        return np.nan
    return np.ceil(parameters / ((shrinkage - 1) * np.log(1 - r2 / shrinkage)))
