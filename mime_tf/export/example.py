"""A patient made of codes that a model knows, in both forms that an exported model takes: to show how it is asked."""

import collections
import dataclasses
import json
import re

import numpy as np

from mime_tf.data.store import CODE_KINDS
from mime_tf.export import service


@dataclasses.dataclass(frozen=True)
class Example:
    """One patient.

    Attributes:
        patient: dict, what stands in the JSON.
        codes: dict from an argument of `mime_tf.export.service.Service.codes` to nested lists of int, a batch of one.
    """

    patient: dict
    codes: dict

    @property
    def text(self):
        """The patient as JSON, all letters as they are: `mime_tf.export.patient_json` has no escapes for them."""
        return json.dumps(self.patient, ensure_ascii=False)


def make(run):
    """Makes up a patient of two visits, of codes that the run's training held and JSON can name.

    The first visit has a diagnosis with a medication and a procedure, the second one more diagnosis. Where codes of a
    kind are wanting they are left out, so that a visit may be empty.

    Args:
        run: `mime_tf.runs.fitted_split.FittedSplit`.

    Returns:
        Example.
    """
    named = {kind: _commonest(run, kind) for kind in CODE_KINDS}
    (first, *second), orders = (named["dx"][:2] or [None]), {kind: named[kind][:1] for kind in ("rx", "pr")}
    visits = [[_dxobject(first, **orders)] if first else [], [_dxobject(code) for code in second]]
    return Example({"visits": [[_named(one) for one in visit] for visit in visits]}, _padded(visits))


def _commonest(run, kind):
    """The (name, number) of codes, those first that the vocabulary counts most of, else of the lowest number."""
    rows = run.vocabulary.by_index if run.vocabulary else {}

    def count(number):
        text = rows.get((kind, number), {}).get("count", "")
        return int(text) if re.fullmatch("[0-9]{1,15}", text) else 0

    found = service.code_names(run, kind)
    return [(found[number], number) for number in sorted(found, key=lambda number: (-count(number), number))]


def _dxobject(dx, rx=(), pr=()):
    return {"dx": [dx], "rx": list(rx), "pr": list(pr)}


def _named(dxobject):
    (dx,), rx, pr = ([name for name, _ in dxobject[kind]] for kind in CODE_KINDS)
    return {"dx": dx, "rx": rx, "pr": pr}


def _padded(visits):
    """A batch of one patient whose visits have at most one Dx-object, and that at most one order of a kind."""
    found = collections.defaultdict(list)
    for visit in visits:
        dxobject = visit[0] if visit else {kind: [] for kind in CODE_KINDS}
        for kind in CODE_KINDS:
            found[kind].append([number for _, number in dxobject[kind]] or [-1])
    codes = {"dx": np.array(found["dx"])[None, :, :]}
    codes |= {kind: np.array(found[kind])[None, :, None, :] for kind in ("rx", "pr")}
    return {kind: array.tolist() for kind, array in codes.items()} | {"visits": [len(visits)]}
