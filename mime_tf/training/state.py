"""State of an unfinished split: all that its next update depends on, and the best so far, in one file."""

import dataclasses
import json
import math
import os
from typing import Any

import numpy as np

from mime_tf.errors import InputError
from mime_tf.terminal import archives, files
from mime_tf.training.snapshot import Snapshot


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Best:
    """A split at its lowest validation loss so far.

    Attributes:
        results: dict of the results, with the keys `mime_tf.assess.summary.RESULTS`, and their `"iteration"`.
        weights: list of arrays, of the model.
        valid, test: probabilities of the two sets, float32.
    """

    results: dict[str, Any]
    weights: list[np.ndarray]
    valid: np.ndarray
    test: np.ndarray


@dataclasses.dataclass
class State:
    """A split after some evaluations.

    Attributes:
        evaluations: number of evaluations made.
        history: list of dicts, a row per evaluation.
        snapshot: the model after the last of them; None in memory, where the model itself has the values.
        best: None before the first evaluation with a finite validation loss.
    """

    evaluations: int = 0
    history: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    snapshot: Snapshot | None = None
    best: Best | None = None

    @property
    def since_best(self) -> int:
        """Number of evaluations in a row without a better validation loss: those after the best one, or all."""
        best = self.best.results["iteration"] if self.best else 0
        return sum(row["iteration"] > best for row in self.history)

    def lowest(self, criterion: str) -> float:
        """Returns the lowest `valid_loss` or `valid_calibrated_loss` so far; infinite before the first."""
        return self.best.results[criterion] if self.best else math.inf

    @property
    def diverged(self) -> bool:
        """Whether the training loss of the last evaluation period was not a finite number."""
        return bool(self.history) and not math.isfinite(self.history[-1]["loss"])

    def save(self, path: str) -> None:
        """Writes the state to `path`, atomically."""
        results = self.best.results if self.best else None
        plain = {"evaluations": self.evaluations, "history": self.history, "best": results}
        arrays: dict[str, Any] = {
            f"{group}/{index}": array for group, values in self._arrays().items() for index, array in enumerate(values)
        }
        with files.replacing(path) as file:
            np.savez(file, plain=np.array(json.dumps(plain)), **arrays)

    def _arrays(self) -> dict[str, list[np.ndarray]]:
        arrays = dict(vars(self.snapshot)) if self.snapshot else {}
        if self.best:
            arrays |= {"best_weights": self.best.weights, "probabilities": [self.best.valid, self.best.test]}
        return arrays

    @classmethod
    def load(cls, path: str) -> "State":
        """Reads a state, or returns a new one if there is no file.

        Raises:
            InputError: the file is damaged.
        """
        if not os.path.exists(path):
            return cls()
        try:
            with archives.opened_npz(path) as archive:
                plain = json.loads(str(archive["plain"]))
                snapshot = Snapshot(*(_list(archive, group) for group in ("weights", "optimizer", "seeds")))
                best = None
                if plain["best"]:
                    best = Best(plain["best"], _list(archive, "best_weights"), *_list(archive, "probabilities"))
                return cls(plain["evaluations"], plain["history"], snapshot, best)
        except InputError:
            raise
        except Exception as error:  # a damaged archive makes zipfile and NumPy raise nearly anything
            raise InputError(
                f"{path}: not the state of an unfinished split ({error}); --overwrite starts anew"
            ) from error


def _list(archive: Any, group: str) -> list[np.ndarray]:
    """Returns the arrays of a group, in their order."""
    count = sum(name.startswith(f"{group}/") for name in archive.files)
    return [archive[f"{group}/{index}"] for index in range(count)]
