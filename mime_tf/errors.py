"""The one exception that a user's input can cause, and the way it shows a value."""

import reprlib
import sys
from typing import Any


class InputError(ValueError):
    """A file, a record, a flag or a run folder of the user is wrong.

    The message is a single line that names the place (file, patient, visit, Dx-object), the value found there and a
    right one. Commands print it unchanged and exit with status 2.
    """


class _Repr(reprlib.Repr):
    """A repr that stays short, and takes an int of more digits than Python agrees to print."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxlist, self.maxtuple, self.maxstring, self.maxother = 2, 4, 4, 60, 60

    def repr_int(self, value: int, level: int) -> str:
        return repr(value) if value.bit_length() < 100 else f"<an int of {value.bit_length()} bits>"


def show(value: Any) -> str:
    """Returns a description of a value that is shorter than a line."""
    # Without importing NumPy, which costs a command half of its time to start: whoever made an array has imported it.
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return "a NumPy array (its .tolist() is a list)"
    text = " ".join(_Repr().repr(value).split())
    return text if len(text) <= 100 else text[:97] + "..."
