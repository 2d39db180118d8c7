"""Which patients to explain: by rule, so that nobody chooses those that look well."""

import numpy as np

RULES = {
    "highest score of label 1": (1, -1),
    "highest score of label 0": (0, -1),
    "lowest score of label 1": (1, 0),
    "lowest score of label 0": (0, 0),
    "median score": (None, None),
}


def choose(labels, probabilities):
    """Chooses a patient by each of the `RULES`.

    >>> choose([1, 0, 1, 0, 0], [0.9, 0.8, 0.2, 0.1, 0.3])
    {'highest score of label 1': 0, 'highest score of label 0': 1, 'lowest score of label 1': 2, \
'lowest score of label 0': 3, 'median score': 4}

    Args:
        labels: 0 or 1, (rows,).
        probabilities: (rows,). Of equal ones the first row comes first; the median is the lower one.

    Returns:
        Dict from a rule to a row. A rule that no patient fits, or that chooses one chosen before, is left out.
    """
    labels, order = np.asarray(labels), np.argsort(probabilities, kind="stable")
    found = {}
    for rule, (label, place) in RULES.items():
        candidates = order if label is None else order[labels[order] == label]
        if len(candidates):
            row = int(candidates[(len(candidates) - 1) // 2 if place is None else place])
            if row not in found.values():
                found[rule] = row
    return found
