"""The lab measures tasks, each in a process of its own, and reads the yardstick when a task asks for it."""

import json
import os
import pathlib
import re
import subprocess
import sys
import threading

from benchmarks import machine
from benchmarks.child import QUESTION

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Tasks keep to the CPU: the yardstick says nothing about an accelerator.
ENVIRONMENT = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
# Lines that TensorFlow prints whenever it is imported.
NOISE = re.compile(r"I0000 |WARNING: All log messages before absl::InitializeLog")


class TaskError(Exception):
    """A task's process failed; its messages are on stderr."""


class Lab:
    """Runs tasks and keeps their results: a task that two measurements have in common runs once.

    Args:
        folder: a folder for cohorts and results, which the caller removes.
        products: number of matrix products in a reading of the yardstick.
    """

    def __init__(self, folder, products):
        self._folder, self._products = pathlib.Path(folder), products
        self._measured, self._cohorts = {}, {}

    def cohort(self, **arguments):
        """Returns the prefix of a `paper_cohort` of these arguments, which the first call writes."""
        key = json.dumps(arguments)
        if key not in self._cohorts:
            prefix = str(self._folder / f"cohort{len(self._cohorts)}")
            # In a process of its own, because a new process starts with its parent's peak of memory as its own.
            self._run("benchmarks.paper_cohort:write", {"prefix": prefix, **arguments})
            self._cohorts[key] = prefix
        return self._cohorts[key]

    def measure(self, title, task, **arguments):
        """Runs a task and measures the share of the machine that other programs take meanwhile.

        Args:
            title: name of the task on stderr.
            task: "module:function".
            **arguments: arguments of the function, which JSON can hold.

        Returns:
            Dict of the function's result, and `"others"`, the share of the machine that other programs took.

        Raises:
            TaskError: the task failed.
        """
        key = json.dumps([task, arguments])
        if key not in self._measured:
            print(f"-- {title}", file=sys.stderr, flush=True)
            others = machine.Others()
            self._measured[key] = {**self._run(task, arguments), "others": others.share()}
        return dict(self._measured[key])

    def _run(self, task, arguments):
        """Returns the result of a task, run in a process of its own."""
        path = self._folder / "result.json"
        path.unlink(missing_ok=True)
        command = [sys.executable, "-m", "benchmarks.child", task, json.dumps(arguments), str(path)]
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment = os.environ | ENVIRONMENT | {"PYTHONPATH": paths}
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
            progress = threading.Thread(target=_show, args=[process.stderr])
            progress.start()
            try:
                self._answer(process)
            except BaseException:  # such as Ctrl-C
                process.terminate()
                raise
            finally:
                progress.join()
        if process.returncode:
            raise TaskError(f"{task} failed with exit status {process.returncode}; its messages are above")
        return json.loads(path.read_text(encoding="utf-8"))

    def _answer(self, process):
        """Answers each question of a task with a reading of the yardstick, until the task ends."""
        for line in process.stdout:
            if line.endswith(QUESTION):  # a library may have left half a line before it
                process.stdin.write(f"{machine.gflops(self._products)}\n")
                process.stdin.flush()


def _show(stream):
    """Passes on the lines that a task prints as progress."""
    for line in stream:
        if not NOISE.match(line):
            print(f"   {line}", end="", file=sys.stderr, flush=True)
