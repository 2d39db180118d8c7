"""From the name that a user gave to the fitted split that is meant."""

import os

from mime_tf.errors import InputError
from mime_tf.runs.fitted_split import FittedSplit
from mime_tf.runs.folder import is_fitted
from mime_tf.runs.run import Run


def fitted_split(path: str | os.PathLike, outcomes: bool = False) -> FittedSplit:
    """Opens the one fitted split that a path names.

    Args:
        path: folder of a fitted split, or a run of one split, as `Run.open` takes it.
        outcomes: accept a model of several outcomes per patient.

    Raises:
        InputError: the path is neither, the run has several fitted splits, or the split can't be opened; or its model
            has several outcomes, and one is needed.
    """
    fitted = _open(path)
    return fitted if outcomes else require_one_outcome(fitted)


def require_one_outcome(fitted: FittedSplit) -> FittedSplit:
    """Returns a fitted split; raises InputError if its model has several outcomes per patient."""
    if fitted.outcomes > 1:
        raise InputError(
            f"{fitted.folder}: a model of {fitted.outcomes:,} outcomes per patient; needed here is one of one outcome "
            "(predict and evaluate take several)"
        )
    return fitted


def _open(path: str | os.PathLike) -> FittedSplit:
    run = Run.open(path)
    if len(run.folders) == 1:
        return FittedSplit.open(run.folders[0])
    fitted = [folder for folder in run.folders if is_fitted(folder)]
    if len(fitted) == 1:
        return FittedSplit.open(fitted[0])
    count = f"{len(fitted)} fitted splits" if fitted else "no fitted split yet"
    mean = "; predict, evaluate, validate and monitor take their mean" if fitted else ""
    refit = [] if run.record is None or not is_fitted(run.record.refit_folder) else [run.record.refit_folder]
    names = ", ".join([*(fitted or run.folders), *refit])
    raise InputError(f"{run.path}: a run with {count}; one is needed: {names}{mean}")
