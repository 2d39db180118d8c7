"""The one exception that a user's input can cause, and the way it shows a value."""

import re
import reprlib
import sys
from typing import Any


class InputError(ValueError):
    """A file, a record, a flag or a run folder of the user is wrong.

    The message is a single line that names the place (file, patient, visit, Dx-object), the value found there and a
    right one. Commands print it unchanged and exit with status 2.
    """


# Control characters, separators of lines and paragraphs, marks that reorder text, and halves of characters, which stand
# for bytes of a file's name that are not UTF-8.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def escaped(text: str) -> str:
    r"""Returns a text as one line in which nothing steers a terminal or reorders what is read.

    Names in data, of columns and of files may hold any character.

    >>> print(escaped("gout" + chr(10) + chr(0x1b) + "[2J" + chr(0x202e) + "é"))
    gout\n\x1b[2J\u202eé
    """
    return _UNSHOWN.sub(lambda match: match[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


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
