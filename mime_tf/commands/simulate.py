"""The command `simulate`."""

import dataclasses
import math
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

from mime_tf.commands import options
from mime_tf.commands.options import Parser, Value
from mime_tf.terminal import outputs
from mime_tf.terminal.console import Console
from mime_tf.terminal.files import publishing

EPILOG = """modes, each with where the risk lies:
{modes}

example:
  mime-tf simulate --patients 4000 --output links/cohort --pair_effect 1 --mean_visits 5
  mime-tf train links/cohort links/ links/log
  mime-tf simulate --patients 10000 --output families/cohort.parquet --mode related --informative_links

The first line writes links/cohort.seqs and .labels, the truth in links/cohort_truth.json and links/cohort_truth.csv,
and links/vocabulary.csv. With --pair_effect 1 all risk comes from which order was made because of which diagnosis: a
model that reads the codes of each visit and not the links has an AUC of 0.5. With 0 the links carry nothing. The truth
holds the best possible AUC with and without links. The last line writes families/hierarchy.csv too, with the family of
each code. All modes but related give the same patients for a seed, with other labels. docs/simulate.md explains it
all."""

RISK = {
    "pair_effect": "share of the logit's variance that links have, from 0 to 1, in modes additive and related; single "
    "codes have the rest",
    "effect": "standard deviation of the logit of the risk",
    "prevalence": "mean risk",
}
RELATED = {
    "informative_links": "let the families of diagnoses decide which families of medications are ordered",
    "finer_level": "give hierarchy.csv a finer level that means nothing: level 1 groups of 3 codes or so, level 2 "
    "families",
}
SHAPE = {"num_dx": "diagnosis", "num_rx": "medication", "num_pr": "procedure"}


def parser(program: str) -> Parser:
    """Returns the command's parser; `mime_tf.simulate.parameters.Parameters` checks the values."""
    from mime_tf.simulate.parameters import MODES, RELATED_SIZES, SIZES, Parameters

    text = (
        "Simulates linked patients and an outcome whose risk is known: by default it comes in a chosen share from "
        "pairs of a diagnosis and an order made because of it. Writes the cohort and the truth about it."
    )
    modes = "\n".join(f"  {name:12} {origin}" for name, origin in MODES.items())
    parser = Parser(program, text, EPILOG.format(modes=modes))
    options.add(parser, "patients", Value(int), "number of patients", required=True)
    options.add_output(parser, "PREFIX", "prefix of .seqs and .labels, or a name that ends in .parquet")
    options.add(parser, "seed", Value(int), "seed; the same one gives the same bytes", Parameters.seed)
    group = parser.add_argument_group("risk")
    options.add(group, "mode", options.choice(tuple(MODES)), "how risk arises; see below", Parameters.mode)
    for name, text in RISK.items():
        options.add(group, name, Value(float), text, getattr(Parameters, name))
    group = parser.add_argument_group("mode related")
    for name, text in RELATED.items():
        group.add_argument(f"--{name}", action="store_true", help=text)
    text = (
        "write the last fifth of the patients as PREFIX_later, in which this share of the codes has other names; their "
        "families are known (default: one cohort of all patients)"
    )
    options.add(group, "renamed", Value(float), text, metavar="SHARE")
    group = parser.add_argument_group("shape")
    text = "mean number of visits per patient; at least 3"
    options.add(group, "mean_visits", Value(float), text, Parameters.mean_visits)
    for name, kind in SHAPE.items():
        text = f"number of {kind} codes (default: {SIZES[name]}; in mode related {RELATED_SIZES[name]})"
        options.add(group, name, Value(int), text)
    text = "share of the orders that lose the link to their diagnosis, and go to one that says that no reason is given"
    options.add(group, "unlinked", Value(float), text, Parameters.unlinked)
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
    with outputs.claimed(lambda: files.check_output(output, parameters, overwrite), files.Paths.of(output).truth_json):
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
    if "unlinked_orders" in truth:
        yield f"unlinked: {truth['unlinked_orders']:,} of {truth['medications'] + truth['procedures']:,} orders"
    yield f"prevalence: {truth['prevalence']:.4f}"
    with_links, without = (_auc(truth[f"bayes_auc_{name}_links"]) for name in ("with", "without"))
    yield (
        f"Bayes AUC: {truth['bayes_auc']:.4f} of the true risk, {with_links} of what the "
        f"records show of it, {without} of what they show without links"
    )


def _auc(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:.4f}"
