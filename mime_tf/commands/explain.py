"""The command `explain`."""

import dataclasses
from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value, Values
from mime_tf.constraints import at_least
from mime_tf.errors import InputError, show
from mime_tf.terminal import environment, files, outputs, plotting
from mime_tf.terminal.console import Console

if TYPE_CHECKING:
    from mime_tf.data.cohort import Cohort
    from mime_tf.data.hierarchy import Hierarchy
    from mime_tf.data.vocabulary import Vocabulary
    from mime_tf.explain.explanation import Explanation
    from mime_tf.explain.pairs import CohortExplanation
    from mime_tf.runs.fitted_split import FittedSplit

EPILOG = """examples:
  mime-tf explain --model r0s0 --data data/hf --patient 17 --output patient_17.html
  mime-tf explain --model r0s0 --data data/hf --cohort --limit 1000 --output pairs.csv

A patient is given by id if the data have ids, in the column patient_id of Parquet or of a patients.csv beside the data;
otherwise by index, counted from 0. The numbers are log-odds, and tell how the model read the record."""


def parser(program: str) -> Parser:
    """Returns the command's parser."""
    text = "Tells by how much each visit, Dx-object and pair of a diagnosis and an order moved a score."
    parser = Parser(program, text, EPILOG)
    options.add_model(parser)
    options.add_data(parser, "; labels are not needed")
    options.add_unknown_codes(parser)
    subject = parser.add_mutually_exclusive_group(required=True)
    options.add(
        subject, "patient", Value(str), "patient to explain: an id, or an index if the data have no ids", metavar="ID"
    )
    options.add(subject, "row", Value(int), "index of the row to explain, counted from 0")
    subject.add_argument("--cohort", action="store_true", help="tell which pairs matter most among all patients")
    text = "add a patient's contributions up by families of codes, such as icd10-chapter,atc-2 (docs/hierarchies.md)"
    options.add(parser, "families", Values(str), text, metavar="LEVEL,...")
    cohort = parser.add_argument_group("with --cohort")
    options.add(cohort, "limit", Value(int, at_least(0)), "number of patients, drawn at random; 0 for all", 0)
    options.add_seed(cohort, "seed of the draw")
    options.add(cohort, "top", Value(int, at_least(1)), "number of pairs to print", 20)
    options.add_title(parser)
    text = "picture (.png) or page (.html) of a patient, or table of all pairs (.csv)"
    options.add_output(parser, "FILE", text, required=False)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    paths = () if arguments.output is None else (arguments.output,)
    with outputs.claimed(lambda: _check_output(arguments), *paths):
        _explain(arguments)


def _explain(arguments: Namespace) -> None:
    from mime_tf.commands import inputs
    from mime_tf.data.cohort import Cohort
    from mime_tf.runs.opening import fitted_split

    console = Console(period=5.0)
    model = fitted_split(arguments.model)
    if arguments.output is not None:
        inputs.check_apart([arguments.output], arguments.data, arguments.model)
    for note in model.notes:
        console.note(note)
    console.progress(f"reading {arguments.data}")
    cohort = Cohort.open(arguments.data, labelled=False)
    (_explain_cohort if arguments.cohort else _explain_patient)(arguments, model, cohort, console)


def _check_output(arguments: Namespace) -> None:
    """Raises InputError unless the results may be written."""
    if arguments.families and arguments.cohort:
        raise InputError("families: goes with a patient; found --cohort")
    if arguments.output is None:
        return
    endings = (".csv",) if arguments.cohort else (".png", ".html")
    if not arguments.output.endswith(endings):
        subject = "a table of pairs" if arguments.cohort else "a patient's explanation"
        raise InputError(f"output: found {show(arguments.output)}; {subject} needs a name in {' or '.join(endings)}")
    outputs.check_file(arguments.output, arguments.overwrite)
    if not arguments.cohort:
        plotting.require_matplotlib()


def _row(arguments: Namespace, cohort: "Cohort") -> int:
    """Returns the index of the row to explain."""
    last = len(cohort.store) - 1
    if arguments.row is not None:
        if not 0 <= arguments.row <= last:
            raise InputError(f"row: found {arguments.row}; {arguments.data} has the rows 0 to {last}")
        return arguments.row
    asked = arguments.patient
    if cohort.patient_ids is None:
        if not (asked.isascii() and asked.isdigit() and len(asked) < 19 and int(asked) <= last):
            raise InputError(
                f"patient: found {show(asked)}; {arguments.data} has no patient ids, so an index is needed, from 0 "
                f"to {last}"
            )
        return int(asked)
    rows = [row for row, name in enumerate(cohort.patient_ids.tolist()) if str(name) == asked]
    if not rows:
        raise InputError(
            f"patient: {arguments.data} has no patient_id {show(asked)}; ids are such as "
            f"{show(str(cohort.patient_ids[0]))}, and --row takes an index"
        )
    if len(rows) > 1:
        raise InputError(f"patient: {show(asked)} has {len(rows)} rows, {show(rows)}; --row takes one of them")
    return rows[0]


def _explain_patient(arguments: Namespace, model: "FittedSplit", cohort: "Cohort", console: Console) -> None:
    row = _row(arguments, cohort)
    model.check_codes(cohort)
    remarks: list[str] = []
    if arguments.unknown_codes == "ancestor":
        model, cohort, remarks = _by_ancestors(model, cohort, row)
    hierarchy, vocabulary = model.hierarchy or cohort.hierarchy, model.vocabulary or cohort.vocabulary
    if arguments.families and (hierarchy is None or vocabulary is None):
        raise InputError(
            f"families: {model.folder} needs a hierarchy.csv and a vocabulary.csv, or {arguments.data} does"
        )
    environment.import_tensorflow()
    from mime_tf.explain import lines, picture
    from mime_tf.explain.page import explanation_page
    from mime_tf.explain.patients import explain_patients

    console.progress("explaining")
    (explanation,) = explain_patients(model, cohort, [row], title=arguments.title)
    explanation = dataclasses.replace(explanation, remarks=(*remarks, *explanation.remarks))
    by_family = list(_family_lines(arguments.families, explanation, hierarchy, vocabulary))
    for line in [*(lines.printed(explanation) if arguments.output is None else ()), *by_family]:
        console.line(line)
    if arguments.output is None:
        return
    png = arguments.output.endswith(".png")
    content = picture.png(explanation) if png else explanation_page(explanation).encode()
    with files.publishing(), files.replacing(arguments.output) as file:
        file.write(content)
    console.line(f"{arguments.output}: {lines.title(explanation)}")


def _by_ancestors(
    model: "FittedSplit", cohort: "Cohort", row: int | None = None
) -> tuple["FittedSplit", "Cohort", list[str]]:
    """Returns the model and the cohort with ancestors in place of codes that the model does not know.

    The last of the three are lines that count the codes of a patient, none for all patients.
    """
    environment.import_tensorflow()
    from mime_tf.data.known_codes import count_codes
    from mime_tf.scoring.substitution import Substitution, shares

    substitution = Substitution.of(model, cohort)
    model, shown = substitution.fitted, substitution.apply(cohort)
    if row is None:
        return model, shown, []
    codes, dropped = count_codes(shown.store.select([row]), model.usable)
    by_ancestor = substitution.count(cohort.store.select([row]))
    counts = int(codes[0]), int(by_ancestor[0]), int(dropped[0])
    return model, shown, [f"Of this patient's {counts[0]:,} codes {shares(*counts)}."]


def _family_lines(
    levels: list[str] | None,
    explanation: "Explanation",
    hierarchy: "Hierarchy | None",
    vocabulary: "Vocabulary | None",
) -> Iterator[str]:
    """Yields the lines of the families that were asked for, none if none were."""
    from mime_tf.explain import families

    if levels and hierarchy is not None and vocabulary is not None:
        yield from families.printed(families.families(explanation, hierarchy, vocabulary, levels))


def _explain_cohort(arguments: Namespace, model: "FittedSplit", cohort: "Cohort", console: Console) -> None:
    model.check_codes(cohort)
    if arguments.unknown_codes == "ancestor":
        model, cohort, _ = _by_ancestors(model, cohort)
    environment.import_tensorflow()
    from mime_tf.explain import pairs

    effects = pairs.explain_cohort(model, cohort, arguments.limit, arguments.seed, progress=console.progress)
    if arguments.output:
        with files.publishing():
            files.write_table(arguments.output, pairs.COLUMNS, effects.table())
    for line in _pair_lines(arguments.top, effects):
        console.line(line)
    if arguments.output:
        console.line(f"{arguments.output}: {len(effects.pairs):,} pairs")


def _pair_lines(top: int, effects: "CohortExplanation") -> Iterator[str]:
    """Yields the table that is printed."""
    from mime_tf.pages.text import one_line

    yield (
        f"{len(effects.pairs):,} pairs of a diagnosis and an order in {len(effects.rows):,} patients; each patient's "
        f"contributions add up within {effects.gap:.4f}"
    )
    yield "importance   mean abs       mean  patients  occurrences  diagnosis -> order"
    for pair in effects.pairs[:top]:
        names = one_line(f"{pair.dx_name} -> {pair.order_name}")
        yield (
            f"{pair.importance:10.4f} {pair.mean_absolute:10.4f} {pair.mean:+10.4f} {pair.patients:9,} "
            f"{pair.occurrences:12,}  {names}"
        )
