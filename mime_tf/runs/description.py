"""Kind of a model, in words."""

from collections.abc import Sequence
from typing import Any

from mime_tf.config import TrainConfig

_CELLS = {"gru_v1": "the authors' GRU (gru_v1)", "gru": "Keras's GRU", "lstm": "Keras's LSTM"}


def reads(config: TrainConfig, parts: Sequence[dict[str, Any]]) -> str:
    """Returns how a model makes a probability of a record.

    Args:
        config: flags of its run.
        parts: those of a blend, in metrics.json, each with a name and a weight.
    """
    cell = f"{_CELLS[config.rnn_cell]} of width {config.rnn_size}"
    if config.blend:
        weights = ", ".join(f"{part['weight']:.2f} of the {part['name']}" for part in parts)
        return (
            f"adds the logits of several parts ({weights or ', '.join(config.blend)}; recurrent networks have {cell})"
        )
    if config.pooling == ("last",):
        return f"reads visits with {cell}"
    return f"reads the views {', '.join(config.pooling)} of a record" + (f", with {cell}" * ("last" in config.pooling))


def leaves_out(is_aged: bool, is_dated: bool) -> str:
    """Returns the facts about a patient that a model does not read, as a phrase.

    Args:
        is_aged: whether it reads age and sex.
        is_dated: whether it reads the days of visits.

    >>> leaves_out(True, False)
    'measurements, free text or the time between visits'
    >>> leaves_out(False, True)
    'age, sex, measurements or free text'
    """
    unread = [*(() if is_aged else ("age", "sex")), "measurements", "free text"]
    unread += [] if is_dated else ["the time between visits"]
    return f"{', '.join(unread[:-1])} or {unread[-1]}"
