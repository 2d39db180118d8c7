"""The vocabulary of a cohort: which codes it has, and the index of each."""

import dataclasses

import numpy as np

from mime_tf.data.vocabulary import COLUMNS, Vocabulary
from mime_tf.ehr.encode.features import distinct_pairs
from mime_tf.errors import InputError

KINDS = ("dx", "rx", "pr")
COUNTS = ("patients", "count")


@dataclasses.dataclass(frozen=True)
class Codes:
    """The codes of a cohort.

    Attributes:
        index: int64, (concepts,): the index of each concept among the codes of its kind; -1 where it has none.
        kind: (concepts,) of str, its kind.
        vocabulary: `mime_tf.data.vocabulary.Vocabulary`, with the columns `patients`, those who have the code, and
            `count`, how often it is there: the Dx-objects of a diagnosis, the times that an order is in one.
    """

    index: np.ndarray
    kind: np.ndarray
    vocabulary: Vocabulary


def number(concepts, features, patient, min_count=1):
    """Numbers the codes of a cohort by falling count; of equal ones by system and code.

    Args:
        concepts: dict of the columns of `Events.concepts`, lists in the order of their numbers.
        features: `mime_tf.ehr.encode.features.Features`.
        patient: int64, (rows,), the patient of each row.
        min_count: codes that are there less often get no index.

    Returns:
        Codes.
    """
    patients, counts = _counts(features, patient, len(concepts["code"]))
    kind, index, rows = np.array(concepts["kind"], object), np.full(len(counts), -1), []
    order = sorted(range(len(counts)), key=lambda i: (-counts[i], concepts["system"][i], concepts["code"][i]))
    for wanted in KINDS:
        chosen = [i for i in order if kind[i] == wanted and counts[i] >= max(min_count, 1)]
        index[chosen] = np.arange(len(chosen))
        rows += [_row(concepts, i, index[i], patients[i], counts[i]) for i in chosen]
    return Codes(index, kind, _vocabulary(rows))


def reuse(concepts, features, patient, vocabulary):
    """Gives codes the indices of a vocabulary that is there already, such as that of a trained model.

    Args:
        concepts: as for `number`.
        features: as for `number`.
        patient: as for `number`.
        vocabulary: `mime_tf.data.vocabulary.Vocabulary`.

    Returns:
        Codes. Its vocabulary has the rows of the one given, with the counts of this cohort.

    Raises:
        InputError: the vocabulary has a code twice.
    """
    seen = [(row["kind"], row["system"], row["code"]) for row in vocabulary.rows]
    if len(set(seen)) < len(seen):
        twice = next(key for place, key in enumerate(seen) if key in seen[:place])
        raise InputError(f"vocabulary: found {' '.join(twice)} twice; a code has one index")
    patients, counts = _counts(features, patient, len(concepts["code"]))
    named = zip(concepts["kind"], concepts["system"], concepts["code"], strict=True)
    numbers = {key: number for number, key in enumerate(named)}
    index, rows = np.full(len(counts), -1), []
    for row in vocabulary.rows:
        found = numbers.get((row["kind"], row["system"], row["code"]))
        here = (0, 0)
        if found is not None:
            index[found] = int(row["index"])
            here = patients[found], counts[found]
        rows.append(row | {name: str(times) for name, times in zip(COUNTS, here, strict=True)})
    return Codes(index, np.array(concepts["kind"], object), _vocabulary(rows))


def _counts(features, patient, concepts):
    """How many patients have each concept, and how often it is there."""
    row = np.concatenate([features.dx["row"], features.orders["row"]])
    code = np.concatenate([features.dx["dx"], features.orders["code"]])
    _, once = distinct_pairs(patient[row], code)
    return np.bincount(once, minlength=concepts), np.bincount(code, minlength=concepts)


def _row(concepts, i, index, patients, count):
    values = (concepts["kind"][i], str(index), concepts["system"][i], concepts["code"][i], concepts["display"][i])
    return dict(zip((*COLUMNS, *COUNTS), (*values, str(patients), str(count)), strict=True))


def _vocabulary(rows):
    return Vocabulary(rows, {(row["kind"], int(row["index"])): row for row in rows})
