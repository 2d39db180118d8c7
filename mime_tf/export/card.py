"""A model card in Markdown: what a run tells of its model, how the export is called, and what a person has to add.

Names in a run's folder may come from a stranger: they are escaped in the text, and quoted where they stand in code.
"""

import csv
import dataclasses
import json
import os
import re
import shlex
from collections import Counter

import numpy as np

from mime_tf.assess.bootstrap import Bootstrap
from mime_tf.assess.measures import MEASURES, assess
from mime_tf.assess.scores import Scores
from mime_tf.config import TrainConfig
from mime_tf.errors import InputError
from mime_tf.export import card_text, service
from mime_tf.runs import folder

TO_FILL_IN = "**[to be filled in]**"
KINDS = {"dx": "diagnoses", "rx": "medications", "pr": "procedures"}


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a run's folder tells besides what `mime_tf.runs.opening.Run` holds.

    Attributes:
        input: the name of the cohort that was trained on; None where the run does not say.
        metrics: dict of the results of its line, as in metrics.json; None where it has none.
        sets: dict from `"valid"` and `"test"` to (rows, rows of label 1), of those that the run left predictions of.
        assessment: `mime_tf.assess.measures.Assessment` of test; None without its predictions.
    """

    input: str | None
    metrics: dict | None
    sets: dict
    assessment: object


def gather(run, bootstrap=1000, progress=None):
    """Reads the results of a run.

    Args:
        run: `mime_tf.runs.opening.Run`.
        bootstrap: resamples for the intervals of test; 0 for none.
        progress: as for `mime_tf.assess.measures.assess`.

    Returns:
        Facts.

    Raises:
        InputError: a table of predictions is damaged, or `bootstrap` is negative.
    """
    source = folder.read_json(os.path.join(run.folder, folder.CONFIG)).get("input")
    paths = {name: os.path.join(run.folder, file) for name, file in folder.PREDICTIONS.items()}
    tables = {name: _read_predictions(path) for name, path in paths.items() if os.path.exists(path)}
    return Facts(
        input=os.path.basename(source) if isinstance(source, str) else None,
        metrics=folder.read_json(os.path.join(run.folder, folder.METRICS)),
        sets={name: (len(labels), int(labels.sum())) for name, (labels, _, _) in tables.items()},
        assessment=_assess(paths["test"], tables["test"], bootstrap, progress) if "test" in tables else None,
    )


def _read_predictions(path):
    """Returns labels and probabilities, float64 (rows,), and whose row each is or None."""
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        labels, probabilities = (np.array([float(row[name]) for row in rows]) for name in ("label", "probability"))
    except (OSError, ValueError, TypeError, KeyError, csv.Error) as error:
        raise InputError(f"{path}: damaged: not a table as train.py writes it: {error!r}") from error
    if not rows:
        raise InputError(f"{path}: damaged: it has no rows")
    return labels, probabilities, [row["patient_id"] for row in rows] if "patient_id" in rows[0] else None


def _assess(path, table, bootstrap, progress):
    try:
        return assess(Scores(*table), Bootstrap(bootstrap), progress)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def text(run, facts, example, answer):
    """Returns the card.

    Args:
        run: `mime_tf.runs.opening.Run`.
        facts: Facts, of `gather`.
        example: `mime_tf.export.example.Example`.
        answer: dict of lists, what the exported model says of the example.
    """
    sections = (
        [f"# Model card: MiME, run {_plain(run.name)}", card_text.SUMMARY.format(fill=TO_FILL_IN)],
        ["## The model", *_model(run)],
        ["## Use", card_text.USE.format(fill=TO_FILL_IN)],
        ["## Data", *_data(run, facts)],
        ["## Results", *_results(facts)],
        ["## Codes", *_codes(run)],
        ["## Training", *_training(run, facts)],
        ["## How to call it", *_calls(example, answer)],
        ["## Limits", card_text.LIMITS],
        ["## What only people know", card_text.PEOPLE.format(fill=TO_FILL_IN)],
        ["## Citation", card_text.CITATION],
    )
    return "\n\n".join(block for section in sections for block in section) + "\n"


def _model(run):
    sizes = ", ".join(f"{run.sizes[f'num_{kind}']:,} {name}" for kind, name in KINDS.items())
    cell = {"gru_v1": "the authors' GRU (gru_v1)", "gru": "Keras's GRU", "lstm": "Keras's LSTM"}[run.config.rnn_cell]
    yield (
        "MiME reads a patient's visits, in each of them diagnoses, each with the medications and procedures that it "
        "led to, and gives one probability. "
        f"This one has room for {sizes}, reads visits with {cell} of width {run.config.rnn_size}, and has "
        f"{run.model.count_params():,} weights."
    )


def _data(run, facts):
    rows = [("cohort", _plain(facts.input or "not recorded in the run"))]
    rows += [(_plain(name), f"`{_code(value)}`") for name, value in (run.data or {}).items()]
    rows += [("training set", "its size is not recorded in the run")]
    for name, (count, ones) in facts.sets.items():
        rows.append((f"{name} set", f"{count:,} rows, {ones:,} of label 1 ({ones / count:.1%})"))
    yield _table(("", ""), rows)
    if facts.sets and run.config.eval_drop_remainder:
        yield "The last, partial batch of valid and of test was left out: those with the most visits."
    yield f"Where the patients come from, over which time, and how labels were made: {TO_FILL_IN}"


def _results(facts):
    if facts.metrics is None:
        yield "The run's folder has no results: it was interrupted, or imported without its data."
    else:
        names = {"loss": "cross-entropy", "auc": "ROC AUC", "aucpr": "average precision"}
        rows = [
            (title, *(_number(facts.metrics.get(f"{part}_{name}")) for part in ("valid", "test")))
            for name, title in names.items()
        ]
        iteration = facts.metrics.get("iteration")
        yield "Chosen by the lowest cross-entropy on valid" + (f", at iteration {iteration:,}." if iteration else ".")
        yield _table(("", "valid", "test"), rows)
    found = facts.assessment
    if found is None:
        return
    rows = [(title, _number(found.values[name]), _interval(found.intervals[name])) for name, title in MEASURES.items()]
    yield f"Test in full: {found.rows:,} rows of {found.patients:,} patients. Intervals: 95%, by bootstrap of patients."
    yield _table(("", "test", "interval"), rows)
    if found.notes:
        yield "\n".join(f"- {_plain(note)}" for note in found.notes)
    yield f"How good the model is elsewhere, at other times and in subgroups: {TO_FILL_IN}"


def _codes(run):
    rows = []
    for kind, name in KINDS.items():
        usable = int(run.usable[kind].sum())
        rows.append((name, f"{usable:,} of {len(run.usable[kind]):,}", f"{len(service.code_names(run, kind)):,}"))
    yield _table(("", "known to the model", "of them named in JSON"), rows)
    if run.known is None:
        yield "The run does not say which codes training held: all that the model has room for are taken as known."
    yield (
        "Any other code is dropped before the model sees it, an unknown diagnosis with its orders, and counted in "
        "`dropped_codes`. `empty` is true where nothing was left: such a probability tells of nothing but the number "
        "of visits. Many dropped codes mean that the model is asked about other data than it was made for."
    )
    if run.vocabulary is None:
        yield "The run has no vocabulary: in JSON, codes are their numbers, as strings. What they mean: " + TO_FILL_IN
        return
    systems = Counter((row["kind"], row["system"]) for row in run.vocabulary.rows)
    found = [(KINDS[kind], _plain(systems_of or "none given"), f"{n:,}") for (kind, systems_of), n in systems.items()]
    yield _table(("", "code system", "codes in the vocabulary"), found)


def _training(run, facts):
    default = dataclasses.asdict(TrainConfig())
    changed = [
        (f"`{name}`", _plain(_joined(value)), _plain(_joined(default[name])))
        for name, value in dataclasses.asdict(run.config).items()
        if value != default[name]
    ]
    yield f"Random seed {run.config.random_seed}; split or fold {run.split_seed}. Flags that are not the default:"
    yield _table(("flag", "value", "default"), changed) if changed else "None."
    if run.unknown_flags:
        yield f"Flags of another version: {_plain(', '.join(map(str, run.unknown_flags)))}."
    yield _table(("trained with", "version"), [(_plain(name), _plain(v)) for name, v in run.versions.items()])
    for note in (*run.notes, *service.notes(run)):
        yield f"Note: {_plain(note)}"


def _calls(example, answer):
    request = {"signature_name": "json", "inputs": {"patients": [example.text]}}
    by_number = {"signature_name": "serving_default", "inputs": example.codes}
    codes = ",\n    ".join(f"{name}=tf.constant({value})" for name, value in example.codes.items())
    yield "The patient here is made up of codes that training held; which order follows which diagnosis has no meaning."
    yield card_text.CALLS.format(
        patient=json.dumps(example.patient, ensure_ascii=False),
        codes=codes,
        answer=json.dumps(answer),
        curl_json=shlex.quote(json.dumps(request, ensure_ascii=False)),
        curl_codes=shlex.quote(json.dumps(by_number)),
    )


def _table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _plain(value):
    """A value as text in which nothing is Markdown or HTML."""
    return re.sub(r"([\\`*_\[\]|<>~&#])", r"\\\1", " ".join(str(value).split()))


def _code(value):
    """A value as text between backticks in a table."""
    return re.sub(r"[`|\\]", "?", " ".join(str(value).split()))


def _joined(value):
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _number(value):
    """A measure as text; one that is not there, or not defined, as a dash."""
    return f"{value:.4f}" if isinstance(value, (int, float)) and np.isfinite(value) else "-"


def _interval(pair):
    return " to ".join(map(_number, pair)) if np.isfinite(pair).all() else "-"
