"""Days from the visits of a cohort to the prediction time."""

import numpy as np

from mime_tf.ehr.encode.features import Features
from mime_tf.ehr.seconds import DAY, MISSING


def before(features: Features, time: np.ndarray, last: int) -> np.ndarray:
    """Returns the whole days before the prediction time of each visit, int64 (visits,), in the order of `nesting.nest`.

    Args:
        features: features of known codes only.
        time: int64, (rows,): prediction time of each row, or MISSING.
        last: time from which is counted back where no prediction time is, the export's last event.
    """
    row, visit, start = (features.dx[name] for name in ("row", "v", "start"))
    order = np.lexsort((visit, row))
    row, visit, start = row[order], visit[order], start[order]
    is_first = np.ones(len(row), bool)
    is_first[1:] = (row[1:] != row[:-1]) | (visit[1:] != visit[:-1])
    until = np.where(time == MISSING, last, time)[row[is_first]]
    # A visit may start after the death that ends the last record.
    return np.maximum(until - start[is_first], 0) // DAY
