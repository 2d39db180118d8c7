"""The command `predict`."""

import argparse
import os

from mime_tf.data.cohort import Cohort
from mime_tf.terminal import files, outputs
from mime_tf.terminal.console import Console

EXAMPLE = """example:
  python -m mime_tf predict --model r0s0 --input data/new_patients --output scores.csv

The columns are row, the position in the input counted from 0, or patient_id where the input has it; probability;
dropped_codes, how many codes the model was not shown because training did not hold them; and empty, 1 where it was
shown none at all: such a probability tells of nothing but the number of visits."""

_BLOCK = 50_000  # rows turned into text together


def add_parser(commands):
    """Adds the command to the subparsers `commands`."""
    parser = commands.add_parser(
        "predict",
        help="score patients with a trained model",
        description="Scores every patient of a cohort with the model of a run.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True, metavar="RUN", help="the folder of a split that train.py wrote")
    parser.add_argument(
        "--input", required=True, metavar="SOURCE", help="prefix of .seqs, or Parquet; labels need not be there"
    )
    parser.add_argument("--output", required=True, metavar="FILE", help="the CSV file to write")
    parser.add_argument("--batch_size", type=int, default=200, help="most in a batch; speed only (default: 200)")
    parser.add_argument("--overwrite", action="store_true", help="replace the output if it exists")
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command."""
    output = arguments.output
    outputs.check_file(output, arguments.overwrite)
    from mime_tf.runs.opening import fitted_split
    from mime_tf.scoring import prediction

    console = Console(period=5.0)
    model = fitted_split(arguments.model)
    for note in model.notes:
        console.note(note)
    console.progress(f"reading {arguments.input}")
    cohort = Cohort.open(arguments.input, labelled=False)
    predictions = prediction.predict(model, cohort, arguments.batch_size, console.progress)
    os.makedirs(os.path.dirname(output) or ".", exist_ok=True)
    name, labels = ("row", None) if cohort.stored_ids is None else ("patient_id", cohort.stored_ids)
    files.write_table(output, (name, "probability", "dropped_codes", "empty"), _rows(labels, predictions))
    for line in _summary(output, predictions):
        console.line(line)


def _rows(patient_ids, predictions):
    """Yields the rows of the table, turned into Python's values a block at a time."""
    patients = len(predictions.probabilities)
    for start in range(0, patients, _BLOCK):
        block = slice(start, min(start + _BLOCK, patients))
        columns = (predictions.probabilities[block], predictions.dropped[block], predictions.empty[block].astype(int))
        names = range(block.start, block.stop) if patient_ids is None else patient_ids[block].tolist()
        yield from zip(names, *(column.tolist() for column in columns), strict=True)


def _summary(output, predictions):
    """Yields what the user is told."""
    patients, dropped = len(predictions.probabilities), predictions.dropped
    yield f"{output}: {patients:,} patients, with a mean probability of {predictions.probabilities.mean():.4f}"
    if dropped.any():
        yield (
            f"dropped, because training did not hold them: {dropped.sum():,} codes of {(dropped > 0).sum():,} "
            f"patients; nothing is left of {predictions.empty.sum():,}"
        )
