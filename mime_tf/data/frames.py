"""Tables for a notebook, through pandas, which nothing else here needs."""

from typing import Any

from mime_tf.errors import InputError


def frame(columns: dict[str, Any]) -> Any:
    """Returns a `pandas.DataFrame` of columns of equal length.

    Raises:
        InputError: pandas is missing.
    """
    try:
        import pandas
    except ImportError as error:
        raise InputError(f"to_frame needs pandas, and {error}; pip install pandas") from error
    return pandas.DataFrame(columns)
