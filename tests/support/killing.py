"""Runs killed inside the test process: the files on disk are those after kill -9."""

import builtins
import dataclasses
import itertools
import os

import pytest
from support.whole_runs import SMALL, run

from mime_tf.runs import journal
from mime_tf.scoring.scorer import Scorer
from mime_tf.training import callbacks

CONFIG = dataclasses.replace(SMALL, tensorboard=False)


@pytest.fixture(autouse=True, scope="module")
def every_state_is_saved():
    """The runs here are over before a second state would be due."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(callbacks, "SAVE_PERIOD", 0.0)
        yield


# Kills inside this process. From a kill on, the process changes nothing on disk any more.


class Killed(BaseException):
    """Stands for kill -9: nothing in the program catches it."""


class Killer:
    """Lets a run come to chosen moments and there ends it, as kill -9 would.

    A moment is one of: before and after a file takes its place; before a file is removed; before a set is scored;
    before, inside and after a line of the log.

    Args:
        monkeypatch: pytest's.
    """

    def __init__(self, monkeypatch):
        self.dead, self.moments, self.wanted = False, [], None
        self._attempts = itertools.count(1000)
        self._pid = next(self._attempts)
        monkeypatch.setattr(os, "getpid", lambda: self._pid)
        monkeypatch.setattr(
            os, "replace", self._around(os.replace, lambda source, target: f"write {os.path.basename(target)}")
        )
        monkeypatch.setattr(os, "remove", self._around(os.remove, lambda path: f"remove {os.path.basename(path)}"))
        score = Scorer.__call__
        monkeypatch.setattr(Scorer, "__call__", self._around(score, lambda scorer, batches: "score"))
        monkeypatch.setattr(journal, "open", self._open_log, raising=False)

    def run(self, wanted, folder, config=CONFIG, **options):
        """Runs training until `wanted(moment, number of its kind)` is true; whether it came to that."""
        self.dead, self.moments, self.wanted, self._pid = False, [], wanted, next(self._attempts)
        try:
            run(config, folder, **options)
        except Killed:
            return True
        finally:
            self.dead = False
            self.wanted = None
        return False

    def come_to(self, moment):
        if self.wanted is not None:
            self.moments.append(moment)
            if self.wanted(moment, self.moments.count(moment)):
                self.dead = True
                raise Killed

    def _around(self, function, describe):
        def wrapper(*values, **options):
            if self.dead:
                return None
            moment = describe(*values)
            self.come_to(f"before {moment}")
            result = function(*values, **options)
            self.come_to(f"after {moment}")
            return result

        return wrapper

    def _open_log(self, path, mode="r", **options):
        file = builtins.open(path, mode, **options)  # noqa: SIM115
        return _Log(file, self) if mode == "a" else file


class _Log:
    """A file opened for appending, into which each text is written in two halves."""

    def __init__(self, file, killer):
        self.file, self.killer = file, killer

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def __getattr__(self, name):
        return getattr(self.file, name)

    def write(self, text):
        half = len(text) // 2
        for moment, part in (("before", text[:half]), ("inside", text[half:]), ("after", "")):
            self.killer.come_to(f"{moment} log line")
            self.file.write(part)
            self.file.flush()
