"""What a model reads beside the codes: age and sex of patients, and the days of their visits."""

import dataclasses
import hashlib
from typing import Any

import numpy as np

from mime_tf.config import TrainConfig
from mime_tf.data.cohort import Cohort
from mime_tf.regression import yardsticks
from mime_tf.regression.attributes import Attributes


@dataclasses.dataclass(frozen=True, eq=False)
class BesideCodes:
    """What is read beside the codes, of all patients of a cohort.

    Attributes:
        attributes: how age and sex become numbers, or None. Ages are scaled by those of all patients, labels unseen, so
            that the models of all splits have the same inputs.
        values: float64 (patients, attributes), or None.
        days: int32 (visits,), days from each visit to the prediction time, or None.
    """

    attributes: Attributes | None = None
    values: np.ndarray | None = None
    days: np.ndarray | None = None

    @classmethod
    def of(cls, config: TrainConfig, cohort: Cohort) -> "BesideCodes":
        """Reads the inputs that a configuration asks for, as far as the tables beside a cohort have them.

        Raises:
            InputError: a table is damaged, or an age is no number.
        """
        days = cohort.visit_days if config.visit_days == "auto" else None
        table = yardsticks.table_of(cohort) if config.age_sex == "auto" else None
        patients = np.arange(len(cohort))
        attributes = None if table is None else Attributes.learn(table, patients)
        if table is None or attributes is None:
            return cls(days=days)
        return cls(attributes, attributes.matrix(table, patients), days)

    @property
    def arguments(self) -> dict[str, Any]:
        """Arguments of a `mime_tf.MiME` that reads all of it."""
        attributes = None if self.attributes is None else self.attributes.config()
        return {"visit_days": self.days is not None, "attributes": attributes}

    @property
    def digest(self) -> str | None:
        """SHA-256 of all of it; None for nothing."""
        columns = [column for column in (self.values, self.days) if column is not None]
        if not columns:
            return None
        content = hashlib.sha256(str(self.arguments).encode())
        for column in columns:
            content.update(column.tobytes())
        return content.hexdigest()


NOTHING = BesideCodes()
