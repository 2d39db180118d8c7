"""What comes of alerting patients from a threshold on, with bootstrap intervals."""

import numpy as np

from mime_tf.assess.bootstrap import Sample, interval
from mime_tf.errors import InputError

COUNTS = ("alerts", "tp", "fp", "tn", "fn")
SHARES = {
    "alert_rate": "alert rate",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
}


def alert_threshold(probabilities, rate):
    """Returns the lowest threshold at which at most a share `rate` of the patients is alerted.

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


def operating_points(labels, probabilities, thresholds, groups=None, bootstrap=1000, seed=0, progress=None):
    """Counts what comes of alerting the patients whose probability is a threshold or more.

    A threshold stays what it is in every resample, also one that `alert_threshold` found: the intervals are those of a
    rule that has been settled.

    Args:
        labels: 0 or 1, (rows,).
        probabilities: (rows,).
        thresholds: list of numbers.
        groups: as for `mime_tf.assess.measures.assess`.
        bootstrap: likewise.
        seed: likewise; the same resamples are drawn.
        progress: likewise.

    Returns:
        A dict for each threshold: `threshold`; the `COUNTS`, ints; the `SHARES`, nan where there is nothing to take a
        share of; and `intervals`, a dict from each count and share to its 95% interval, a pair, nan where there is
        none.

    Raises:
        InputError: as `mime_tf.assess.measures.assess`; or a threshold is not a number.
    """
    if np.isnan(thresholds).any():
        raise InputError("threshold: found nan; must be a number")
    sample = Sample.of(labels, probabilities, groups)
    starts = np.searchsorted(sample.values, thresholds)
    whole = _figures(*sample.counts(), starts)
    times_drawn = sample.resamples(bootstrap if len(thresholds) else 0, seed, progress)
    resampled = [_figures(*sample.counts(times), starts) for times in times_drawn]
    resampled = np.reshape(resampled, (len(resampled), *whole.shape))
    names = (*COUNTS, *SHARES)
    found = []
    for place, threshold in enumerate(thresholds):
        figures = dict(zip(names, whole[place].tolist(), strict=True))
        intervals = dict(zip(names, map(interval, resampled[:, place].T), strict=True))
        found.append(
            {"threshold": float(threshold), **figures, **{name: int(figures[name]) for name in COUNTS}}
            | {"intervals": intervals}
        )
    return found


def _figures(ones, zeros, starts):
    """The counts and shares of alerts from each of `starts` on, (thresholds, 10)."""
    below_ones, below_zeros = (np.concatenate([[0.0], np.cumsum(counts)]) for counts in (ones, zeros))
    fn, tn = below_ones[starts], below_zeros[starts]
    tp, fp = below_ones[-1] - fn, below_zeros[-1] - tn
    counts = [tp + fp, tp, fp, tn, fn]
    shares = [_share(tp + fp, tn + fn), _share(tp, fn), _share(tn, fp), _share(tp, fp), _share(tn, fn)]
    return np.stack([*counts, *shares], axis=1)


def _share(part, rest):
    whole = part + rest
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)
