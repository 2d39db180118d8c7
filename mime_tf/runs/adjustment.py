"""Adjustment: from the output of a fitted split's model to the probability that every command gives.

Training writes and prints the output of the model. Whoever scores with a run, `predict`, `evaluate`, `explain`,
`export` and `report`, goes through here, so that all give the same: docs/decisions/0032-nothing-known.md.
"""

import dataclasses
import itertools
import os
from typing import Any

import numpy as np

from mime_tf.assess.recalibration import METHODS, Recalibration
from mime_tf.errors import InputError, show
from mime_tf.runs.folder import RECALIBRATION
from mime_tf.runs.population import Population
from mime_tf.terminal import files


@dataclasses.dataclass(frozen=True)
class Adjustment:
    """Adjustment of a fitted split's probabilities.

    Attributes:
        prevalence: probability of a patient of whom the model knows no code: the share of cases in training, or in the
            data of the recalibration. None if the run does not know it; the output of the model is then kept.
        recalibration: of the other patients' probabilities, or None.
        before: the adjustment without the recalibration, or None if there is none.
    """

    prevalence: float | None = None
    recalibration: Recalibration | None = None
    before: "Adjustment | None" = None

    @classmethod
    def read(cls, folder: str | os.PathLike, population: Population | None) -> "Adjustment":
        """Reads the adjustment of a fitted split.

        Args:
            folder: of the fitted split.
            population: of its training, or None.

        Raises:
            InputError: its recalibration is not as `recalibrate` writes it.
        """
        plain = cls(None if population is None else population.counts["train"].share)
        path = os.path.join(folder, RECALIBRATION)
        content = files.read_json(path)
        if content is None:
            return plain
        return cls(*_checked(path, content), plain)

    def __call__(self, output: np.ndarray, empty: np.ndarray) -> np.ndarray:
        """Returns probabilities, of the shape and type of the output.

        Args:
            output: of the model, (patients,).
            empty: bool (patients,), whether the model knows no code of the patient.
        """
        changed = output if self.recalibration is None else self.recalibration(output)
        if self.prevalence is None:
            return changed
        return np.where(empty, np.asarray(self.prevalence, changed.dtype), changed)

    @property
    def rule(self) -> str:
        """How a patient of whom nothing is known is scored, in words."""
        if self.prevalence is None:
            return "by the model, which then goes by the number of visits alone"
        where = "training" if self.recalibration is None else "the data of the recalibration"
        return f"by the share of cases in {where}, {self.prevalence:.1%}"


def write(folder: str, recalibration: Recalibration, prevalence: float, facts: dict[str, Any]) -> None:
    """Writes a recalibration into a fitted split's folder.

    Args:
        folder: of the fitted split.
        recalibration: the function.
        prevalence: share of cases among the patients that it was fitted to.
        facts: dict of other facts about it, such as the digests of the data.
    """
    content = dataclasses.asdict(recalibration) | {"prevalence": prevalence} | facts
    files.write_json(os.path.join(folder, RECALIBRATION), content)


def _checked(path: str, content: Any) -> tuple[float, Recalibration]:
    """Returns the prevalence and the recalibration in the content of a file, which may hold anything."""
    content = content if isinstance(content, dict) else {}
    numbers = {name: content.get(name) for name in ("prevalence", "intercept", "slope")}
    points = {name: content.get(name) for name in ("probabilities", "shares")}
    bad = [name for name, value in numbers.items() if type(value) not in (int, float) or not abs(value) < 1e6]
    bad += [name for name, values in points.items() if not _ascend_in_bounds(values)]
    if content.get("method") not in METHODS:
        bad.insert(0, "method")
    if not bad and not 0 <= numbers["prevalence"] <= 1:
        bad.append("prevalence")
    if not bad and not numbers["slope"] > 0:
        bad.append("slope")
    if not bad:
        sizes = {len(values) for values in points.values()}
        if len(sizes) > 1 or (content["method"] == "isotonic") != (sizes != {0}):
            bad.append("shares")
    if bad:
        raise InputError(f"{path}: {bad[0]}: found {show(content.get(bad[0]))}; not as recalibrate writes it")
    lists = {name: tuple(map(float, values)) for name, values in points.items()}
    return float(numbers["prevalence"]), Recalibration(
        content["method"], float(numbers["intercept"]), float(numbers["slope"]), **lists
    )


def _ascend_in_bounds(values: Any) -> bool:
    """Whether values are a list of numbers from 0 to 1 that never fall."""
    if not isinstance(values, list) or not all(type(value) in (int, float) and 0 <= value <= 1 for value in values):
        return False
    return all(low <= high for low, high in itertools.pairwise(values))
