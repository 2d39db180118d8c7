"""The command `pack`."""

import os
import shutil
from argparse import Namespace

from mime_tf.commands import options
from mime_tf.commands.options import Parser
from mime_tf.errors import InputError
from mime_tf.terminal import files, outputs

EPILOG = """example:
  mime-tf pack --data data/hf --output data/hf.parquet
  mime-tf train data/hf.parquet out/ log

The first line reads data/hf.seqs and data/hf.labels, the second trains on the file that the first has written. A
vocabulary.csv beside the data is copied into the folder of the output, unless that folder has one."""

VOCABULARY = "vocabulary.csv"


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    text = (
        "Turns a cohort's .seqs and .labels into one Parquet file, which is smaller, is read in a fraction of the time "
        "and memory, and is open to pandas, DuckDB, Spark and the like. Joins a folder of Parquet files as well."
    )
    parser = Parser(program, text, EPILOG)
    options.add_data(parser)
    options.add_output(parser, "FILE", "file to write; its name ends in .parquet")
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    with outputs.claimed(lambda: _check_output(arguments.output, arguments.overwrite), arguments.output):
        _pack(arguments.data, arguments.output)


def _pack(data: str, output: str) -> None:
    from mime_tf.commands import inputs
    from mime_tf.data.cohort import Cohort

    inputs.check_apart([output], data)
    target = os.path.dirname(output)
    if os.path.isdir(data) and os.path.samefile(data, target or "."):
        raise InputError(f"{output}: is in the folder that is read, and would be read with the rest from then on")
    cohort = Cohort.open(data)
    from mime_tf.data import parquet

    with files.publishing():
        vocabulary = _copy_vocabulary(cohort.folder or "", target)
        parquet.write(output, cohort.store, cohort.labels, cohort.stored_ids)
    store = cohort.store
    counts = f"{len(store)} patients, {len(store.dxobjs) - 1} visits, {len(store.dx)} Dx-objects"
    print(f"{output}: {counts}, {os.path.getsize(output)} bytes")
    if vocabulary:
        print(vocabulary)


def _check_output(output: str, overwrite: bool) -> None:
    """Raises InputError unless the output may be written."""
    if not output.endswith(".parquet"):
        raise InputError(f"{output}: the name of the output ends in .parquet; {output}.parquet would be right")
    outputs.check_file(output, overwrite)


def _copy_vocabulary(source: str, target: str) -> str:
    """Copies the names of the codes between two folders, if the first has them and the second does not.

    Returns:
        A line that tells of it, or "".
    """
    old, new = os.path.join(source, VOCABULARY), os.path.join(target, VOCABULARY)
    if os.path.exists(old) and os.path.exists(new) and not os.path.samefile(old, new):
        return f"{new}: left as it is"
    if os.path.exists(old) and not os.path.exists(new):
        with open(old, "rb") as from_file, files.replacing(new) as to_file:
            shutil.copyfileobj(from_file, to_file)
        return f"{new}: copied"
    return ""
