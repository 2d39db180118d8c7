"""Age and sex of a cohort's patients as the model of a fitted split takes them."""

import numpy as np

from mime_tf.data.cohort import Cohort
from mime_tf.data.patient_table import FILE
from mime_tf.errors import InputError
from mime_tf.regression.attributes import Attributes
from mime_tf.runs.fitted_split import FittedSplit


def read(fitted: FittedSplit, cohort: Cohort) -> np.ndarray | None:
    """Returns the attributes of all patients of a cohort, float64 (patients, attributes); None if the model has none.

    Raises:
        InputError: the model reads age or sex, and the cohort has no patients.csv, or one without them.
    """
    if fitted.config.age_sex == "none":  # the model is not opened for nothing
        return None
    config = getattr(fitted.model, "attributes", None)
    if not config:
        return None
    attributes = Attributes.from_config(config)
    if cohort.attributes is None:
        names = ["age"] * bool(len(attributes.age)) + ["sex"] * bool(len(attributes.sexes))
        raise InputError(
            f"{cohort.name}: no {FILE} beside it; the model of {fitted.folder} reads {' and '.join(names)} from one, "
            "with a row for each patient, and nothing in a field that is not known"
        )
    return attributes.matrix(cohort.attributes, np.arange(len(cohort)))
