"""The command `predict`."""

import os
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value
from mime_tf.constraints import at_least
from mime_tf.terminal import environment, files, outputs
from mime_tf.terminal.console import Console

if TYPE_CHECKING:
    from mime_tf.scoring.prediction import Predictions

EPILOG = """example:
  mime-tf predict --model r0s0 --data data/new_patients --output scores.csv

Columns of the output: row, the index of the patient in the data, or patient_id if the data have ids; probability;
dropped_codes, the number of codes that the model was not shown because training did not hold them; and empty, 1 if it
was shown no code at all. Such a probability tells of nothing but the number of visits."""

_BLOCK = 50_000  # rows turned into text together


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    parser = Parser(program, "Scores every patient of a cohort with the model of a fitted split.", EPILOG)
    options.add_model(parser)
    options.add_data(parser, "; labels are not needed")
    options.add_output(parser, "FILE", "CSV file to write")
    read = Value(int, at_least(1))
    options.add(parser, "batch_size", read, "largest number of patients in a batch; it matters to speed only", 200)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    output = arguments.output
    outputs.check_file(output, arguments.overwrite)
    from mime_tf.data.cohort import Cohort
    from mime_tf.runs.opening import fitted_split

    console = Console(period=5.0)
    model = fitted_split(arguments.model)
    for note in model.notes:
        console.note(note)
    console.progress(f"reading {arguments.data}")
    cohort = Cohort.open(arguments.data, labelled=False)
    model.check_codes(cohort)
    _ = cohort.patient_ids  # read before the slow import, so that a bad patients.csv is answered at once
    environment.import_tensorflow()
    from mime_tf.scoring import prediction

    predictions = prediction.predict(model, cohort, arguments.batch_size, console.progress)
    os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
    name = "row" if predictions.patient_ids is None else "patient_id"
    files.write_table(output, (name, "probability", "dropped_codes", "empty"), _rows(predictions))
    for line in _summary(output, predictions):
        console.line(line)


def _rows(predictions: "Predictions") -> Iterator[tuple]:
    """Yields the rows of the table, turned into Python's values a block at a time."""
    patient_ids, patients = predictions.patient_ids, len(predictions.probabilities)
    for start in range(0, patients, _BLOCK):
        block = slice(start, min(start + _BLOCK, patients))
        columns = (predictions.probabilities[block], predictions.dropped[block], predictions.empty[block].astype(int))
        names = range(block.start, block.stop) if patient_ids is None else patient_ids[block].tolist()
        yield from zip(names, *(column.tolist() for column in columns), strict=True)


def _summary(output: str, predictions: "Predictions") -> Iterator[str]:
    """Yields the lines that are printed."""
    patients, dropped = len(predictions.probabilities), predictions.dropped
    yield f"{output}: {patients:,} patients, with a mean probability of {predictions.probabilities.mean():.4f}"
    if dropped.any():
        yield (
            f"dropped, because training did not hold them: {dropped.sum():,} codes of {(dropped > 0).sum():,} "
            f"patients; nothing is left of {predictions.empty.sum():,}"
        )
