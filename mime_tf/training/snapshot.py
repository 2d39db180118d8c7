"""Snapshot of a model in training: all variables that its next update depends on."""

import dataclasses

import keras
import numpy as np


@dataclasses.dataclass(frozen=True, repr=False, eq=False)
class Snapshot:
    """Values of a model's variables.

    Attributes:
        weights: list of arrays, of the model.
        optimizer: list of arrays, of its optimizer.
        seeds: list of arrays, of the random state of dropout; empty without dropout.
    """

    weights: list[np.ndarray]
    optimizer: list[np.ndarray]
    seeds: list[np.ndarray]

    @classmethod
    def of(cls, model: keras.Model) -> "Snapshot":
        """Returns a copy of a model's values."""
        optimizer, seeds = (
            [keras.ops.convert_to_numpy(value) for value in variables]
            for variables in (model.optimizer.variables, model.random_state)
        )
        return cls(model.get_weights(), optimizer, seeds)

    def restore(self, model: keras.Model) -> None:
        """Gives the values to a model of the same variables."""
        model.set_weights(self.weights)
        for variables, values in ((model.optimizer.variables, self.optimizer), (model.random_state, self.seeds)):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
