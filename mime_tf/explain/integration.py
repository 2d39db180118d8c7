"""Integrals of a logit's derivatives along straight paths, by Simpson's rule on intervals that are halved as needed.

The derivatives are those by the contributing vectors, so that the integrals of a patient add up to the change of the
logit between the ends of the path. The logits at an interval's ends tell the sum that its integrals should have, and it
is halved while they do not: relu makes the gradient jump, and only the intervals with a jump become small.
"""

import numpy as np

from mime_tf.data.store import ranges

_FIRST_INTERVALS = 4  # of a path from 0 to 1
_SHORTEST = 2.0**-14
_SIMPSON = np.array([1, 4, 1])  # sixths: the start, the middle and the end of an interval


def integrate(evaluate, patient_of, patients, accepted_gap):
    """Integrates the derivatives of all patients along the path from 0 to 1.

    Args:
        evaluate: function of points (B, K) that returns the logits (B, K) and the derivatives (n, K) there.
        patient_of: (n,), the index of the patient whose logit each derivative is of.
        patients: B, number of patients.
        accepted_gap: largest gap of an interval that is not halved.

    Returns:
        The logits at the start and at the end of the path, a pair of (B,); the integrals, (n,); and by how much those
        of a patient fail to add up to the change of the logit, (B,).
    """
    ends = np.tile(np.linspace(0, 1, _FIRST_INTERVALS + 1), (patients, 1))
    low, high = ends[:, :-1], ends[:, 1:]
    integrals = np.zeros(len(patient_of))
    start_logits = end_logits = None
    while low.size:
        points = np.stack([low, (low + high) / 2, high], axis=2).reshape(patients, -1)
        logits, derivatives = (values.reshape(len(values), low.shape[1], 3) for values in evaluate(points))
        if start_logits is None:
            start_logits, end_logits = logits[:, 0, 0], logits[:, -1, 2]
        parts = (high - low)[patient_of] * (derivatives @ _SIMPSON / 6)
        gaps = np.abs(_sum_by_patient(parts, patient_of, patients) - (logits[:, :, 2] - logits[:, :, 0]))
        halved = (gaps > accepted_gap) & (high - low > _SHORTEST)
        integrals += np.where(halved[patient_of], 0, parts).sum(axis=1)
        low, high = _halves(low, high, halved)
    sums = _sum_by_patient(integrals[:, np.newaxis], patient_of, patients)[:, 0]
    return (start_logits, end_logits), integrals, np.abs(sums - (end_logits - start_logits))


def _sum_by_patient(values, patient_of, patients):
    """Sums the rows of `values` (n, K) by patient: (B, K)."""
    sums = np.zeros((patients, values.shape[1]))
    np.add.at(sums, patient_of, values)
    return sums


def _halves(low, high, halved):
    """Halves intervals.

    Args:
        low: (B, K), the lower ends of the intervals.
        high: (B, K), the upper ends.
        halved: bool (B, K), which of them to halve.

    Returns:
        The ends of both halves, two arrays (B, 2 H) where H is the most intervals that a patient has halved. Patients
        with fewer have empty intervals at 0 in addition.
    """
    patient_index, interval_index = np.nonzero(halved)
    low, high = low[patient_index, interval_index], high[patient_index, interval_index]
    middle = (low + high) / 2
    counts = halved.sum(axis=1)
    column = 2 * ranges(np.zeros_like(counts), counts)
    new_low, new_high = np.zeros((2, len(halved), 2 * counts.max()))
    new_low[patient_index, column], new_high[patient_index, column] = low, middle
    new_low[patient_index, column + 1], new_high[patient_index, column + 1] = middle, high
    return new_low, new_high
