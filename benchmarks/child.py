"""The process of one task: calls a function named on the command line and writes its result as JSON.

`python -m benchmarks.child MODULE:FUNCTION ARGUMENTS RESULT`, as `benchmarks.lab` starts it: ARGUMENTS is a JSON object
of keyword arguments, RESULT the file to write. The task's own prints go to stderr: stdout carries its questions to the
lab, and stdin the answers.
"""

import importlib
import json
import resource
import signal
import sys

from mime_tf.terminal import environment

# Question of a task to the lab, which answers with a number in a line.
QUESTION = "GFLOP/s?\n"


def gflops():
    """Returns GFLOP/s as the lab reads them while this process waits, so that the task has no part in the product."""
    sys.__stdout__.write(QUESTION)
    sys.__stdout__.flush()
    return float(sys.stdin.readline())


def peak_gb():
    """Returns the peak memory of this process so far, in GB (10**9 bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e9


def main(task, arguments, path):
    """Calls `task`, "module:function", and writes its result to `path`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the lab too, which ends this process
    sys.stdout = sys.stderr
    environment.prepare()  # as the commands do
    module, function = task.split(":")
    result = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    with open(path, "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
