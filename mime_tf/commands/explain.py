"""The command `explain`."""

import argparse
import os

from mime_tf.data.cohort import Cohort
from mime_tf.errors import InputError, show
from mime_tf.explain import lines, picture
from mime_tf.explain.page import explanation_page
from mime_tf.pages.text import one_line
from mime_tf.terminal import files, outputs, plotting
from mime_tf.terminal.console import Console

EXAMPLE = """examples:
  python -m mime_tf explain --model r0s0 --data data/hf --patient 17 --output patient_17.html
  python -m mime_tf explain --model r0s0 --data data/hf --cohort --limit 1000 --output pairs.csv

A patient is given by id where the data have ids: the column patient_id of Parquet, or of a patients.csv beside the
data; else by position, counted from 0. The numbers are log-odds, and tell what the model did with the record."""


def add_parser(commands):
    """Adds the command to the subparsers `commands`."""
    parser = commands.add_parser(
        "explain",
        help="tell what moved the score of a patient, or which pairs matter most in a cohort",
        description="Tells by how much each visit, Dx-object and pair of a diagnosis and an order moved a score.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True, metavar="RUN", help="the folder of a split that train.py wrote")
    parser.add_argument(
        "--data", required=True, metavar="SOURCE", help="prefix of .seqs and .labels, or Parquet; labels are not used"
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--patient", metavar="ID", help="explain this patient: an id, or a position in data without ids")
    what.add_argument("--row", type=int, metavar="N", help="explain the patient at this position, counted from 0")
    what.add_argument("--cohort", action="store_true", help="the pairs that matter most among all patients")
    parser.add_argument("--limit", type=int, default=0, metavar="N", help="with --cohort: N patients, drawn at random")
    parser.add_argument("--seed", type=int, default=0, help="with --limit: of the draw (default: 0)")
    parser.add_argument("--top", type=int, default=20, metavar="N", help="with --cohort: pairs to print (default: 20)")
    parser.add_argument(
        "--output", metavar="FILE", help="a picture (.png) or page (.html) of a patient; a table of all pairs (.csv)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the output if it exists")
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command."""
    _check_arguments(arguments)
    from mime_tf.runs.opening import fitted_split

    console = Console(period=5.0)
    model = fitted_split(arguments.model)
    for note in model.notes:
        console.note(note)
    console.progress(f"reading {arguments.data}")
    cohort = Cohort.open(arguments.data, labelled=False)
    (_explain_cohort if arguments.cohort else _explain_patient)(arguments, model, cohort, console)


def _check_arguments(arguments):
    """Raises InputError for what can be told before anything is read."""
    for name, least in (("limit", 0), ("seed", 0), ("top", 1)):
        if getattr(arguments, name) < least:
            raise InputError(f"{name}: found {getattr(arguments, name)}; must be {least} or more")
    if arguments.output is None:
        return
    endings = (".csv",) if arguments.cohort else (".png", ".html")
    if not arguments.output.endswith(endings):
        what = "the pairs of a cohort" if arguments.cohort else "a patient's explanation"
        raise InputError(f"output: found {show(arguments.output)}; {what} needs a name in {' or '.join(endings)}")
    outputs.check_file(arguments.output, arguments.overwrite)
    if not arguments.cohort:
        plotting.require_matplotlib()


def _row(arguments, cohort):
    """Returns the position of the patient that was asked for."""
    last = len(cohort.store) - 1
    if arguments.row is not None:
        if not 0 <= arguments.row <= last:
            raise InputError(f"row: found {arguments.row}; {arguments.data} has the rows 0 to {last}")
        return arguments.row
    asked = arguments.patient
    if cohort.patient_ids is None:
        if not (asked.isascii() and asked.isdigit() and len(asked) < 19 and int(asked) <= last):
            raise InputError(
                f"patient: found {show(asked)}; {arguments.data} has no patient ids, so a position is needed, from 0 "
                f"to {last}"
            )
        return int(asked)
    rows = [row for row, name in enumerate(cohort.patient_ids.tolist()) if str(name) == asked]
    if not rows:
        raise InputError(
            f"patient: {arguments.data} has no patient_id {show(asked)}; ids are such as "
            f"{show(str(cohort.patient_ids[0]))}, and --row takes a position"
        )
    if len(rows) > 1:
        raise InputError(f"patient: {show(asked)} has {len(rows)} rows, {show(rows)}; --row takes one of them")
    return rows[0]


def _explain_patient(arguments, model, cohort, console):
    from mime_tf.explain.patients import explain_patients

    row = _row(arguments, cohort)
    console.progress("explaining")
    (found,) = explain_patients(model, cohort, [row])
    if arguments.output is None:
        for line in lines.printed(found):
            console.line(line)
        return
    content = picture.png(found) if arguments.output.endswith(".png") else explanation_page(found).encode()
    os.makedirs(os.path.dirname(arguments.output) or ".", exist_ok=True)
    with files.replacing(arguments.output) as file:
        file.write(content)
    console.line(f"{arguments.output}: {lines.title(found)}")


def _explain_cohort(arguments, model, cohort, console):
    from mime_tf.explain import pairs

    found = pairs.explain_cohort(model, cohort, arguments.limit, arguments.seed, progress=console.progress)
    if arguments.output:
        os.makedirs(os.path.dirname(arguments.output) or ".", exist_ok=True)
        files.write_table(arguments.output, pairs.COLUMNS, found.table())
    for line in _pair_lines(arguments, found):
        console.line(line)
    if arguments.output:
        console.line(f"{arguments.output}: {len(found.pairs):,} pairs")


def _pair_lines(arguments, found):
    """Yields the table that is printed."""
    yield (
        f"{len(found.pairs):,} pairs of a diagnosis and an order in {len(found.rows):,} patients; each patient's "
        f"contributions add up within {found.gap:.4f}"
    )
    yield "importance   mean abs       mean  patients  occurrences  diagnosis -> order"
    for pair in found.pairs[: arguments.top]:
        names = one_line(f"{pair.dx_name} -> {pair.order_name}")
        yield (
            f"{pair.importance:10.4f} {pair.mean_absolute:10.4f} {pair.mean:+10.4f} {pair.patients:9,} "
            f"{pair.occurrences:12,}  {names}"
        )
