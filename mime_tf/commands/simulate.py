"""The command `simulate`."""

import dataclasses
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value
from mime_tf.terminal import outputs
from mime_tf.terminal.console import Console
from mime_tf.terminal.files import publishing

EPILOG = """example:
  mime-tf simulate --patients 4000 --output links/cohort --pair_effect 1 --mean_visits 5
  mime-tf train links/cohort links/ links/log

The first line writes links/cohort.seqs and .labels, the truth in links/cohort_truth.json and links/cohort_truth.csv,
and links/vocabulary.csv. With --pair_effect 1 all risk comes from which order was made because of which diagnosis: a
model that reads the codes of each visit and not the links has an AUC of 0.5. With 0 the links carry nothing. The truth
holds the best possible AUC with and without links. docs/simulate.md explains it all."""

RISK = {
    "pair_effect": "share of the logit's variance that only links show, from 0 to 1; single codes have the rest",
    "effect": "standard deviation of the logit of the risk",
    "prevalence": "mean risk",
}
SHAPE = {
    "mean_visits": "mean number of visits per patient; at least 3",
    "num_dx": "number of diagnosis codes",
    "num_rx": "number of medication codes",
    "num_pr": "number of procedure codes",
}


def parser(program: str) -> Parser:
    """Returns the command's parser; `mime_tf.simulate.parameters.Parameters` checks the values."""
    from mime_tf.simulate.parameters import Parameters

    text = (
        "Simulates linked patients and an outcome, whose risk comes in a chosen share from pairs of a diagnosis and an "
        "order made because of it. Writes the cohort and the truth about it."
    )
    parser = Parser(program, text, EPILOG)
    options.add(parser, "patients", Value(int), "number of patients", required=True)
    options.add_output(parser, "PREFIX", "prefix of .seqs and .labels, or a name that ends in .parquet")
    options.add(parser, "seed", Value(int), "seed; the same one gives the same bytes", Parameters.seed)
    for title, described in (("risk", RISK), ("shape", SHAPE)):
        group = parser.add_argument_group(title)
        for name, text in described.items():
            default = getattr(Parameters, name)
            options.add(group, name, Value(type(default)), text, default)
    return parser


def run(arguments: Namespace) -> None:
    """Runs the command."""
    from mime_tf.simulate import files
    from mime_tf.simulate.parameters import Parameters
    from mime_tf.simulate.simulation import simulate

    values = vars(arguments)
    names = [field.name for field in dataclasses.fields(Parameters)]
    parameters = Parameters(**{name: values[name] for name in names})
    console, output, overwrite = Console(period=5.0), arguments.output, arguments.overwrite
    world = parameters.world()
    with outputs.claimed(lambda: files.check_output(output, world, overwrite), files.Paths.of(output).truth_json):
        cohort = simulate(**dataclasses.asdict(parameters), progress=console.progress)
        console.progress("writing")
        with publishing():
            paths = files.write(cohort, output, overwrite)
    for line in _summary(cohort.truth()):
        console.line(line)
    console.line(f"written: {', '.join(paths)}")


def _summary(truth: dict[str, Any]) -> Iterator[str]:
    """Yields the lines that are printed about a cohort."""
    visits, dxobjects = truth["visits"], truth["dxobjects"]
    yield f"patients: {truth['patients']:,}, with {visits / truth['patients']:.2f} visits each"
    orders = f"{truth['medications'] / dxobjects:.2f} medications and {truth['procedures'] / dxobjects:.2f} procedures"
    yield f"visits: {visits:,}, with {dxobjects / visits:.2f} Dx-objects each; a Dx-object has {orders}"
    yield f"prevalence: {truth['prevalence']:.4f}"
    yield (
        f"Bayes AUC: {truth['bayes_auc']:.4f} of the true risk, {truth['bayes_auc_with_links']:.4f} of what the "
        f"records show of it, {truth['bayes_auc_without_links']:.4f} of what they show without links"
    )
