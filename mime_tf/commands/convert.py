"""The command `convert`."""

import dataclasses
import os
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from mime_tf.commands import options
from mime_tf.commands.options import Group, Parser, Value, Values, choice
from mime_tf.constraints import at_least, one_of
from mime_tf.errors import InputError
from mime_tf.terminal import outputs
from mime_tf.terminal.console import Console

EPILOG = """examples:
  mime-tf convert --source synthea --input csv/ --output cohort/ --outcome 88805009
  mime-tf convert --source synthea --input csv/ --output cohort/ --outcome 88805009 \\
      --design case_control --observation_days 540
  mime-tf convert --source fhir --input bundles/ --output this_year/ --vocabulary cohort/vocabulary.csv
  mime-tf train cohort/cohort ./ ./out

Before you trust a cohort, read the lines that are printed: how many orders found their diagnosis, the commonest links,
and the leakage audit. docs/convert.md explains it all."""

SOURCES = ("synthea", "fhir", "omop", "tables")
# Options that one source alone takes.
OWN = {"mapping": "tables", "relationship": "omop", "links": "omop"}


def parser(program: str) -> Parser:
    """Returns the command's parser; `mime_tf.ehr.design.rules.Rules` checks the values of the design."""
    text = "Makes a cohort of an EHR export: Synthea's CSV, FHIR R4, OMOP's tables, or any hospital's."
    parser = Parser(program, text, EPILOG)
    _add_files(parser.add_argument_group("input and output"))
    _add_links(parser.add_argument_group("orders, diagnoses and codes"))
    _add_hierarchy(parser.add_argument_group("ancestors of codes (docs/hierarchies.md)"))
    _add_design(parser.add_argument_group("patients of the cohort, and the label (docs/cohort_design.md)"))
    _add_engine(parser.add_argument_group("engine"))
    return parser


def _add_files(group: Group) -> None:
    add = options.add
    add(group, "source", choice(SOURCES), "kind of export", required=True)
    text = "folder of the export; for fhir also a file"
    add(group, "input", Value(str), text, metavar="PATH", required=True)
    options.add_output(group, "DIR", "folder for the cohort, new or empty", "replace a cohort in the output folder")
    text = "a bad file that can be done without: stop, or go on without it and say so"
    add(group, "on_error", choice(("stop", "skip")), text, "stop")
    text = "make references to nowhere, and events of another patient than their visit, an error; else they are counted"
    group.add_argument("--strict", action="store_true", help=text)
    text = "tables: the YAML that names the columns"
    add(group, "mapping", Value(str), text, metavar="FILE")
    text = "omop: CSV or Parquet of orders and their diagnoses, in place of FACT_RELATIONSHIP"
    add(group, "links", Value(str), text, metavar="FILE")
    text = "omop: relationship concepts to follow in FACT_RELATIONSHIP (default: all between order and diagnosis)"
    add(group, "relationship", Values(int), text, metavar="ID,...")


def _add_links(group: Group) -> None:
    from mime_tf.ehr.linkage.terms import WITHOUT_REASON

    add = options.add
    text = (
        "orders without a reason: drop; null, to a reserved diagnosis; single, to the visit's only diagnosis; infer, "
        "to the diagnosis of the visit that the code is mostly linked to elsewhere"
    )
    add(group, "unlinked", choice(WITHOUT_REASON), text, "drop")
    text = "least share of the code's links that infer needs"
    add(group, "infer_share", Value(float), text, 0.5, metavar="S")
    add(group, "min_count", Value(int), "drop codes that the cohort has less than N times", 1)
    text = "vocabulary.csv of another cohort, whose codes and indices are used: its models then score this one"
    add(group, "vocabulary", Value(str), text, metavar="FILE")
    text = "codes that the vocabulary lacks: drop, or keep for models that score them as an ancestor (predict)"
    add(group, "unknown_codes", choice(("drop", "keep")), text, "drop")
    text = "CSV with the columns code and group: codes are replaced by their groups"
    add(group, "groups", Value(str), text, metavar="FILE")


def _add_hierarchy(group: Group) -> None:
    from mime_tf.ehr.hierarchies.terms import MISSING, RULES

    add = options.add
    text = "CSV or Parquet with the columns code_system, code, ancestor_system, ancestor, and perhaps name"
    add(group, "hierarchy", Values(str), text, metavar="FILE,...")
    text = "code systems whose ancestors are told by the beginning of a code; none for no such rule"
    add(group, "hierarchy_rules", Values(str, one_of((*RULES, "none"))), text, ",".join(RULES), metavar="RULE,...")
    text = "levels of ancestors to keep, such as icd10-category or 'RxNorm Ingredient' (default: all)"
    add(group, "ancestor_levels", Values(str), text, metavar="LEVEL,...")
    text = "leave out ancestors more than N steps away (default: none)"
    add(group, "ancestor_steps", Value(int, at_least(1)), text)
    text = "replace codes by their ancestors, such as dx=icd10-category,rx=atc-4"
    add(group, "roll_up", Value(str), text, metavar="KIND=LEVEL,...")
    add(group, "roll_up_missing", choice(MISSING), "codes without such an ancestor", "stay")


def _add_design(group: Group) -> None:
    add, text, number = options.add, Value(str), Value(int)
    outcome = "diagnosis codes with commas between them, @file, regex:..., or death"
    add(group, "outcome", text, outcome, metavar="CODES")
    labels = (
        "labels made elsewhere: subject_id, prediction_time, boolean_value, as MEDS has them; the audit looks for an "
        "outcome that is given as well"
    )
    add(group, "labels", text, labels, metavar="FILE")
    add(group, "design", choice(("cohort", "case_control")), "how patients and prediction times are chosen", "cohort")
    rule = "random (default), every, visit:N, date:YYYY-MM-DD or age:YEARS"
    add(group, "prediction_at", text, rule, metavar="RULE")
    add(group, "observation_days", number, "use visits of so many days before the prediction time (default: all)")
    gap = "days before the prediction time that are not used; in case_control, from it to the outcome"
    add(group, "gap_days", number, gap, 0)
    add(group, "horizon_days", number, "label 1 if the outcome comes within so many days (default: 365)")
    censoring = "records that end before the horizon without the outcome (default: exclude)"
    add(group, "censoring", choice(("exclude", "negative")), censoring)
    add(group, "min_visits", number, "least number of visits to use", 1)
    add(group, "age", text, "completed years at the prediction time, such as 40:85", metavar="A:B")
    add(group, "sex", text, "sex of the patients, as the source writes it, such as F")
    add(group, "controls", number, "case_control: number of controls per case (default: 10)")
    ages = "case_control: largest difference between the ages of a case and a control (default: 2)"
    add(group, "match_age_years", Value(float), ages, metavar="Y")
    visits = "case_control: largest difference between their numbers of visits, as a share (default: 0.2)"
    add(group, "match_visits", Value(float), visits, metavar="S")
    add(group, "seed", number, "seed of all random choices", 0)


def _add_engine(group: Group) -> None:
    add = options.add
    text = "duckdb, in this process, or spark; both give the same cohort"
    add(group, "engine", choice(("duckdb", "spark")), text, "duckdb")
    add(group, "master", Value(str), "spark: its master, such as local[4] or spark://host:7077", metavar="URL")
    text = "duckdb: size of the tables in memory before it uses the scratch folder"
    add(group, "memory", Value(str), text, "2GB", metavar="SIZE")
    text = "parent of the scratch folder; for a cluster, a folder that all machines share"
    add(group, "scratch", Value(str), text, metavar="DIR")
    text = "fhir: number of processes that read files (default: one per core)"
    add(group, "processes", Value(int, at_least(1)), text)


def run(arguments: Namespace) -> None:
    """Runs the command."""
    console = Console(period=5.0)
    rules = _rules(arguments)
    _check(arguments)
    from mime_tf.ehr import engine

    engine.require(arguments.engine)
    from mime_tf.ehr.encode import output

    path = os.path.join(arguments.output, output.LAST)
    with outputs.claimed(lambda: output.check(arguments.output, arguments.overwrite), path):
        outputs.check_apart([os.path.join(arguments.output, name) for name in output.FILES], _read_files(arguments))
        _convert(arguments, rules, console)


def _read_files(arguments: Namespace) -> list[str]:
    """Returns the files of the input, and those beside it."""
    values = (arguments.input, arguments.mapping, arguments.links, arguments.labels, arguments.vocabulary)
    outcome = arguments.outcome or ""
    paths = [*values, arguments.groups, *(arguments.hierarchy or ()), outcome[1:] if outcome.startswith("@") else None]
    given = [path for path in paths if path is not None]
    return given + [entry.path for path in given if os.path.isdir(path) for entry in os.scandir(path)]


def _convert(arguments: Namespace, rules: Any, console: Console) -> None:
    from mime_tf.ehr import conversion, engine
    from mime_tf.ehr.encode import output

    request = _request(arguments, rules)
    with engine.opened(arguments.engine, arguments.master, arguments.scratch, arguments.memory) as opened:
        export = _read(opened, arguments, console.progress)
        converted = conversion.convert(opened, export, arguments.input, request, console.progress)
    console.progress(f"writing {arguments.output}")
    written = output.write(arguments.output, converted, _account(arguments, rules))
    for line in _lines(arguments, converted, written):
        console.line(line)
    for note in converted.notes:
        console.note(f"note: {note}")


def _rules(arguments: Namespace) -> Any:
    from mime_tf.ehr.design.rules import Rules

    target = "labels" if arguments.labels is not None else "outcome" if arguments.outcome is not None else "none"
    names = {field.name for field in dataclasses.fields(Rules)} - {"target"}
    return Rules(target=target, **{name: getattr(arguments, name) for name in names})


def _check(arguments: Namespace) -> None:
    """Raises InputError for options that do not go together."""
    for name, source in OWN.items():
        if getattr(arguments, name) is not None and arguments.source != source:
            raise InputError(f"{name}: goes with source {source} only; found source {arguments.source}")
    if arguments.source == "tables" and arguments.mapping is None:
        raise InputError("mapping: source tables needs one, a YAML that names the columns; see docs/tables.md")
    if arguments.master is not None and arguments.engine != "spark":
        raise InputError("master: goes with engine spark only")
    if not os.path.exists(arguments.input):
        raise InputError(f"{arguments.input}: is not there; must be an export of source {arguments.source}")


def _request(arguments: Namespace, rules: Any) -> Any:
    """Reads the files that the user brings beside the export."""
    from mime_tf.data.vocabulary import Vocabulary
    from mime_tf.ehr import code_groups
    from mime_tf.ehr.design import label_file
    from mime_tf.ehr.design.outcome import Outcome
    from mime_tf.ehr.hierarchies import roll_up
    from mime_tf.ehr.hierarchies.build import Choice
    from mime_tf.ehr.request import Request

    return Request(
        rules=rules,
        outcome=None if arguments.outcome is None else Outcome.parse(arguments.outcome),
        labels=None if arguments.labels is None else label_file.read(arguments.labels),
        unlinked=arguments.unlinked,
        infer_share=arguments.infer_share,
        min_count=arguments.min_count,
        vocabulary=Vocabulary.read(arguments.vocabulary) if arguments.vocabulary else None,
        keep_unknown=arguments.unknown_codes == "keep",
        groups=code_groups.read(arguments.groups) if arguments.groups else None,
        hierarchies=tuple(arguments.hierarchy or ()),
        ancestors=Choice(
            rules=_rules_of_codes(arguments.hierarchy_rules),
            kept=None if arguments.ancestor_levels is None else tuple(arguments.ancestor_levels),
            most_steps=arguments.ancestor_steps,
        ),
        roll_up=roll_up.parse(arguments.roll_up) if arguments.roll_up else {},
        roll_up_missing=arguments.roll_up_missing,
        strict=arguments.strict,
        skip=arguments.on_error == "skip",
    )


def _rules_of_codes(names: list[str]) -> tuple[str, ...]:
    if "none" in names and len(names) > 1:
        raise InputError(f"hierarchy_rules: found {','.join(names)}; none stands alone")
    return () if names == ["none"] else tuple(names)


def _read(engine: Any, arguments: Namespace, progress: Any) -> Any:
    """Reads the export, with the module that bears the name of its source."""
    common = {"on_error": arguments.on_error, "progress": progress}
    if arguments.source == "synthea":
        from mime_tf.ehr.sources import synthea

        return synthea.read(engine, arguments.input, **common)
    if arguments.source == "fhir":
        from mime_tf.ehr.sources.fhir import read as fhir

        return fhir.read(engine, arguments.input, processes=arguments.processes, **common)
    if arguments.source == "omop":
        from mime_tf.ehr.sources.omop import read as omop

        return omop.read(engine, arguments.input, relationships=arguments.relationship, links=arguments.links, **common)
    from mime_tf.ehr.sources import tables

    return tables.read(engine, arguments.input, arguments.mapping, **common)


def _account(arguments: Namespace, rules: Any) -> dict[str, Any]:
    """Returns the first part of convert.json: the arguments, and the versions."""
    import importlib.metadata

    import mime_tf

    names = (
        *("source", "input", "outcome", "labels", "unlinked", "infer_share", "min_count", "vocabulary", "groups"),
        *("unknown_codes", "hierarchy", "hierarchy_rules", "ancestor_levels", "ancestor_steps"),
        *("roll_up", "roll_up_missing"),
    )
    own = ("mapping", "links", "relationship", "on_error", "strict", "engine")
    packages = ("ibis-framework", "duckdb" if arguments.engine == "duckdb" else "pyspark", "pyarrow", "numpy")
    return {
        "arguments": {name: getattr(arguments, name) for name in (*names, *own)},
        "rules": dataclasses.asdict(rules),
        "versions": {"mime-tf": mime_tf.__version__} | {name: importlib.metadata.version(name) for name in packages},
    }


def _lines(arguments: Namespace, converted: Any, written: list[str]) -> Iterator[str]:
    """Yields the lines that are printed."""
    from mime_tf.ehr.design.candidates import flow_table
    from mime_tf.ehr.encode import audit
    from mime_tf.ehr.hierarchies import account
    from mime_tf.ehr.linkage import report

    yield f"{arguments.source} export {arguments.input}"
    yield ""
    yield from report.lines(converted.linkage)
    yield ""
    if above := list(account.lines(converted.linkage["hierarchy"])):
        yield from [*above, ""]
    yield from flow_table(converted.flow)
    yield ""
    yield from audit.lines(converted.audit)
    yield ""
    rows, codes = len(converted.store), converted.vocabulary.rows
    ones = (
        "" if converted.labels is None else f", {converted.labels.sum():,} of label 1 ({converted.labels.mean():.2%})"
    )
    used = [row["kind"] for row in codes if row["count"] != "0"]
    sizes = ", ".join(f"{used.count(kind):,} {kind}" for kind in ("dx", "rx", "pr"))
    visits, dxobjects = len(converted.store.dxobjs) - 1, len(converted.store.dx)
    yield f"{rows:,} rows{ones}; {visits:,} visits, {dxobjects:,} Dx-objects; codes: {sizes}"
    yield f"{arguments.output}: {', '.join(written)} written"
