"""Whether acting on a model does more good than treating everybody or nobody.

Vickers and Elkin, Decision curve analysis: a novel method for evaluating prediction models, Medical Decision Making 26
(2006) 565-574.
"""

import numpy as np

from mime_tf.assess.bootstrap import Sample

# A threshold is the probability from which on one would treat: at 0.1, ten treated for each who is in need.
THRESHOLDS = np.arange(1, 100) / 100


def decision_curve(labels, probabilities, thresholds=THRESHOLDS):
    """Returns the net benefit of treating by the model, of treating everybody and of treating nobody.

    The net benefit at the threshold `t` is `tp / n - fp / n * t / (1 - t)`: true positives a patient, less the false
    positives at the price that a threshold of `t` puts on them.

    Args:
        labels: 0 or 1, (rows,).
        probabilities: (rows,).
        thresholds: from 0 to less than 1, (thresholds,).

    Returns:
        Dict from `"model"`, `"all"` and `"none"` to two float64 arrays (thresholds,): the net benefit, and how many are
        treated.

    Raises:
        InputError: as `mime_tf.assess.bootstrap.checked`.
    """
    sample = Sample.of(labels, probabilities)
    thresholds, starts = np.asarray(thresholds), np.searchsorted(sample.values, thresholds)
    ones, zeros = (np.append(np.cumsum(counts[::-1])[::-1], 0) for counts in sample.counts())
    nothing = np.zeros(len(thresholds))
    treated = {
        "model": (ones[starts], zeros[starts]),
        "all": (nothing + ones[0], nothing + zeros[0]),
        "none": (nothing, nothing),
    }
    return {name: (_net_benefit(tp, fp, thresholds, len(labels)), tp + fp) for name, (tp, fp) in treated.items()}


def _net_benefit(tp, fp, thresholds, rows):
    return (tp - fp * thresholds / (1 - thresholds)) / rows
