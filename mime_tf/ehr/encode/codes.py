"""The vocabulary of a cohort: its codes, and the index of each."""

import dataclasses
from typing import Any

import numpy as np

from mime_tf.data.store import CODE_KINDS
from mime_tf.data.vocabulary import COLUMNS, Vocabulary
from mime_tf.ehr.encode.features import Features, distinct_pairs
from mime_tf.errors import InputError

COUNTS = ("patients", "count")


@dataclasses.dataclass(frozen=True)
class Codes:
    """The codes of a cohort.

    Attributes:
        index: int64, (concepts,): index of each concept among the codes of its kind; -1 if it has none.
        kind: (concepts,) of str.
        vocabulary: the vocabulary, with the columns `patients`, number of patients who have the code, and `count`,
            number of Dx-objects of a diagnosis, or of times that an order is in one.
    """

    index: np.ndarray
    kind: np.ndarray
    vocabulary: Vocabulary


def number(concepts: dict[str, list], features: Features, patient: np.ndarray, min_count: int = 1) -> Codes:
    """Numbers the codes of a cohort by falling count; equal ones by system and code.

    Args:
        concepts: the columns of `Events.concepts`, in the order of their numbers.
        features: the features of all rows.
        patient: int64, (rows,): patient of each row.
        min_count: codes with a lower count get no index.
    """
    patients, counts = _counts(features, patient, len(concepts["code"]))
    kinds, index, rows = np.array(concepts["kind"], object), np.full(len(counts), -1), []
    order = sorted(range(len(counts)), key=lambda i: (-counts[i], concepts["system"][i], concepts["code"][i]))
    for kind in CODE_KINDS:
        numbers = [i for i in order if kinds[i] == kind and counts[i] >= max(min_count, 1)]
        index[numbers] = np.arange(len(numbers))
        rows += [_row(concepts, i, index[i], patients[i], counts[i]) for i in numbers]
    return Codes(index, kinds, _vocabulary(rows))


def reuse(
    concepts: dict[str, list],
    features: Features,
    patient: np.ndarray,
    vocabulary: Vocabulary,
    keep_unknown: bool = False,
) -> Codes:
    """Gives codes the indices of an existing vocabulary, such as that of a fitted model.

    Args:
        concepts: as for `number`.
        features: as for `number`.
        patient: as for `number`.
        vocabulary: the existing vocabulary.
        keep_unknown: number the codes that it lacks after its own, as `number` does; else they have no index.

    Returns:
        The codes. Their vocabulary has the rows of the existing one, with the counts of this cohort.

    Raises:
        InputError: the vocabulary has a code twice.
    """
    keys = [(row["kind"], row["system"], row["code"]) for row in vocabulary.rows]
    if len(set(keys)) < len(keys):
        repeated = next(key for number, key in enumerate(keys) if key in keys[:number])
        raise InputError(f"vocabulary: found {' '.join(repeated)} twice; a code has one index")
    patients, counts = _counts(features, patient, len(concepts["code"]))
    named = zip(concepts["kind"], concepts["system"], concepts["code"], strict=True)
    concept_of = {key: concept for concept, key in enumerate(named)}
    index, rows = np.full(len(counts), -1), []
    for key, row in zip(keys, vocabulary.rows, strict=True):
        concept = concept_of.get(key)
        row_counts = (0, 0)
        if concept is not None:
            index[concept] = int(row["index"])
            row_counts = patients[concept], counts[concept]
        rows.append(row | {name: str(count) for name, count in zip(COUNTS, row_counts, strict=True)})
    if keep_unknown:
        rows += _unknown(concepts, index, patients, counts, vocabulary)
    return Codes(index, np.array(concepts["kind"], object), _vocabulary(rows))


def _unknown(concepts, index, patients, counts, vocabulary):
    """Gives the codes in use without an index one after the last of a vocabulary; returns their rows."""
    rows: list[dict[str, Any]] = []
    unknown = np.flatnonzero((index < 0) & (counts > 0)).tolist()
    for i in sorted(unknown, key=lambda i: (-counts[i], concepts["system"][i], concepts["code"][i])):
        kind = concepts["kind"][i]
        used = [number for of, number in vocabulary.by_index if of == kind]
        index[i] = max(used, default=-1) + 1 + sum(row["kind"] == kind for row in rows)
        known = _row(concepts, i, index[i], patients[i], counts[i])
        rows.append(dict.fromkeys(vocabulary.rows[0] if vocabulary.rows else known, "") | known)
    return rows


def _counts(features, patient, concepts):
    """Each concept's number of patients, and of occurrences."""
    row = np.concatenate([features.dx["row"], features.orders["row"]])
    concept = np.concatenate([features.dx["dx"], features.orders["code"]])
    _, once_per_patient = distinct_pairs(patient[row], concept)
    return np.bincount(once_per_patient, minlength=concepts), np.bincount(concept, minlength=concepts)


def _row(concepts, i, index, patients, count):
    values = (concepts["kind"][i], str(index), concepts["system"][i], concepts["code"][i], concepts["display"][i])
    return dict(zip((*COLUMNS, *COUNTS), (*values, str(patients), str(count)), strict=True))


def _vocabulary(rows):
    return Vocabulary(rows, {(row["kind"], int(row["index"])): row for row in rows})
