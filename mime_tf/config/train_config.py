"""TrainConfig: hyperparameters that go together, and the values that follow from them."""

import dataclasses
from typing import Any

from mime_tf.config.checks import check_together, check_width
from mime_tf.config.fields import FIELDS, KINDS, PARTS, REGRESSION, TIME, WIDTHS, Hyperparameters
from mime_tf.constraints import check_field

# Values of the flags in place of their defaults for the best prediction from a cohort of one's own.
RECIPE: dict[str, Any] = {
    "blend": PARTS,
    "hierarchy": "auto",
    "age_sex": "auto",
    "visit_days": "auto",
    "choose_by": "calibrated_loss",
    "width": "auto",
    "batch_size": 50,
    "num_iter": 4000,
    "eval_period": 50,
    "patience": 8,
    "patience_from_gain": 30,
    "test_fraction": 0.2,
    "valid_fraction": 0.1,
}
_DIVISION = ("test_fraction", "valid_fraction")
# Least number of patients of a cohort, and the width that `auto` gives it; 64 was enough for 2,000 to 10,000 patients.
_AUTO_WIDTHS = ((100_000, 256), (20_000, 128), (1_000, 64), (0, 32))


@dataclasses.dataclass(frozen=True)
class TrainConfig(Hyperparameters):
    """The checked hyperparameters of a run.

    Raises:
        InputError: a value is out of its range, or values do not go together.
    """

    def __post_init__(self):
        for field in FIELDS.values():
            check_field(field, getattr(self, field.name))
        check_width(self)
        if self.width not in ("own", "auto"):
            for name in WIDTHS:
                object.__setattr__(self, name, int(self.width))
        check_together(self)

    @property
    def weight_of_embeddings(self) -> float | None:
        """Weight of the sum of squares of the code embeddings, or None for that of all weights."""
        return None if self.regularize_embeddings == "same" else float(self.regularize_embeddings)

    def with_widths(self, patients: int) -> "TrainConfig":
        """Returns the configuration for a cohort of so many patients, with a number in place of the width `auto`.

        >>> config = TrainConfig(width="auto").with_widths(5000)
        >>> config.width, config.rnn_size, config.dx_emb_size
        ('64', 64, 64)
        """
        if self.width != "auto":
            return self
        return dataclasses.replace(self, width=str(next(width for least, width in _AUTO_WIDTHS if patients >= least)))

    def with_recipe(self) -> "TrainConfig":
        """Returns the configuration with the values of `RECIPE`, but for the division of the patients, which stays.

        Options of a single network that a blend does not take have their defaults.

        >>> TrainConfig(valid_fraction=0.3, rnn_size=8).with_recipe().blend
        ('regression', 'recurrent', 'bilinear')
        """
        values: dict[str, Any] = {name: FIELDS[name].default for name in ("jit_compile", *WIDTHS)}
        values |= {name: value for name, value in RECIPE.items() if name not in _DIVISION}
        return dataclasses.replace(self, **values)

    @property
    def split_numbers(self) -> tuple[int, ...]:
        """Number of each split, the j of r<i>s<j>: the split seeds, or the folds from 0."""
        return (0,) if self.split_by == TIME else tuple(range(self.folds)) or self.split_seeds

    @property
    def criterion(self) -> str:
        """Name of `choose_by` among the figures of an evaluation."""
        return f"valid_{self.choose_by}"

    @property
    def kinds(self) -> dict[str, "TrainConfig"]:
        """Configuration of each kind of network in a blend."""
        kinds = (part for part in self.blend if part != REGRESSION)
        return {kind: dataclasses.replace(self, blend=(), jit_compile="off", **KINDS[kind]) for kind in kinds}

    @property
    def division(self) -> dict[str, Any]:
        """Dict of how patients are divided, arguments of `mime_tf.splits.split.split`."""
        names = ("test_fraction", "valid_fraction", "train_ratio", "folds")
        return {name: getattr(self, name) for name in names}

    @property
    def evaluations(self) -> int:
        """Number of evaluations of a split. Updates after the last one change nothing that is kept."""
        return self.num_iter // self.eval_period

    @property
    def updates(self) -> int:
        """Number of updates that a split draws windows for: iterations 0 to `num_iter`, inclusive."""
        return self.num_iter + 1
