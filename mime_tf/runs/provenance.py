"""Digests of all that a run reads, by which it knows its data again."""

import glob
import os
from collections.abc import Mapping

import numpy as np

from mime_tf.data.cohort import Cohort, file_digest
from mime_tf.splits.groups import digest
from mime_tf.splits.times import Times

GROUPS = "groups_sha256"
RELATIONS = "relations_sha256"
TIMES = "times_sha256"
BESIDE = "beside_codes_sha256"


def digests(
    cohort: Cohort,
    init_from: str = "",
    groups: np.ndarray | None = None,
    relations: str | None = None,
    times: Times | None = None,
    beside: str | None = None,
) -> dict[str, str]:
    """Returns the SHA-256 of all that a run reads: of the cohort first, then in the order of the arguments.

    Args:
        cohort: the cohort.
        init_from: as in `TrainConfig`.
        groups: group of each row, from `mime_tf.splits.groups.group_numbers`, or None.
        relations: SHA-256 of the ancestors of the codes that the model is given, or None.
        times: by which the patients are divided, or None.
        beside: SHA-256 of age, sex and days that the model reads, or None.
    """
    initial = {f"{os.path.basename(path)}_sha256": file_digest(path) for path in weights_files(init_from)}
    result = cohort.digests() | initial | ({} if groups is None else {GROUPS: digest(groups)})
    result |= {} if relations is None else {RELATIONS: relations}
    result |= {} if times is None else {TIMES: times.digest}
    return result if beside is None else result | {BESIDE: beside}


def weights_files(init_from: str) -> list[str]:
    """Returns the files of the initial weights; none if `init_from` is empty."""
    if not init_from or init_from.endswith(".npz"):
        return [init_from] if init_from else []
    return sorted(glob.glob(glob.escape(init_from) + ".*"))


def cohort_digests(recorded: Mapping[str, str], init_from: str = "") -> list[str]:
    """Returns those of the digests on record that are of the cohort, whose files may bear other names by now."""
    initial = os.path.basename(init_from)
    others = (GROUPS, RELATIONS, TIMES, BESIDE, *((f"{initial}_sha256", f"{initial}.") if initial else ()))
    return [value for name, value in recorded.items() if not name.startswith(others)]
