"""The one exception that a user's input can cause, and how it shows what was found."""

import reprlib

import numpy as np


class InputError(ValueError):
    """Something the user gave is wrong: a file, a record, a flag, a run folder.

    The message is a single line that says where (file, patient, visit, Dx-object), what was found and what
    would be right. Commands print it as it stands and exit with status 2.
    """


class _Repr(reprlib.Repr):
    """A repr that stays short and doesn't fail on an int of more digits than Python agrees to print."""

    def __init__(self):
        super().__init__()
        self.maxlevel, self.maxlist, self.maxtuple, self.maxstring, self.maxother = 2, 4, 4, 60, 60

    def repr_int(self, value, level):
        return repr(value) if value.bit_length() < 100 else f"<an int of {value.bit_length()} bits>"


def show(value):
    """Describes a value in less than a line."""
    if isinstance(value, np.ndarray):
        return "a NumPy array (its .tolist() is a list)"
    text = " ".join(_Repr().repr(value).split())
    return text if len(text) <= 100 else text[:97] + "..."
