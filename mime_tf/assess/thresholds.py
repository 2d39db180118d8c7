"""Operating points: the alerts from a threshold on and their errors, with bootstrap intervals."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mime_tf.assess.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Progress, Sample, Tally, interval
from mime_tf.assess.scores import Scores
from mime_tf.assess.wilson import wilson
from mime_tf.errors import InputError

COUNTS = ("alerts", "tp", "fp", "tn", "fn")
SHARES = {
    "alert_rate": "alert rate",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
}


def alert_threshold(probabilities: np.ndarray, rate: float) -> float:
    """Returns the lowest threshold at which at most a share `rate` of the rows is alerted.

    Equal probabilities are alerted together or not at all, so the share may be smaller, and even 0.

    Raises:
        InputError: the rate is not above 0 and at most 1.
    """
    if not 0 < rate <= 1:
        raise InputError(f"alert_rate: found {rate}; must be more than 0 and at most 1")
    values, counts = np.unique(np.asarray(probabilities, np.float64), return_counts=True)
    alerts = np.cumsum(counts[::-1])[::-1]
    allowed = values[alerts <= rate * len(probabilities) + 1e-9]
    return float(allowed[0] if len(allowed) else np.nextafter(values[-1], np.inf))


def operating_points(
    scores: Scores,
    thresholds: Sequence[float],
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Counts alerts and errors of the rule that alerts from a threshold on.

    A threshold is the same in every resample, also one of `alert_threshold`: the intervals are those of a fixed rule.
    A share of 0 or 1 is the same in every resample, too, which says nothing of how sure it is: its interval is
    Wilson's, of as many patients as the share is of.

    Args:
        scores: the scores of a set.
        thresholds: probabilities from which on a row is alerted.
        bootstrap: the resamples behind the intervals; equal ones of `assess` draw the same patients.
        progress: called with a line of text after each resample.

    Returns:
        A dict for each threshold: `threshold`; the `COUNTS`, ints; the `SHARES`, nan where the denominator is 0; and
        `intervals`, a dict from each count and share to its 95% interval, a pair, nan without one.

    Raises:
        InputError: a threshold is not a number.
    """
    if np.isnan(thresholds).any():
        raise InputError("threshold: found nan; must be a number")
    if not len(thresholds):
        return []
    sample = Sample(scores)
    tally = sample.tally()
    starts = np.searchsorted(tally.values, thresholds)
    whole = _figures(tally, starts)
    draws = bootstrap.draws(scores.num_patients, progress)
    resampled = np.reshape([_figures(sample.tally(drawn), starts) for drawn in draws], (-1, *whole.shape))
    points = []
    for index, threshold in enumerate(thresholds):
        figures = dict(zip((*COUNTS, *SHARES), whole[index].tolist(), strict=True))
        intervals = dict(zip(figures, map(interval, resampled[:, index].T), strict=True))
        if bootstrap.times:
            intervals |= _beyond_resamples(scores, float(threshold), figures)
        counts = {name: int(figures[name]) for name in COUNTS}
        points.append({"threshold": float(threshold), **figures, **counts, "intervals": intervals})
    return points


def _beyond_resamples(scores: Scores, threshold: float, figures: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Returns Wilson's intervals of the shares that are 0 or 1."""
    alerted, cases = scores.probabilities >= threshold, scores.labels == 1
    among = {
        "alert_rate": np.ones(len(scores), bool),
        "sensitivity": cases,
        "specificity": ~cases,
        "ppv": alerted,
        "npv": ~alerted,
    }
    intervals = {}
    for name, members in among.items():
        if figures[name] in (0, 1):
            patients = len(np.unique(scores.patient_index[members]))
            low, high = wilson(np.array([figures[name] * patients]), np.array([patients]))
            intervals[name] = (float(low[0]), float(high[0]))
    return intervals


def with_unknown(
    points: Sequence[dict[str, Any]], probabilities: np.ndarray, empty: np.ndarray
) -> list[dict[str, Any]]:
    """Returns operating points with `unknown`, the number of alerts for patients of whom the model knows no code.

    Args:
        points: of `operating_points`.
        probabilities: (rows,), those behind the points.
        empty: bool (rows,), whether the model knows no code of the row's patient.
    """
    of_empty = np.asarray(probabilities)[empty]
    return [point | {"unknown": int((of_empty >= point["threshold"]).sum())} for point in points]


def _figures(tally: Tally, starts: np.ndarray) -> np.ndarray:
    """Counts and shares of the alerts from each index of `starts` on, (thresholds, 10)."""
    below_ones, below_zeros = (np.concatenate([[0.0], np.cumsum(counts)]) for counts in (tally.ones, tally.zeros))
    fn, tn = below_ones[starts], below_zeros[starts]
    tp, fp = below_ones[-1] - fn, below_zeros[-1] - tn
    counts = [tp + fp, tp, fp, tn, fn]
    shares = [_share(tp + fp, tn + fn), _share(tp, fn), _share(tn, fp), _share(tp, fp), _share(tn, fn)]
    return np.stack([*counts, *shares], axis=1)


def _share(part: np.ndarray, rest: np.ndarray) -> np.ndarray:
    whole = part + rest
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
