"""A patient made of codes that a model knows, in both forms that an exported model takes."""

import collections
import dataclasses
import json
import re

import numpy as np

from mime_tf.data.store import CODE_KINDS
from mime_tf.export import service


@dataclasses.dataclass(frozen=True)
class Example:
    """A patient.

    Attributes:
        patient: dict, the content of the JSON.
        codes: dict from an argument of `mime_tf.export.service.Service.codes` to nested lists of int, a batch of one
            patient.
        of_patient: dict of the inputs of the model beside the codes: from `"age"` and `"sex"` to a list of one value,
            not known; from `"days_before"` to a list of the days of both visits.
    """

    patient: dict
    codes: dict
    of_patient: dict

    @property
    def text(self):
        """The patient as JSON, all letters as they are: `mime_tf.export.patient_json` has no escapes for them."""
        return json.dumps(self.patient, ensure_ascii=False)


def example_patient(fitted):
    """Makes up a patient of two visits, of codes that training held and JSON can name.

    The first visit has a diagnosis with a medication and a procedure, the second a diagnosis alone. A kind
    without such codes is left out, so that a visit may be empty.

    Args:
        fitted: `mime_tf.runs.fitted_split.FittedSplit`.

    Returns:
        Example.
    """
    codes = {kind: _commonest(fitted, kind) for kind in CODE_KINDS}
    orders = {kind: codes[kind][:1] for kind in ("rx", "pr")}
    visits = [[], []]
    for visit, dx in zip(visits, codes["dx"], strict=False):
        visit.append({"dx": [dx], "rx": [], "pr": []} | (orders if visit is visits[0] else {}))
    of_patient = {"age": [-1.0], "sex": [""]} if getattr(fitted.model, "attributes", None) else {}
    record = {"visits": [[_names(dxobject) for dxobject in visit] for visit in visits]}
    of_patient |= {"days_before": [[60, 0]]} if getattr(fitted.model, "reads_days", False) else {}
    return Example(record, _padded(visits), of_patient)


def _commonest(fitted, kind):
    """Returns pairs of name and number of codes, by their count in the vocabulary, else from the lowest number on."""
    rows = fitted.vocabulary.by_index if fitted.vocabulary else {}

    def count(number):
        text = rows.get((kind, number), {}).get("count", "")
        return int(text) if re.fullmatch("[0-9]{1,15}", text) else 0

    names = service.names_by_code(fitted, kind)
    return [(names[number], number) for number in sorted(names, key=lambda number: (-count(number), number))]


def _names(dxobject):
    (dx,), rx, pr = ([name for name, _ in dxobject[kind]] for kind in CODE_KINDS)
    return {"dx": dx, "rx": rx, "pr": pr}


def _padded(visits):
    """Returns a batch of one patient, whose visits have at most one Dx-object with at most one order of a kind."""
    numbers = collections.defaultdict(list)
    for visit in visits:
        dxobject = visit[0] if visit else {kind: [] for kind in CODE_KINDS}
        for kind in CODE_KINDS:
            numbers[kind].append([number for _, number in dxobject[kind]] or [-1])
    codes = {"dx": np.array(numbers["dx"])[None, :, :]}
    codes |= {kind: np.array(numbers[kind])[None, :, None, :] for kind in ("rx", "pr")}
    return {kind: array.tolist() for kind, array in codes.items()} | {"visits": [len(visits)]}
