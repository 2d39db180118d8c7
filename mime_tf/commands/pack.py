"""The command `pack`."""

import filecmp
import os
import shutil
from argparse import Namespace

from mime_tf.commands import options
from mime_tf.commands.options import Parser
from mime_tf.data import conversion, hierarchy, patient_table, visit_days, vocabulary
from mime_tf.errors import InputError
from mime_tf.terminal import files, outputs, reading
from mime_tf.terminal.console import Console

EPILOG = """example:
  mime-tf pack --data data/hf --output data/hf.parquet
  mime-tf train data/hf.parquet out/ log

The first line reads data/hf.seqs and data/hf.labels, the second trains on the file that the first has written. A
vocabulary.csv and hierarchy.csv beside the data are copied into the folder of the output, unless that folder has them;
so are the patients.csv, visits.csv, linkage.json and convert.json that convert leaves there. The patient_id of
patients.csv becomes a column of the Parquet file."""

OF_CODES = (vocabulary.FILE, hierarchy.FILE)  # files that several cohorts of the same codes may share
OWN = (patient_table.FILE, visit_days.FILE, conversion.LINKAGE, conversion.RULES)  # files that belong to one cohort


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
    with outputs.claimed(lambda: _check_output(arguments), arguments.output):
        _pack(arguments.data, arguments.output, arguments.overwrite)


def _pack(data: str, output: str, overwrite: bool) -> None:
    from mime_tf.data.cohort import Cohort

    if os.path.isdir(data) and os.path.samefile(data, os.path.dirname(output) or "."):
        raise InputError(f"{output}: is in the folder that is read, and would be read with the rest from then on")
    cohort = Cohort.open(data, outcomes=True)
    patient_ids = cohort.patient_ids
    from mime_tf.data import parquet

    source, target = cohort.folder or "", os.path.dirname(output)
    own = [name for name in OWN if os.path.exists(os.path.join(source, name))]
    for name in own:
        _check_own(source, target, name, overwrite)
    with files.publishing():
        copied = [
            *(_copy_once(source, target, name) for name in OF_CODES),
            *(_copy(source, target, name) for name in own),
        ]
        parquet.write(output, cohort.store, cohort.labels, patient_ids)
    store, console = cohort.store, Console()
    counts = f"{len(store)} patients, {len(store.dxobjs) - 1} visits, {len(store.dx)} Dx-objects"
    console.line(f"{output}: {counts}, {os.path.getsize(output)} bytes")
    for line in filter(None, copied):
        console.line(line)


def _check_output(arguments: Namespace) -> None:
    """Raises InputError unless the output may be written."""
    from mime_tf.commands import inputs

    output = arguments.output
    if not output.endswith(".parquet"):
        raise InputError(f"{output}: the name of the output ends in .parquet; {output}.parquet would be right")
    inputs.check_apart([output], arguments.data)
    outputs.check_file(output, arguments.overwrite)


def _copy_once(source: str, target: str, name: str) -> str:
    """Copies a file between two folders, if the first has it and the second does not.

    Returns:
        A line that tells of it, or "".
    """
    old, new = os.path.join(source, name), os.path.join(target, name)
    if os.path.exists(old) and os.path.exists(new) and not os.path.samefile(old, new):
        return f"{new}: left as it is"
    return _copy(source, target, name) if os.path.exists(old) and not os.path.exists(new) else ""


def _check_own(source: str, target: str, name: str, overwrite: bool) -> None:
    """Raises InputError if the output's folder has such a file of another cohort, which must not be taken for this."""
    old, new = os.path.join(source, name), os.path.join(target, name)
    if os.path.exists(new) and not overwrite and not filecmp.cmp(old, new, shallow=False):
        raise InputError(f"{new}: is of another cohort; another folder is right, or --overwrite replaces it")


def _copy(source: str, target: str, name: str) -> str:
    """Copies a file between two folders, unless it is there already; returns a line that tells of it, or ""."""
    old, new = os.path.join(source, name), os.path.join(target, name)
    if os.path.exists(new) and filecmp.cmp(old, new, shallow=False):
        return ""
    with reading.open_binary(old) as from_file, files.replacing(new) as to_file:
        shutil.copyfileobj(from_file, to_file)
    return f"{new}: copied"
