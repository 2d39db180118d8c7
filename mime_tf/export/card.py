"""A model card in Markdown: facts of a fitted split, calls of the export, and the parts that a person has to add."""

import dataclasses
import json
import math
import shlex
from collections import Counter

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.measures import MEASURES, assess
from mime_tf.config import TrainConfig
from mime_tf.export import service
from mime_tf.pages.templates import render_markdown
from mime_tf.pages.text import file_name, without_folders
from mime_tf.runs.description import leaves_out, reads
from mime_tf.runs.folder import PREDICTIONS
from mime_tf.runs.refit import splits_of
from mime_tf.runs.subject import Subject

TO_FILL_IN = "**[to be filled in]**"
KINDS = {"dx": "diagnoses", "rx": "medications", "pr": "procedures"}
_RESULTS = {"loss": "cross-entropy", "auc": "ROC AUC", "aucpr": "average precision"}


@dataclasses.dataclass(frozen=True)
class Facts:
    """Facts in the folder of a fitted split besides those that `mime_tf.runs.fitted_split.FittedSplit` holds.

    Attributes:
        subject: `mime_tf.runs.subject.Subject`, the outcome and the patients.
        metrics: dict, the content of metrics.json, or None.
        sets: dict from `"valid"` and `"test"` to a pair of the number of rows and of rows of label 1, of those that the
            run left predictions of.
        unknown: dict from `"valid"` and `"test"` to the number of rows of whom the model knows no code.
        assessment: `mime_tf.assess.measures.Assessment` of test; None without its predictions.
    """

    subject: Subject
    metrics: dict | None
    sets: dict
    unknown: dict
    assessment: object


def gather(fitted, bootstrap=1000, progress=None, title=None):
    """Reads the results of a fitted split.

    Args:
        fitted: `mime_tf.runs.fitted_split.FittedSplit`.
        bootstrap: resamples for the intervals of test; 0 for none.
        progress: as for `mime_tf.assess.measures.assess`.
        title: name of the outcome, in place of the one that the run has; or None.

    Returns:
        Facts.

    Raises:
        InputError: a table of predictions is damaged, or `bootstrap` is negative.
    """
    predictions = {name: fitted.predictions(name) for name in PREDICTIONS}
    sets = {name: table for name, table in predictions.items() if table is not None}
    return Facts(
        subject=fitted.subject.titled(title),
        metrics=fitted.metrics,
        sets={name: (len(table), int(table.scores.labels.sum())) for name, table in sets.items()},
        unknown={name: int(table.empty.sum()) for name, table in sets.items()},
        assessment=assess(sets["test"].scores, Bootstrap(bootstrap), progress) if "test" in sets else None,
    )


def model_card(fitted, facts, example, answer, substitution=None):
    """Returns the card.

    Args:
        fitted: `mime_tf.runs.fitted_split.FittedSplit`.
        facts: Facts, of `gather`.
        example: `mime_tf.export.example.Example`.
        answer: dict of lists, the answer of the exported model for the example.
        substitution: as for `mime_tf.export.service.Service`.

    Returns:
        str, Markdown.
    """
    metrics = facts.metrics or {}
    return render_markdown(
        "export/card.md.j2",
        fitted=fitted,
        facts=facts,
        example=example,
        answer=json.dumps(answer),
        to_fill_in=TO_FILL_IN,
        sizes=[(fitted.sizes[f"num_{kind}"], name) for kind, name in KINDS.items()],
        leaves_out=leaves_out("age" in example.of_patient, "days_before" in example.of_patient),
        reads=reads(fitted.config, (facts.metrics or {}).get("parts", [])),
        iteration=metrics["iteration"] if type(metrics.get("iteration")) is int else None,
        results=_results(metrics),
        refit_of=splits_of(metrics),
        measures=MEASURES,
        codes=[_codes(fitted, kind) for kind in KINDS],
        systems=_systems(fitted.vocabulary),
        changed=_changed(fitted.config),
        notes=[without_folders(note, [fitted.folder]) for note in (*fitted.notes, *service.notes(fitted))],
        requests=_requests(example),
        by_ancestor=None if substitution is None else _by_ancestor(substitution),
    )


def _results(metrics):
    """Returns rows of a result's title and its values on valid and test; nan where metrics.json has none."""
    return [(title, *(_number(metrics.get(f"{part}_{name}")) for part in ("valid", "test")))
            for name, title in _RESULTS.items()]  # fmt: skip


def _number(value):
    is_number = isinstance(value, (int, float)) and math.isfinite(value)
    return value if is_number else math.nan


def _codes(fitted, kind):
    """Returns the name of a kind, and the numbers of its codes: known, with room in the model, named in JSON."""
    known = fitted.usable[kind]
    return KINDS[kind], int(known.sum()), len(known), len(service.names_by_code(fitted, kind))


def _by_ancestor(substitution):
    """Returns in words the number of codes of each kind in place of which the model is shown an ancestor."""
    return ", ".join(f"{replaced.sum():,} {KINDS[kind]}" for kind, replaced in substitution.replaced.items())


def _systems(vocabulary):
    """Returns rows of a kind of codes, a code system and the number of its codes in the vocabulary."""
    if vocabulary is None:
        return []
    counts = Counter((row["kind"], row["system"]) for row in vocabulary.rows)
    return [(KINDS[kind], system or "none given", count) for (kind, system), count in counts.items()]


def _changed(config):
    """Returns rows of a flag that is not the default, its value and the default."""
    default = dataclasses.asdict(TrainConfig())
    return [(name, _joined(value), _joined(default[name]))
            for name, value in dataclasses.asdict(config).items() if value != default[name]]  # fmt: skip


def _joined(value):
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else file_name(value)


def _requests(example):
    """Returns the JSON of a request to each signature, quoted for a shell."""
    by_name = {"signature_name": "json", "inputs": {"patients": [example.text], **example.of_patient}}
    by_number = {"signature_name": "serving_default", "inputs": example.codes | example.of_patient}
    return [shlex.quote(json.dumps(by_name, ensure_ascii=False)), shlex.quote(json.dumps(by_number))]
