"""Tables for a notebook, through pandas, which nothing else here needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from mime_tf.errors import InputError


def frame(columns: Mapping[str, Any], index: Sequence[str] | None = None) -> Any:
    """Returns a `pandas.DataFrame` of columns of equal length.

    Args:
        columns: dict from the name of each column to its values.
        index: name of each row; by default its position.

    Raises:
        InputError: pandas is missing.
    """
    try:
        import pandas
    except ImportError as error:
        raise InputError(f"to_frame needs pandas, and {error}; pip install pandas") from error
    return pandas.DataFrame(dict(columns), index)
