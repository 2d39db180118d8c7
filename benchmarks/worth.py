"""What a model is worth: test AUC of several models on simulated cohorts with a known ceiling. See --help."""

import dataclasses
import pathlib
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that `python benchmarks/worth.py` works from a clone that is not installed

from mime_tf.assess.bootstrap import Bootstrap  # noqa: E402
from mime_tf.assess.comparison import compare  # noqa: E402
from mime_tf.assess.scores import Scores  # noqa: E402
from mime_tf.commands import options  # noqa: E402
from mime_tf.commands.options import Parser, Value, Values  # noqa: E402
from mime_tf.constraints import one_of  # noqa: E402
from mime_tf.data.cohort import Cohort  # noqa: E402
from mime_tf.data.hierarchy import Hierarchy  # noqa: E402
from mime_tf.data.store import CODE_KINDS  # noqa: E402
from mime_tf.errors import InputError  # noqa: E402
from mime_tf.simulate.files import Paths, write  # noqa: E402
from mime_tf.simulate.parameters import MODES, WITH_PAIRS, Parameters  # noqa: E402
from mime_tf.simulate.simulation import simulate  # noqa: E402
from mime_tf.terminal import environment, files, status  # noqa: E402
from mime_tf.terminal.console import Console  # noqa: E402

HELP = """Simulates a cohort for each mode, pair effect and size, fits every arm to the same splits (70% train, 10%
valid, 20% test), and prints a table of test AUC: the mean over the splits, and the first arm's mean less each other
arm's, with 95% intervals of a paired bootstrap of the patients. The ceiling is the AUC of the true risk on the same
test patients. Writes DIR/worth.json after each cohort.

With --hierarchy, cohorts of the mode related have the families of their codes beside them: as they are given, with a
finer level that means nothing, or shuffled: those of other codes of the kind, drawn by chance."""
EPILOG = """examples:
  python benchmarks/worth.py --mode additive --patients 300 --split_seeds 0 --num_iter 100   checks that it works
  python benchmarks/worth.py --mode additive,related --pair_effect 0,0.5,1 --patients 2000,10000
  python benchmarks/worth.py --mode related --informative_links --arms mime,pairs --patients 5000
  python benchmarks/worth.py --mode related --hierarchy given,shuffled --arms recipe,recipe_alone,pairs_ancestors"""
HIERARCHIES = ("none", "given", "finer", "shuffled")
COLUMNS = ("mode", "pair effect", "patients", "arm", "AUC", "first arm less this one", "ceiling")


def parser():
    """Returns the parser of the command line."""
    from benchmarks.arms import ARMS, FAITHFUL, USUAL

    parser = Parser("worth.py", HELP, EPILOG)
    options.add(parser, "mode", Values(str, one_of(tuple(MODES))), "modes of mime-tf simulate", ["additive"])
    options.add(parser, "pair_effect", Values(float), "pair effects, for modes with pairs", [0.5])
    options.add(parser, "patients", Values(int), "sizes of the cohorts", [10_000])
    options.add(parser, "seed", Value(int), "seed of the cohorts", 0)
    text = "let links carry information in the mode related"
    parser.add_argument("--informative_links", action="store_true", help=text)
    options.add(parser, "unlinked", Value(float), "share of the orders that lose their link", 0.0)
    text = "families of codes beside the cohorts of the mode related"
    options.add(parser, "hierarchy", Values(str, one_of(HIERARCHIES)), text, ["none"])
    options.add(parser, "arms", Values(str, one_of(tuple(ARMS))), "models to compare", list(USUAL))
    options.add(parser, "split_seeds", Values(int), "seeds of the splits", [0, 1, 2, 3, 4])
    options.add_hyperparameter(parser, "num_iter", FAITHFUL.num_iter)
    options.add_bootstrap(parser, least=1)
    default = str(ROOT / "benchmarks" / "out")
    options.add(parser, "output", Value(str), "folder of worth.json", default, metavar="DIR")
    return parser


def cohorts(arguments):
    """Returns the `Parameters` and the hierarchy of each cohort, all checked before the first is simulated."""
    for mode in arguments.mode:
        if mode != "related" and arguments.hierarchy != ["none"]:
            raise InputError(f"hierarchy: found {','.join(arguments.hierarchy)}; must be none in mode {mode}")
    return [
        (
            Parameters(
                patients,
                arguments.seed,
                mode,
                pair_effect=pair_effect,
                informative_links=arguments.informative_links,
                finer_level=hierarchy == "finer",
                unlinked=arguments.unlinked,
            ),
            hierarchy,
        )
        for mode in arguments.mode
        for pair_effect in (arguments.pair_effect if mode in WITH_PAIRS else [Parameters.pair_effect])
        for patients in arguments.patients
        for hierarchy in arguments.hierarchy
    ]


def shuffled(hierarchy, rng):
    """Returns the `Hierarchy` in which each code has the ancestors of another of its kind, drawn by `rng`."""
    other = {}
    for kind in CODE_KINDS:
        codes = sorted({row.code for row in hierarchy.rows if row.kind == kind})
        other[kind] = dict(zip(codes, rng.permutation(codes).tolist(), strict=True))
    return Hierarchy([row._replace(code=other[row.kind][row.code]) for row in hierarchy.rows])


def written(made, hierarchy, folder):
    """Writes a `Simulation` into a folder, with a hierarchy of `HIERARCHIES`; returns its `Cohort`."""
    prefix = str(pathlib.Path(folder) / "cohort")
    write(made, prefix)
    path = pathlib.Path(Paths.of(prefix).hierarchy)
    if hierarchy == "none":
        path.unlink(missing_ok=True)
    elif hierarchy == "shuffled":
        shuffled(Hierarchy.read(path), np.random.default_rng(made.parameters.seed)).write(path)
    return Cohort.open(prefix)


def measure(parameters, arms, config, bootstrap, console, hierarchy="none"):
    """Simulates a cohort, fits the arms and compares them.

    Args:
        parameters: `Parameters` of the cohort.
        arms: dict from a name to an arm, as `benchmarks.arms` says.
        config: the `TrainConfig` of the splits, and of the arm `mime`.
        bootstrap: the `Bootstrap` behind the intervals.
        console: shows progress.
        hierarchy: one of `HIERARCHIES`.

    Returns:
        List of a dict per arm: its name, its `"auc"`, its `"difference"`, the first arm's AUC less this one's, or None
        for the first, each as [value, low, high]; its `"splits"`, an AUC each; and the `"ceiling"` of all.
    """
    from benchmarks.arms import Task
    from mime_tf.training.plan import Plan

    made = simulate(**dataclasses.asdict(parameters), progress=console.progress)
    probabilities = {}
    with tempfile.TemporaryDirectory(prefix="mime_tf_worth") as folder:
        task = Task(written(made, hierarchy, folder), Plan(config, made.store, made.labels), console)
        for name, arm in arms.items():
            console.progress(name)
            probabilities[name] = arm(task)
    tests = task.tests()
    probabilities["ceiling"] = [made.risk[rows] for rows in tests]
    scores = {
        name: [Scores(made.labels[rows], values, rows) for rows, values in zip(tests, of_arm, strict=True)]
        for name, of_arm in probabilities.items()
    }
    compared = compare(scores, bootstrap, console.progress)
    return [
        {
            "arm": name,
            "auc": dataclasses.astuple(compared.means[name]["auc"]),
            "difference": dataclasses.astuple(compared.differences[name]["auc"]) if index else None,
            "splits": [split["auc"] for split in compared.splits[name]],
            "ceiling": compared.means["ceiling"]["auc"].value,
        }
        for index, name in enumerate(arms)
    ]


def rows(parameters, hierarchy, results):
    """Yields the lines of the table for one cohort."""
    effect = f"{parameters.pair_effect:g}" if parameters.mode in WITH_PAIRS else ""
    mode = f"{parameters.mode}, informative links" if parameters.informative_links else parameters.mode
    mode += "" if hierarchy == "none" else f", families {hierarchy}"
    for result in results:
        auc = "{:.3f} [{:.3f}, {:.3f}]".format(*result["auc"])
        difference = "{:+.3f} [{:+.3f}, {:+.3f}]".format(*result["difference"]) if result["difference"] else ""
        yield line(
            [mode, effect, f"{parameters.patients:,}", result["arm"], auc, difference, f"{result['ceiling']:.3f}"]
        )


def line(cells):
    """Returns a line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def run(arguments):
    """Measures, prints and writes, after each cohort, so that a later one that fails loses nothing."""
    from benchmarks.arms import ARMS, FAITHFUL

    arms = {name: ARMS[name] for name in arguments.arms}
    config = dataclasses.replace(FAITHFUL, num_iter=arguments.num_iter, split_seeds=tuple(arguments.split_seeds))
    bootstrap = Bootstrap(arguments.bootstrap)
    all_cohorts, output = cohorts(arguments), pathlib.Path(arguments.output)
    output.mkdir(parents=True, exist_ok=True)
    console, report = Quiet(period=5.0), []
    print(line(COLUMNS), line(["---"] * len(COLUMNS)), sep="\n", flush=True)
    for parameters, hierarchy in all_cohorts:
        results = measure(parameters, arms, config, bootstrap, console, hierarchy)
        report.append({"parameters": dataclasses.asdict(parameters), "hierarchy": hierarchy, "arms": results})
        files.write_json(output / "worth.json", report)
        print(*rows(parameters, hierarchy, results), sep="\n", flush=True)


class Quiet(Console):
    """A console that drops the results of runs, because the table has them."""

    def line(self, text):
        """Drops a line."""


def main(argv=None):
    """Runs the comparison; returns the exit status."""
    environment.prepare()  # as the commands do
    return status.run("worth.py", lambda: run(parser().parse_args(argv)))


if __name__ == "__main__":
    sys.exit(main())
