"""Benchmarks: the cost of training, of scoring and of growth, as tables, a JSON file and plots. See --help."""

import argparse
import importlib.util
import json
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # so that `python benchmarks/run.py` works from a clone that is not installed

NEEDED = ("tensorflow", "matplotlib")
NAMES = ("step", "sample", "scoring", "growth", "dense", "torch", "start", "commands")
# Packages of single measurements, which are skipped without them.
OPTIONAL = {"torch": "torch", "commands": "ibis"}
HELP = """\
Measures this project on this machine's CPU and prints tables; writes DIR/benchmark.json and plots (PNG).

  step     ms per step of training through mime_tf.training.train, on 3,000 patients of the paper's shape
  sample   the same on the sample of this repository
  scoring  patients scored per second against patients trained on per second
  growth   cost of a step, time of reading and memory against patients, visits and codes
  dense    a bare step against that of the same model padded to fixed slots, as in the authors' program
  torch    a step of training against that of the same model in PyTorch, if it is installed (pip install torch)
  start    seconds from a command to its first result
  commands convert, train, predict and evaluate on up to 10 million Dx-objects (pip install '.[ehr]'; 5 GB of disk)

Each runs in processes of its own, which pause now and then while a matrix product in NumPy is timed: cost, in GFLOP-
equivalents, is ms per step x GFLOP/s / 1000, so that machines of different speed can be compared. It does not make up
for other programs that keep the cores busy: run nothing else meanwhile. The tables say where something else ran.
"""
EPILOG = """\
examples:
  python benchmarks/run.py --quick               checks that it works: a minute or two, small sizes
  python benchmarks/run.py --only step,scoring   two of them
  python benchmarks/run.py                       everything: an hour on 2 cores
"""


def parse(argv):
    """Returns the arguments of the command line."""
    parser = argparse.ArgumentParser(
        "run.py", description=HELP, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="tiny sizes: checks that it works, and measures nothing")
    parser.add_argument(
        "--only", type=_names, default=NAMES, metavar="NAME,...", help="run these alone, such as step,dense"
    )
    default = ROOT / "benchmarks" / "out"
    parser.add_argument("--output", metavar="DIR", type=pathlib.Path, default=default, help="default: benchmarks/out")
    return parser.parse_args(argv)


def _names(text):
    """Returns the names in a list with commas; argparse makes one line of the error."""
    names = text.split(",")
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"found {name!r}; must be of {', '.join(NAMES)}")
    return names


def main(argv=None):
    """Runs the benchmarks.

    Returns:
        Exit status: 0, 1 where a measurement failed, 2 where something is missing, 130 after Ctrl-C.
    """
    arguments = parse(argv)
    missing = [name for name in NEEDED if not importlib.util.find_spec(name)]
    if missing:
        return _complain(f"needs {' and '.join(missing)}: pip install {' '.join(missing)}", 2)
    from benchmarks.lab import TaskError

    try:
        arguments.output.mkdir(parents=True, exist_ok=True)
        return measure(arguments)
    except OSError as error:
        return _complain(f"{error.filename or arguments.output}: {error.strerror or error}", 2)
    except TaskError as error:
        return _complain(str(error), 1)
    except KeyboardInterrupt:
        return _complain("interrupted; the finished measurements are written", 130)


def measure(arguments):
    """Measures, prints and writes, after each measurement, so that a later one that fails loses nothing."""
    from benchmarks import machine, measurements, scales, tables
    from benchmarks.lab import Lab

    scale = scales.QUICK if arguments.quick else scales.FULL
    report = {**machine.description(), "quick": arguments.quick, "measurements": {}}
    print(tables.heading(report, arguments.quick), flush=True)
    with tempfile.TemporaryDirectory(prefix="mime_tf_benchmark") as folder:
        lab = Lab(folder, scale.products)
        for name in dict.fromkeys(arguments.only):
            package = OPTIONAL.get(name)
            if package and not importlib.util.find_spec(package):
                print(f"\n{name}: skipped, because {package} is not installed", flush=True)
                continue
            rows = measurements.ALL[name](lab, scale)
            report["measurements"][name] = rows
            print(f"\n{tables.table(name, rows)}", flush=True)
            text = json.dumps(report, indent=1) + "\n"
            (arguments.output / "benchmark.json").write_text(text, encoding="utf-8")
    print(f"\n{tables.LEGEND}\n")
    # Imported at the end, because a task's process starts with the memory of this one, Matplotlib's too, as its peak.
    from benchmarks import plots

    written = [arguments.output / "benchmark.json", *plots.draw(report, arguments.output)]
    print("\n".join(f"wrote {path}" for path in written))
    return 0


def _complain(text, status):
    print(f"run.py: {text}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
