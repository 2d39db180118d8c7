"""The command `recalibrate`."""

import os
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from mime_tf.commands import options
from mime_tf.commands.options import Parser
from mime_tf.terminal import environment, outputs
from mime_tf.terminal.console import Console

if TYPE_CHECKING:
    from mime_tf.assess.measures import Assessment
    from mime_tf.assess.scores import Scores

EPILOG = """example:
  mime-tf recalibrate --model r0s0 --data data/last_year --method logistic

intercept shifts all probabilities so that their mean is the share of cases, logistic shifts and stretches them, and
isotonic is any function that does not fall and needs hundreds of cases. Of the data that the model was trained on valid
is taken, of others all patients. The function goes to recalibration.json in the folder of the fitted split: predict,
evaluate, explain, export and report apply it from then on, and say so. Deleting the file undoes it."""

_SHOWN = (
    *("brier", "scaled_brier", "observed_to_expected", "calibration_in_the_large", "calibration_slope"),
    *("expected_calibration_error", "eavg", "emax"),
)


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    text = (
        "Fits the probabilities of a fitted split to patients whose outcomes are known, and keeps that in its folder."
    )
    parser = Parser(program, text, EPILOG)
    options.add_model(parser)
    options.add_data(parser)
    options.add_method(parser, "form of the function")
    text = "replace an earlier recalibration"
    parser.add_argument("--overwrite", action="store_true", help=text)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    from mime_tf.runs.folder import RECALIBRATION
    from mime_tf.runs.opening import fitted_split

    path = os.path.join(fitted_split(arguments.model).folder, RECALIBRATION)
    with outputs.claimed(lambda: outputs.check_file(path, arguments.overwrite), path):
        _recalibrate(arguments, path)


def _recalibrate(arguments: Namespace, path: str) -> None:
    from mime_tf.data.cohort import Cohort
    from mime_tf.runs.opening import fitted_split

    console, model = Console(period=5.0), fitted_split(arguments.model)
    console.progress(f"reading {arguments.data}")
    cohort = Cohort.open(arguments.data)
    cohort.require_labels()
    name = "valid" if model.trained_on(cohort) else "all"
    model.check_codes(cohort)
    environment.import_tensorflow()
    from mime_tf.assess import recalibration
    from mime_tf.assess.bootstrap import Bootstrap
    from mime_tf.assess.measures import assess
    from mime_tf.assess.scores import Scores
    from mime_tf.runs import adjustment
    from mime_tf.runs.versions import versions
    from mime_tf.scoring import prediction

    part = prediction.part_of(model, cohort, name)
    known = ~prediction.empty(part)
    output = prediction.model_output(model, part, model.config.eval_batch_size, console.progress)
    scores = Scores(part.labels[known], output[known])
    function = recalibration.fit(scores, arguments.method)
    prevalence = float(part.labels.mean())
    before, after = (assess(each, Bootstrap(0)) for each in (scores, _changed(scores, function)))
    facts: dict[str, Any] = {
        "set": name,
        "cohort": os.path.basename(os.path.normpath(arguments.data)),
        "data": cohort.digests(),
        "rows": len(scores),
        "cases": int(scores.labels.sum()),
        "nothing_known": int((~known).sum()),
        "before": before.values,
        "after": after.values,
        "versions": versions(),
    }
    adjustment.write(model.folder, function, prevalence, facts)
    for line in _lines(arguments.method, facts, before, after):
        console.line(line)
    for note in before.notes:
        console.note(f"note: {note}")
    console.line(f"{path}: written; deleting it undoes the recalibration")


def _changed(scores: "Scores", function: Any) -> "Scores":
    from mime_tf.assess.scores import Scores

    return Scores(scores.labels, function(scores.probabilities))


def _lines(method: str, facts: dict[str, Any], before: "Assessment", after: "Assessment") -> Iterator[str]:
    """Yields the table that is printed."""
    from mime_tf.assess.measures import MEASURES

    of = "valid, of the data that the model was trained on" if facts["set"] == "valid" else facts["cohort"]
    yield f"{method} recalibration on {facts['rows']:,} patients, {facts['cases']:,} of label 1, of {of}"
    if facts["nothing_known"]:
        yield f"left out: {facts['nothing_known']:,} patients of whom nothing is known"
    yield f"{'':28}{'before':>9}{'after':>9}"
    for name in _SHOWN:
        yield f"{MEASURES[name]:28}{before.values[name]:9.4f}{after.values[name]:9.4f}"
    yield "after is on the patients that it was fitted to, and flatters; evaluate on others"
