"""Remarks on a split for the person who trains: its sets at the start, and signs of a model that is worth little."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from mime_tf.splits.split import Part, Split
from mime_tf.training.patience import constant_loss

# Share of the constant model's loss below which the loss of training is nothing: the patients are known by heart.
NOTHING = 0.01


def sets(split: Split) -> str:
    """Returns a line with the number of patients and cases of each set."""
    parts = ((name, getattr(split, name)) for name in ("train", "valid", "test"))
    return "; ".join(f"{name} {len(part):,} patients, {_cases(part)}" for name, part in parts)


def _cases(part: Part) -> str:
    """Returns the number of cases, or of outcomes per patient, in words."""
    if part.labels.ndim == 1:
        return f"{int(part.labels.sum()):,} cases"
    return f"{part.labels.sum() / len(part):.2f} of {part.labels.shape[1]:,} outcomes each"


def warnings(
    history: Sequence[Mapping[str, Any]], kept: int, train: Part, valid: Part, criterion: str = "valid_loss"
) -> Iterator[str]:
    """Yields warnings about a split that has ended, each with a remedy to try.

    A valid set whose labels are all alike tells nothing about a model, and has no warnings.

    Args:
        history: a row per evaluation.
        kept: iteration of the model that is kept.
        train: the training set.
        valid: the set that the model was chosen on, as it is scored.
        criterion: column of the history that the model was chosen by.
    """
    if len(np.unique(valid.labels)) < 2:
        return
    constant, loss = constant_loss(train, valid), min(row[criterion] for row in history if row["iteration"] == kept)
    if loss >= constant:
        yield (
            f"the model is no better than a constant ({criterion} {loss:.4f}; {constant:.4f} for the share of cases in "
            "train); more patients, --pooling=last,sum with --emb_activation=linear, a longer run or a smaller --width "
            "may help, and a regression may be the better model"
        )
    if kept == history[0]["iteration"] and len(history) > 1:
        yield (
            f"the model kept is that of the first evaluation, at iteration {kept}; a lower --learning_rate, a shorter "
            "--eval_period, --dropout, --code_dropout or a smaller --width may train further"
        )
    if history[-1]["main_loss"] < NOTHING * constant:
        yield (
            f"the loss of training fell to {history[-1]['main_loss']:.2g}: the training patients are known by heart; "
            "--patience, --dropout, --code_dropout or a smaller --width may help"
        )
