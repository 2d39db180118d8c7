"""The cohort of an ablation in its three forms: as linked, with the links shuffled, and as flat bags of codes.

All forms have the same patients in the same rows with the same numbers of visits, so that their splits are the same.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mime_tf.ablation import unlinking
from mime_tf.config import RANDOM, SIZE_NAMES, TrainConfig
from mime_tf.data import hierarchy, parquet, patient_table, sizes, visit_days
from mime_tf.data.cohort import PATIENT_ID
from mime_tf.data.hierarchy import Hierarchy
from mime_tf.data.patient_table import PatientTable
from mime_tf.data.store import CODE_KINDS, Store
from mime_tf.data.vocabulary import Vocabulary
from mime_tf.errors import InputError
from mime_tf.regression import yardsticks
from mime_tf.regression.attributes import AGE, SEX
from mime_tf.regression.lineage import Lineage
from mime_tf.splits.groups import group_numbers
from mime_tf.splits.split import eligible
from mime_tf.terminal import files

NAMES = ("linked", "shuffled", "flat")
# Fields that the arms could not have in common, or that would leave patients out.
_REFUSED = ("init_from", "eval_drop_remainder", *SIZE_NAMES)


@dataclasses.dataclass(frozen=True)
class Form:
    """One form of the cohort.

    Attributes:
        name: one of `NAMES`.
        store: the eligible patients.
        config: how to train on it.
        vocabulary: names of its codes, or None.
    """

    name: str
    store: Store
    config: TrainConfig
    vocabulary: Vocabulary | None


@dataclasses.dataclass(frozen=True)
class Forms:
    """The cohort in all forms.

    Attributes:
        forms: dict from each of `NAMES` to a `Form`.
        labels: int64 of 0 and 1, (rows,).
        patient_ids: (rows,), the patients that are resampled: the groups that stay on one side, if there are any;
            otherwise the ids of the cohort or, without ids, its row numbers.
        changed: share of the orders that lost their partner in the shuffled form.
        table: age and sex of each row, or None.
        hierarchy: the ancestors of the codes of the linked form, or None.
        lineage: the same for yardsticks; None if the codes have no names.
        days: days of the visits, which are those of all forms, or None.
    """

    forms: dict[str, Form]
    labels: np.ndarray
    patient_ids: np.ndarray
    changed: float
    table: PatientTable | None
    hierarchy: Hierarchy | None
    lineage: Lineage | None
    days: np.ndarray | None

    @property
    def groups(self) -> np.ndarray | None:
        """The group of each row, or None if each row is one of its own."""
        column = self.forms["linked"].config.group_column
        return np.unique(self.patient_ids, return_inverse=True)[1] if column else None


def make(cohort, config: TrainConfig, seed: int = 0) -> Forms:
    """Makes the three forms of a cohort.

    Args:
        cohort: `mime_tf.data.cohort.Cohort`.
        config: how to train. Its thresholds choose the patients by the linked form, for all forms.
        seed: seed of the shuffle.

    Raises:
        InputError: no patient is eligible, or the config sets a field that can't be the same in all forms.
    """
    for name in _REFUSED:
        if value := getattr(config, name):
            raise InputError(f"{name}: found {value}; an ablation goes without, for all arms are treated alike")
    if config.split_by != RANDOM:
        raise InputError(
            f"split_by: found {config.split_by}; must be {RANDOM} in an ablation, which has several splits"
        )
    if config.hierarchy != "none":
        raise InputError(
            f"hierarchy: found {config.hierarchy}; must be none in an ablation, whose forms have no families"
        )
    rows = eligible(cohort.store, config.min_threshold, config.max_threshold, config.association_threshold)
    days = cohort.dated().store.select(rows).days
    store, groups = cohort.store.select(rows), group_numbers(cohort, config.group_column)
    ids = groups if groups is not None else cohort.patient_ids
    num_codes = sizes.resolve(store, dict.fromkeys(SIZE_NAMES), "the cohort")
    shuffled, changed = unlinking.shuffled(store, np.random.default_rng(seed))
    # The patients are chosen by now, and the flat form has no association to choose them by.
    config = dataclasses.replace(
        config, association_threshold=0.0, group_column=PATIENT_ID if groups is not None else "", tensorboard=False
    )
    joint = dataclasses.replace(config, num_dx=sum(num_codes[f"num_{kind}"] for kind in CODE_KINDS))
    vocabulary = cohort.vocabulary
    forms = (
        Form("linked", store, config, vocabulary),
        Form("shuffled", shuffled, config, vocabulary),
        Form("flat", unlinking.unlinked(store, num_codes), joint, _joint(vocabulary, num_codes)),
    )
    ids, table = rows if ids is None else ids[rows], yardsticks.table_of(cohort)
    table = None if table is None else table.select(rows)
    lineage = yardsticks.lineage_of(cohort)
    beside = table, cohort.hierarchy, lineage, days
    return Forms({form.name: form for form in forms}, cohort.labels[rows], ids, changed, *beside)


def _joint(vocabulary: Vocabulary | None, num_codes: Mapping[str, int]) -> Vocabulary | None:
    """The names of the codes of the flat form, in which all are diagnoses."""
    if vocabulary is None:
        return None
    first = dict(zip(CODE_KINDS, np.cumsum([0, num_codes["num_dx"], num_codes["num_rx"]]).tolist(), strict=True))
    rows = [
        row | {"kind": "dx", "index": str(first[kind] + index)}
        for (kind, index), row in vocabulary.by_index.items()
        if index < num_codes[f"num_{kind}"]
    ]
    return Vocabulary(rows, {("dx", int(row["index"])): row for row in rows})


def write(forms: Forms, folder: str, overwrite: bool = False) -> dict[str, str]:
    """Writes each form as a Parquet cohort, with its vocabulary, into a folder of its name.

    Args:
        forms: the forms of a cohort.
        folder: the folder of these folders.
        overwrite: replace cohorts that exist; otherwise they stay, and must be the same.

    Returns:
        Dict from each of `NAMES` to the path of the cohort.

    Raises:
        InputError: another cohort exists, of other data or another shuffle; nothing was written.
    """
    paths = {name: os.path.join(folder, name, "cohort.parquet") for name in forms.forms}
    existing = set() if overwrite else {name for name, path in paths.items() if os.path.lexists(path)}
    for name in existing:
        if not _is_same(parquet.read(paths[name]), forms, name):
            raise InputError(
                f"{paths[name]}: of other data, thresholds or groups, or of another seed; give the same, another "
                "output, or --overwrite"
            )
    for name in paths.keys() - existing:
        os.makedirs(os.path.dirname(paths[name]), exist_ok=True)
        if vocabulary := forms.forms[name].vocabulary:
            vocabulary.write(os.path.join(folder, name, "vocabulary.csv"))
        if forms.hierarchy is not None and name == "linked":  # that of the recipe
            forms.hierarchy.write(os.path.join(folder, name, hierarchy.FILE))
        if forms.days is not None:
            visit_days.write(os.path.join(folder, name, visit_days.FILE), forms.forms[name].store, forms.days)
        if forms.table is not None:
            columns = {column: forms.table.columns[column] for column in (AGE, SEX) if column in forms.table.columns}
            path = os.path.join(folder, name, patient_table.FILE)
            files.write_table(path, tuple(columns), zip(*columns.values(), strict=True))
        parquet.write(paths[name], forms.forms[name].store, forms.labels, forms.patient_ids)
    return paths


def _is_same(content: tuple[Any, ...], forms: Forms, name: str) -> bool:
    """Whether the content of a Parquet cohort, as `parquet.read` returns it, is that of a form."""
    store, labels, ids = content
    columns = [(getattr(store, column), getattr(forms.forms[name].store, column)) for column in store.records]
    return all(np.array_equal(*pair) for pair in [*columns, (labels, forms.labels), (ids, forms.patient_ids)])
