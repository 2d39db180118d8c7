"""Logistic regression of labels on one or two columns, as calibration measures need it: with an offset and counts."""

import numpy as np

from mime_tf.assess.bootstrap import Tally


def fit(design: np.ndarray, offset: np.ndarray | float, tally: Tally) -> np.ndarray:
    """Fits an unpenalized logistic regression by Newton's method; a step is halved until the likelihood does not fall.

    It is written here for three reasons. Calibration in the large needs an offset, which scikit-learn's regression does
    not take. A resample gives each distinct probability a count, so a fit runs over these and not over rows. And 1,000
    resamples make 2,000 fits of one or two coefficients, for which a general model of statsmodels takes two to four
    times as long (docs/decisions/0006-own-bootstrap.md).

    Args:
        design: (U, K), a row for each distinct probability.
        offset: (U,), added to each linear predictor with a coefficient of 1; or 0.
        tally: the rows of each label at each probability.

    Returns:
        Coefficients, (K,); nan if they do not converge.
    """
    coefficients, total = np.zeros(design.shape[1]), tally.total
    predictor = offset + design @ coefficients
    loss = total @ np.logaddexp(0, predictor) - tally.ones @ predictor
    for _ in range(100):
        probabilities = (1 + np.tanh(predictor / 2)) / 2
        hessian = (design.T * (total * probabilities * (1 - probabilities))) @ design
        try:
            step = np.linalg.solve(hessian, design.T @ (tally.ones - total * probabilities))
        except np.linalg.LinAlgError:
            break
        if np.abs(step).max() < 1e-9 * (1 + np.abs(coefficients).max()):
            return coefficients + step
        for _ in range(40):
            predictor = offset + design @ (coefficients + step)
            new_loss = total @ np.logaddexp(0, predictor) - tally.ones @ predictor
            if new_loss <= loss + 1e-12 * abs(loss):
                break
            step = step / 2
        coefficients, loss = coefficients + step, new_loss
    return np.full(len(coefficients), np.nan)
