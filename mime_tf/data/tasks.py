"""Tasks: the cohort that a model is trained or measured on, with labels from its files or from its own last visits."""

import os

import numpy as np

from mime_tf.config import LABEL, NEXT_VISIT
from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError


def open_cohort(path: str | os.PathLike, task: str) -> Cohort:
    """Reads the patients, and the labels if the task takes them from files; `pose` does the rest.

    Raises:
        InputError: as for `Cohort.open`.
    """
    return Cohort.open(path, labelled=task == LABEL, outcomes=True)


def pose(cohort: Cohort, task: str, num_dx: int) -> Cohort:
    """Returns a cohort with the labels of a task, and with the visits that may be known when it is predicted.

    With `next_visit` the last visit of every patient is taken away. The labels are its diagnoses, uint8
    (patients, num_dx): does the visit hold the diagnosis? Codes from `num_dx` on, which a model has no room for, are
    left out. Rows are those of the cohort: a patient of one visit stays, with no visit, and is in no set.

    Args:
        cohort: from `open_cohort`; returned as it is for the task `label`.
        task: one of `mime_tf.config.TASKS`.
        num_dx: number of diagnosis codes of the model.

    Raises:
        InputError: there is one diagnosis code only, which leaves nothing to rank.
    """
    if task != NEXT_VISIT:
        return cohort
    if num_dx < 2:
        raise InputError(f"{cohort.name}: found 1 diagnosis code; --task={NEXT_VISIT} needs 2 or more")
    labels = np.zeros((len(cohort), num_dx), np.uint8)
    patients, codes = cohort.store.last_diagnoses()
    has_room = codes < num_dx
    labels[patients[has_room], codes[has_room]] = 1
    store = cohort.store.without_last_visits()
    return Cohort(store, labels, cohort.stored_ids, cohort.path, labelled=False)
