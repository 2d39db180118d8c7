"""The lab measures tasks, each in a process of its own, and reads the yardstick when a task asks for it."""

import contextlib
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
            self._run(("benchmarks.paper_cohort:write", {"prefix": prefix, **arguments}))
            self._cohorts[key] = prefix
        return self._cohorts[key]

    def file(self, name, task, **arguments):
        """Returns the path of a file that a task writes, given its path and the other arguments."""
        path = str(self._folder / name)
        if not os.path.exists(path):
            self._run((task, {"path": path, **arguments}))
        return path

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
        return self.measure_in_turn(title, (task, arguments))[0]

    def measure_in_turn(self, title, *tasks):
        """Runs several tasks, a lap of each in turn, so that they share the machine's better and worse moments.

        Args:
            title: name of the tasks on stderr.
            *tasks: pairs of "module:function" and a dict of arguments, which JSON can hold.

        Returns:
            List of the tasks' results, dicts as from `measure`.

        Raises:
            TaskError: a task failed.
        """
        key = json.dumps(tasks)
        if key not in self._measured:
            print(f"-- {title}", file=sys.stderr, flush=True)
            others = machine.Others()
            results = self._run(*tasks)
            self._measured[key] = [{**result, "others": others.share()} for result in results]
        return [dict(result) for result in self._measured[key]]

    def _run(self, *tasks):
        """Returns the results of tasks, each run in a process of its own."""
        with contextlib.ExitStack() as stack:
            processes = [
                _Process(stack, task, arguments, self._folder / f"result{number}.json")
                for number, (task, arguments) in enumerate(tasks)
            ]
            waiting = processes
            while waiting:
                waiting = [process for process in waiting if process.go_on(self._products)]
        return [process.result() for process in processes]


class _Process:
    """The process of a task, which goes on from one question to the next. The first call of `go_on` starts it.

    Args:
        stack: `ExitStack` that the process is ended by.
        task: "module:function".
        arguments: dict of the function's arguments.
        path: of the file that the task writes its result to.
    """

    def __init__(self, stack, task, arguments, path):
        self._stack, self._task, self._path, self._process = stack, task, path, None
        self._command = [sys.executable, "-m", "benchmarks.child", task, json.dumps(arguments), str(path)]

    def go_on(self, products):
        """Answers the question of the task and lets it go on to the next; returns whether there is one.

        Args:
            products: number of matrix products in a reading of the yardstick, which is the answer.
        """
        if self._process is None:
            self._start()
        else:
            self._process.stdin.write(f"{machine.gflops(products)}\n")
            self._process.stdin.flush()
        # A library may have left half a line before a question.
        return any(line.endswith(QUESTION) for line in self._process.stdout)

    def _start(self):
        self._path.unlink(missing_ok=True)
        paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment = os.environ | ENVIRONMENT | {"PYTHONPATH": paths}
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        self._process = self._stack.enter_context(subprocess.Popen(self._command, env=environment, text=True, **pipes))
        progress = threading.Thread(target=_show, args=[self._process.stderr])
        progress.start()
        self._stack.callback(progress.join)
        self._stack.push(self._end)

    def _end(self, kind, error, trace):
        """Ends the process if the work of the lab fails, such as by Ctrl-C."""
        if kind is not None:
            self._process.terminate()

    def result(self):
        """Returns the result of a task that has ended."""
        if self._process.returncode:
            status = self._process.returncode
            raise TaskError(f"{self._task} failed with exit status {status}; its messages are above")
        return json.loads(self._path.read_text(encoding="utf-8"))


def _show(stream):
    """Passes on the lines that a task prints as progress."""
    for line in stream:
        if not NOISE.match(line):
            print(f"   {line}", end="", file=sys.stderr, flush=True)
