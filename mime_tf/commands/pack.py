"""The command `pack`."""

import argparse
import os
import shutil

from mime_tf.data.cohort import folder, read
from mime_tf.errors import InputError
from mime_tf.terminal import files, outputs

EXAMPLE = """example:
  python -m mime_tf pack --input data/hf --output data/hf.parquet
  python train.py data/hf.parquet out/ log

The first line reads data/hf.seqs and data/hf.labels, the second trains on what the first has written. A vocabulary.csv
that lies beside the input is copied into the folder of the output, unless one is there."""

VOCABULARY = "vocabulary.csv"


def add_parser(commands):
    """Adds the command to the subparsers `commands`."""
    parser = commands.add_parser(
        "pack",
        help="turn a cohort's .seqs and .labels into one Parquet file",
        description="Turns a cohort's .seqs and .labels into one Parquet file, which is smaller, is read in a fraction "
        "of the time and memory, and is open to pandas, DuckDB, Spark and the like.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--input", required=True, help="prefix of .seqs and .labels, or Parquet files to join")
    parser.add_argument("--output", required=True, metavar="FILE", help="the file to write; it ends in .parquet")
    parser.add_argument("--overwrite", action="store_true", help="replace the output if it exists")
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command."""
    output = arguments.output
    _check_output(output, arguments.overwrite)
    cohort = read(arguments.input)
    from mime_tf.data import parquet

    target = os.path.dirname(output)
    os.makedirs(target or ".", exist_ok=True)
    parquet.write(output, cohort.store, cohort.labels, cohort.patient_ids)
    store = cohort.store
    counts = f"{len(store)} patients, {len(store.dxobjs) - 1} visits, {len(store.dx)} Dx-objects"
    print(f"{output}: {counts}, {os.path.getsize(output)} bytes")
    _copy_vocabulary(folder(arguments.input), target)


def _check_output(output, overwrite):
    """Raises InputError unless the output may be written."""
    if not output.endswith(".parquet"):
        raise InputError(f"{output}: the name of the output ends in .parquet; {output}.parquet would be right")
    outputs.check_file(output, overwrite)


def _copy_vocabulary(source, target):
    """Copies the names of the codes between two folders, if one has them and the other has none, and says so."""
    old, new = os.path.join(source, VOCABULARY), os.path.join(target, VOCABULARY)
    if os.path.exists(old) and os.path.exists(new) and not os.path.samefile(old, new):
        print(f"{new}: left as it is")
    if os.path.exists(old) and not os.path.exists(new):
        with open(old, "rb") as from_file, files.replacing(new) as to_file:
            shutil.copyfileobj(from_file, to_file)
        print(f"{new}: copied")
