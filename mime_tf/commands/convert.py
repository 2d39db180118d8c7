"""The command `convert`."""

import argparse
import dataclasses
import os

from mime_tf.ehr.linkage.terms import WITHOUT_REASON
from mime_tf.errors import InputError
from mime_tf.terminal.console import Console

EXAMPLE = """examples:
  python -m mime_tf convert --source synthea --input csv/ --output cohort/ --outcome 88805009
  python -m mime_tf convert --source synthea --input csv/ --output cohort/ --outcome 88805009 \\
      --design case_control --observation_days 540
  python -m mime_tf convert --source fhir --input bundles/ --output this_year/ --vocabulary cohort/vocabulary.csv
  python train.py cohort/cohort ./ ./out

Before you trust a cohort, read what is printed: how many orders found their diagnosis, the commonest links, and the
leakage audit. docs/convert.md explains it all."""

SOURCES = ("synthea", "fhir", "omop", "tables")
# Options that one source alone takes.
OWN = {"mapping": "tables", "relationship": "omop", "links": "omop"}


def add_parser(commands):
    """Adds the command to the subparsers `commands`."""
    parser = commands.add_parser(
        "convert",
        help="make a cohort of an EHR export",
        description="Makes a cohort of an EHR export: Synthea's CSV, FHIR R4, OMOP's tables, or any hospital's.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_files(parser.add_argument_group("what is read and written"))
    _add_links(parser.add_argument_group("orders, diagnoses and codes"))
    _add_design(parser.add_argument_group("who is in the cohort, and the label (docs/cohort_design.md)"))
    _add_engine(parser.add_argument_group("where the work is done"))
    parser.set_defaults(run=run)


def _add_files(group):
    group.add_argument("--source", required=True, choices=SOURCES, help="what kind of export it is")
    group.add_argument("--input", required=True, metavar="PATH", help="its folder; for fhir also a file")
    group.add_argument("--output", required=True, metavar="DIR", help="folder for the cohort, new or empty")
    group.add_argument("--overwrite", action="store_true", help="replace the cohort in the output folder")
    group.add_argument(
        "--on_error",
        choices=("stop", "skip"),
        default="stop",
        help="a bad file that can be done without: stop (default), or go on without it and say so",
    )
    group.add_argument("--strict", action="store_true", help="a reference to nowhere is an error, and not just counted")
    group.add_argument("--mapping", metavar="FILE", help="tables: the YAML that says what the columns are")
    group.add_argument(
        "--links",
        metavar="FILE",
        help="omop: CSV or Parquet of orders and their diagnoses, in place of FACT_RELATIONSHIP",
    )
    group.add_argument(
        "--relationship",
        type=int,
        nargs="+",
        metavar="ID",
        help="omop: relationship concepts to follow in FACT_RELATIONSHIP (default: all between order and diagnosis)",
    )


def _add_links(group):
    group.add_argument(
        "--unlinked",
        choices=WITHOUT_REASON,
        default="drop",
        help="orders without a reason: drop (default); null, to a reserved diagnosis; single, to the visit's only "
        "diagnosis; infer, to the diagnosis of the visit that the code is mostly linked to elsewhere",
    )
    group.add_argument(
        "--infer_share",
        type=float,
        default=0.5,
        metavar="S",
        help="least share of the code's links that infer needs (default: 0.5)",
    )
    group.add_argument(
        "--min_count",
        type=int,
        default=1,
        metavar="N",
        help="drop codes that the cohort has less than N times (default: 1)",
    )
    group.add_argument(
        "--vocabulary",
        metavar="FILE",
        help="vocabulary.csv of another cohort, whose codes and indices are used: its models then score this one",
    )
    group.add_argument(
        "--groups", metavar="FILE", help="CSV with the columns code and group: codes are replaced by their groups"
    )


def _add_design(group):
    group.add_argument(
        "--outcome", metavar="WHAT", help="diagnosis codes with commas between them, @file, regex:..., or death"
    )
    group.add_argument(
        "--labels",
        metavar="FILE",
        help="labels made elsewhere: subject_id, prediction_time, boolean_value, as MEDS has them; an outcome given as "
        "well is looked for by the audit",
    )
    group.add_argument(
        "--design",
        choices=("cohort", "case_control"),
        default="cohort",
        help="how patients and prediction times are chosen (default: cohort)",
    )
    group.add_argument(
        "--prediction_at", metavar="RULE", help="random (default), every, visit:N, date:YYYY-MM-DD or age:YEARS"
    )
    group.add_argument(
        "--observation_days",
        type=int,
        metavar="N",
        help="use visits of so many days before the prediction time (default: all)",
    )
    group.add_argument(
        "--gap_days",
        type=int,
        default=0,
        metavar="N",
        help="days before the prediction time that are not used; in case_control, from it to the outcome (default: 0)",
    )
    group.add_argument(
        "--horizon_days", type=int, metavar="N", help="label 1 if the outcome comes within so many days (default: 365)"
    )
    group.add_argument(
        "--censoring",
        choices=("exclude", "negative"),
        help="records that end before the horizon without the outcome (default: exclude)",
    )
    group.add_argument(
        "--min_visits", type=int, default=1, metavar="N", help="least number of visits to use (default: 1)"
    )
    group.add_argument("--age", metavar="A:B", help="completed years at the prediction time, such as 40:85")
    group.add_argument("--sex", help="as the source writes it, such as F")
    group.add_argument("--controls", type=int, metavar="K", help="case_control: controls a case (default: 10)")
    group.add_argument(
        "--match_age_years", type=float, metavar="Y", help="case_control: how far apart ages may be (default: 2)"
    )
    group.add_argument(
        "--match_visits",
        type=float,
        metavar="S",
        help="case_control: how far apart the numbers of visits may be, as a share (default: 0.2)",
    )
    group.add_argument("--seed", type=int, default=0, help="of what is drawn (default: 0)")


def _add_engine(group):
    group.add_argument(
        "--engine",
        choices=("duckdb", "spark"),
        default="duckdb",
        help="duckdb, in this process (default), or spark; both give the same cohort",
    )
    group.add_argument("--master", help="spark: its master, such as local[4] or spark://host:7077")
    group.add_argument(
        "--memory",
        default="2GB",
        help="duckdb: what it holds in memory before it uses the scratch folder (default: 2GB)",
    )
    group.add_argument(
        "--scratch",
        metavar="DIR",
        help="where the scratch folder is made; for a cluster, a folder that all machines share",
    )
    group.add_argument(
        "--processes", type=int, metavar="N", help="fhir: processes that read files (default: one a core)"
    )


def run(arguments):
    """Runs the command."""
    console = Console(period=5.0)
    rules = _rules(arguments)
    _check(arguments)
    from mime_tf.ehr import engine

    engine.require(arguments.engine)
    from mime_tf.ehr import conversion
    from mime_tf.ehr.encode import output

    output.check(arguments.output, arguments.overwrite)
    request = _request(arguments, rules)
    with engine.opened(arguments.engine, arguments.master, arguments.scratch, arguments.memory) as place:
        export = _read(place, arguments, console.progress)
        made = conversion.convert(place, export, arguments.input, request, console.progress)
    console.progress(f"writing {arguments.output}")
    written = output.write(arguments.output, made, _what_was_run(arguments, rules))
    for line in _lines(arguments, made, written):
        console.line(line)
    for note in made.notes:
        console.note(f"note: {note}")


def _rules(arguments):
    from mime_tf.ehr.design.rules import Rules

    target = "labels" if arguments.labels is not None else "outcome" if arguments.outcome is not None else "none"
    names = {field.name for field in dataclasses.fields(Rules)} - {"target"}
    return Rules(target=target, **{name: getattr(arguments, name) for name in names})


def _check(arguments):
    """Raises InputError for options that do not go together."""
    for name, source in OWN.items():
        if getattr(arguments, name) is not None and arguments.source != source:
            raise InputError(f"{name}: goes with source {source} only; found source {arguments.source}")
    if arguments.source == "tables" and arguments.mapping is None:
        raise InputError("mapping: source tables needs one, a YAML that says what the columns are; see docs/tables.md")
    if arguments.master is not None and arguments.engine != "spark":
        raise InputError("master: goes with engine spark only")
    if arguments.processes is not None and arguments.processes < 1:
        raise InputError(f"processes: found {arguments.processes}; must be at least 1")
    if not os.path.exists(arguments.input):
        raise InputError(f"{arguments.input}: is not there; must be an export of source {arguments.source}")


def _request(arguments, rules):
    """Reads what the user brings beside the export."""
    from mime_tf.data.vocabulary import Vocabulary
    from mime_tf.ehr import code_groups
    from mime_tf.ehr.design import label_file
    from mime_tf.ehr.design.outcome import Outcome
    from mime_tf.ehr.request import Request

    return Request(
        rules=rules,
        outcome=None if arguments.outcome is None else Outcome.parse(arguments.outcome),
        labels=None if arguments.labels is None else label_file.read(arguments.labels),
        unlinked=arguments.unlinked,
        infer_share=arguments.infer_share,
        min_count=arguments.min_count,
        vocabulary=Vocabulary.read(arguments.vocabulary) if arguments.vocabulary else None,
        groups=code_groups.read(arguments.groups) if arguments.groups else None,
        strict=arguments.strict,
    )


def _read(place, arguments, progress):
    """Reads the export, with the module that is named as its source."""
    common = {"on_error": arguments.on_error, "progress": progress}
    if arguments.source == "synthea":
        from mime_tf.ehr.sources import synthea

        return synthea.read(place, arguments.input, **common)
    if arguments.source == "fhir":
        from mime_tf.ehr.sources.fhir import read

        return read.read(place, arguments.input, processes=arguments.processes, **common)
    if arguments.source == "omop":
        from mime_tf.ehr.sources.omop import read

        return read.read(place, arguments.input, relationships=arguments.relationship, links=arguments.links, **common)
    from mime_tf.ehr.sources import tables

    return tables.read(place, arguments.input, arguments.mapping, **common)


def _what_was_run(arguments, rules):
    """The first part of convert.json."""
    import importlib.metadata

    import mime_tf

    names = ("source", "input", "outcome", "labels", "unlinked", "infer_share", "min_count", "vocabulary", "groups")
    own = ("mapping", "links", "relationship", "on_error", "strict", "engine")
    packages = ("ibis-framework", "duckdb" if arguments.engine == "duckdb" else "pyspark", "pyarrow", "numpy")
    return {
        "arguments": {name: getattr(arguments, name) for name in (*names, *own)},
        "rules": dataclasses.asdict(rules),
        "versions": {"mime-tf": mime_tf.__version__} | {name: importlib.metadata.version(name) for name in packages},
    }


def _lines(arguments, made, written):
    """Yields what is printed."""
    from mime_tf.ehr.design.candidates import flow_table
    from mime_tf.ehr.encode import audit
    from mime_tf.ehr.linkage import report

    yield f"{arguments.source} export {arguments.input}"
    yield ""
    yield from report.lines(made.linkage)
    yield ""
    yield from flow_table(made.flow)
    yield ""
    yield from audit.lines(made.audit)
    yield ""
    rows, codes = len(made.store), made.vocabulary.rows
    ones = "" if made.labels is None else f", {made.labels.sum():,} of label 1 ({made.labels.mean():.2%})"
    used = [row["kind"] for row in codes if row["count"] != "0"]
    sizes = ", ".join(f"{used.count(kind):,} {kind}" for kind in ("dx", "rx", "pr"))
    visits, dxobjects = len(made.store.dxobjs) - 1, len(made.store.dx)
    yield f"{rows:,} rows{ones}; {visits:,} visits, {dxobjects:,} Dx-objects; codes: {sizes}"
    yield f"{arguments.output}: {', '.join(written)} written"
