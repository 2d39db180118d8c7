"""Days of a cohort's visits as the model of a fitted split takes them."""

import numpy as np

from mime_tf.data.cohort import Cohort
from mime_tf.data.visit_days import FILE
from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit


def read(fitted: FittedSplit, cohort: Cohort) -> np.ndarray | None:
    """Returns the days of all visits of a cohort, int32 (visits,); None if the model reads none.

    Raises:
        InputError: the model reads days, and the cohort has no visits.csv.
    """
    if fitted.config.visit_days == "none" or not getattr(fitted.model, "reads_days", False):
        return None
    if cohort.visit_days is None:
        raise InputError(
            f"{cohort.name}: no {FILE} beside it; the model of {fitted.folder} reads the days of visits from one, as "
            "convert writes it"
        )
    return cohort.visit_days
