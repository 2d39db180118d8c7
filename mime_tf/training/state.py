"""The state of an unfinished split: all that its next update depends on, and the best so far, in one file."""

import dataclasses
import json
import math
import os

import numpy as np

from mime_tf.errors import InputError
from mime_tf.terminal import files

GROUPS = ("weights", "optimizer", "seeds", "best_weights")


@dataclasses.dataclass
class State:
    """A split after some evaluations.

    Attributes:
        evaluations: how many were made.
        history: list of dicts, a row an evaluation.
        weights, optimizer, seeds: lists of arrays, now; `seeds` are those of dropout.
        best_weights: list of arrays, at the lowest validation loss so far; empty before there is one.
        best: dict of the results at that point, None before there is one.
        valid, test: probabilities at that point, float32.
    """

    evaluations: int = 0
    history: list = dataclasses.field(default_factory=list)
    weights: list = dataclasses.field(default_factory=list)
    optimizer: list = dataclasses.field(default_factory=list)
    seeds: list = dataclasses.field(default_factory=list)
    best_weights: list = dataclasses.field(default_factory=list)
    best: dict | None = None
    valid: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.float32))
    test: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.float32))

    @property
    def since_best(self):
        """How many evaluations in a row had no better validation loss: those after the best one, or all."""
        best = self.best["iteration"] if self.best else 0
        return sum(row["iteration"] > best for row in self.history)

    @property
    def diverged(self):
        """Whether the training loss of the last evaluation period was not a finite number."""
        return bool(self.history) and not math.isfinite(self.history[-1]["loss"])

    def save(self, path):
        """Writes the state to `path`, atomically."""
        plain = {"evaluations": self.evaluations, "history": self.history, "best": self.best}
        arrays = {f"{group}/{i}": value for group in GROUPS for i, value in enumerate(getattr(self, group))}
        with files.replacing(path) as file:
            np.savez(file, plain=np.array(json.dumps(plain)), valid=self.valid, test=self.test, **arrays)

    @classmethod
    def load(cls, path):
        """Reads a state, or returns a new one where there is no file.

        Raises:
            InputError: the file is damaged.
        """
        if not os.path.exists(path):
            return cls()
        try:
            with np.load(path, allow_pickle=False) as archive:
                state = cls(**json.loads(str(archive["plain"])), valid=archive["valid"], test=archive["test"])
                for group in GROUPS:
                    count = sum(name.startswith(f"{group}/") for name in archive.files)
                    setattr(state, group, [archive[f"{group}/{i}"] for i in range(count)])
        except Exception as error:  # a damaged archive makes zipfile and NumPy raise nearly anything
            raise InputError(
                f"{path}: not the state of an unfinished split ({error}); --overwrite starts anew"
            ) from error
        return state
