"""The command `simulate`."""

import argparse
import dataclasses
import os

from mime_tf.simulate import files
from mime_tf.simulate.parameters import Parameters
from mime_tf.simulate.simulation import simulate
from mime_tf.terminal.console import Console

EXAMPLE = """example:
  python -m mime_tf simulate --patients 4000 --output links/cohort --pair_effect 1 --mean_visits 5
  python train.py links/cohort links/ links/log

The first line writes links/cohort.seqs and .labels, the truth in links/cohort_truth.json and links/cohort_truth.csv,
and links/vocabulary.csv. With --pair_effect 1 all risk is in which order was made because of which diagnosis: a model
that reads the codes of each visit and not the links has an AUC of 0.5. With 0 the links carry nothing. The truth
holds the AUC that is the best possible with and without links. docs/simulate.md explains it all."""


def add_parser(commands):
    """Adds the command to the subparsers `commands`."""
    default = {field.name: field.default for field in dataclasses.fields(Parameters)}
    parser = commands.add_parser(
        "simulate",
        help="make a cohort whose risk is known, in part from links alone",
        description="Simulates linked patients and an outcome, whose risk comes in a chosen share from pairs of a\n"
        "diagnosis and an order made because of it. Writes the cohort and the truth about it.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )

    def add(group, name, what):
        kind = float if isinstance(default[name], float) else int
        group.add_argument(f"--{name}", type=kind, default=default[name], help=f"{what} (default: {default[name]})")

    parser.add_argument("--patients", type=int, required=True, metavar="N", help="number of patients")
    parser.add_argument(
        "--output", required=True, metavar="PREFIX", help="prefix of .seqs and .labels, or a name that ends in .parquet"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    add(parser, "seed", "the same seed gives the same bytes")
    risk = parser.add_argument_group("risk")
    add(
        risk,
        "pair_effect",
        "share of the logit's variance that only links show, from 0 to 1; single codes have the rest",
    )
    add(risk, "effect", "standard deviation of the logit of the risk")
    add(risk, "prevalence", "mean risk")
    shape = parser.add_argument_group("shape")
    add(shape, "mean_visits", "visits of a patient, on average; at least 3")
    for name, what in (("num_dx", "diagnosis"), ("num_rx", "medication"), ("num_pr", "procedure")):
        add(shape, name, f"{what} codes")
    parser.set_defaults(run=run)


def run(arguments):
    """Runs the command."""
    values = vars(arguments)
    names = [field.name for field in dataclasses.fields(Parameters)]
    parameters = Parameters(**{name: values[name] for name in names})
    files.check_output(arguments.output, parameters.world(), arguments.overwrite)
    os.makedirs(os.path.dirname(arguments.output) or ".", exist_ok=True)
    console = Console(period=5.0)
    cohort = simulate(**dataclasses.asdict(parameters), progress=console.progress)
    console.progress("writing")
    paths = files.write(cohort, arguments.output, arguments.overwrite)
    for line in _summary(cohort.truth()):
        console.line(line)
    console.line(f"written: {', '.join(paths)}")


def _summary(truth):
    """Yields what the user is told of a cohort."""
    visits, dxobjects = truth["visits"], truth["dxobjects"]
    yield f"patients: {truth['patients']:,}, with {visits / truth['patients']:.2f} visits each"
    orders = f"{truth['medications'] / dxobjects:.2f} medications and {truth['procedures'] / dxobjects:.2f} procedures"
    yield f"visits: {visits:,}, with {dxobjects / visits:.2f} Dx-objects each; a Dx-object has {orders}"
    yield f"prevalence: {truth['prevalence']:.4f}"
    yield (
        f"Bayes AUC: {truth['bayes_auc']:.4f} of the true risk, {truth['bayes_auc_with_links']:.4f} of what the "
        f"records show of it, {truth['bayes_auc_without_links']:.4f} of what they show without links"
    )
