"""Times commands of `mime-tf` from outside, as processes that a user starts."""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.paper_cohort import paper_cohort
from benchmarks.paper_export import write
from mime_tf.data import pickled

# A training of one update, which prints the line of its evaluation.
ONE_UPDATE = ("--num_iter=1", "--eval_period=1")
ONE_SPLIT = ("--split_seeds=0", "--notensorboard")
EVALUATION = "round:"


def run(argv, status=0, until=None):
    """Runs a command to its end.

    Args:
        argv: list of str, what follows `mime-tf`.
        status: exit status that is right.
        until: beginning of a line of its output, whose time is wanted.

    Returns:
        Dict: `"seconds"` to the first such line, or to the end; `"cpu_s"`, of all cores, to the end; `"peak_gb"`.

    Raises:
        ValueError: another exit status, or no such line.
    """
    # Without the lab's log level, at which the start-up lines are not filtered as they are for a user.
    environment = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    seconds = None
    with tempfile.TemporaryFile("w+", encoding="utf-8") as messages:
        pipes = {"stdout": subprocess.PIPE, "stderr": messages}
        begun = time.perf_counter()
        process = subprocess.Popen([sys.executable, "-m", "mime_tf", *argv], env=environment, text=True, **pipes)
        for line in process.stdout:
            if until and seconds is None and line.startswith(until):
                seconds = time.perf_counter() - begun
        _, code, usage = os.wait4(process.pid, 0)
        ended = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(code)
        messages.seek(0)
        if process.returncode != status or (until and seconds is None):
            raise ValueError(f"{' '.join(argv)}: exit status {process.returncode}: {messages.read()[-2000:]}")
    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": ended if seconds is None else seconds,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_gb": usage.ru_maxrss * unit / 1e9,
    }


def time_start(sample, million, held, repeats):
    """Times what a user waits for before anything is computed.

    Args:
        sample: prefix of the sample.
        million: path of a large Parquet cohort.
        held: share of its patients in valid, and in test.
        repeats: runs of each, of which the median counts; the large cohort is trained on once.

    Returns:
        Dict from each name in `benchmarks.goals.TARGETS["start"]` to a dict as of `run`.
    """
    with tempfile.TemporaryDirectory() as folder:
        train, few = [*ONE_SPLIT, "--overwrite"], [f"--valid_fraction={held}", f"--test_fraction={held}"]
        places = [f"{folder}/run_", f"{folder}/log"]
        patient, model = f"{folder}/patient", f"{folder}/run_r0s0"
        store, labels = paper_cohort(patients=1)
        pickled.write(patient, store, labels)
        predict = ["predict", "--model", model, "--data", patient, "--output", f"{folder}/scores.csv", "--overwrite"]
        commands = {
            "help": (["--help"], 0, None),
            "mistake": (["train", f"{folder}/nothing", *places], 2, None),
            "sample, first update": (["train", sample, *places, *train, *ONE_UPDATE], 0, EVALUATION),
            "sample, first evaluation": (["train", sample, *places, *train, "--num_iter=100"], 0, EVALUATION),
            "predict": (predict, 0, None),
        }
        times = {name: _median([run(*command) for _ in range(repeats)]) for name, command in commands.items()}
        large = ["train", million, *places, *train, *few]
        times["million, first update"] = run([*large, *ONE_UPDATE], until=EVALUATION)
        times["million, first evaluation"] = run([*large, "--num_iter=100"], until=EVALUATION)
        return times


def _median(runs):
    return {name: statistics.median(each[name] for each in runs) for name in runs[0]}


def time_commands(patients, updates, held):
    """Times the way from an export to measures on a cohort of the paper's shape.

    Args:
        patients: number of patients.
        updates: number of updates of training.
        held: number of patients in valid, and in test.

    Returns:
        Dict: `"dxobjects"`, their number, and `"commands"`, a dict from each command to a dict as of `run`.
    """
    with tempfile.TemporaryDirectory() as folder:
        export, cohort = f"{folder}/export", f"{folder}/cohort/cohort.parquet"
        write(export, patients=patients)
        dxobjects = _dxobjects(export)
        share = held / patients
        commands = {
            "convert": [
                *("--source", "tables", "--input", export, "--mapping", f"{export}_mapping.yaml"),
                *("--labels", f"{export}_labels.parquet", "--output", f"{folder}/cohort"),
            ],
            "train": [
                *(cohort, f"{folder}/run_", f"{folder}/log", *ONE_SPLIT),
                *(f"--num_iter={updates}", f"--eval_period={updates}"),
                *(f"--valid_fraction={share}", f"--test_fraction={share}"),
            ],
            "predict": ["--model", f"{folder}/run_r0s0", "--data", cohort, "--output", f"{folder}/scores.csv"],
            # A tenth of the usual resamples, which take nearly all of its time.
            "evaluate": [
                *("--model", f"{folder}/run_r0s0", "--data", cohort),
                *("--split", "all", "--no_yardsticks", "--bootstrap", "100"),
            ],
        }
        return {"dxobjects": dxobjects, "commands": {name: run([name, *argv]) for name, argv in commands.items()}}


def _dxobjects(export):
    """Returns the number of rows of the export's diagnoses."""
    from pyarrow import parquet

    return parquet.read_metadata(pathlib.Path(export) / "diagnoses.parquet").num_rows
