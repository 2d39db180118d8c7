"""Standard streams that take whatever a command prints."""

import os
import sys


def prepare() -> None:
    """Makes stdout and stderr take any text, and opens the null device in place of one that is closed.

    A stream in ASCII or Latin-1 shows other characters as escapes. A closed one would give its descriptor to the next
    file that is opened, into which libraries would then write their messages.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != descriptor:
                os.dup2(opened, descriptor)
                os.close(opened)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(descriptor, "w", encoding="utf-8", errors="backslashreplace", closefd=False))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
