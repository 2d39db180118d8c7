"""Exit statuses of a command, and the line on stderr that explains each."""

import contextlib
import sys
from collections.abc import Callable

from mime_tf.errors import InputError, escaped
from mime_tf.terminal import streams

DONE, BAD_INPUT, STOPPED = 0, 2, 130
IF_STOPPED = "stopped"
EXPLANATION = "Exit status: 0 when all is done, 2 for bad input (one line on stderr says what), 130 after Ctrl-C."


class UsageError(InputError):
    """A command line is wrong; the message begins with the command whose `--help` helps."""


def run(program: str, action: Callable[[], None], if_stopped: str = IF_STOPPED) -> int:
    """Runs an action; an error that the user can mend becomes a line on stderr.

    Args:
        program: opens the line, such as `"mime-tf"`.
        action: raises `InputError` or `OSError` if the input is bad or the output can't be written.
        if_stopped: the line for Ctrl-C.

    Returns:
        The exit status.
    """
    streams.prepare()
    try:
        action()
    except InputError as error:
        _print(str(error) if isinstance(error, UsageError) else f"{program}: {error}")
        return BAD_INPUT
    except OSError as error:
        _print(f"{program}: {error.filename or 'writing'}: {error.strerror or error}")
        return BAD_INPUT
    except KeyboardInterrupt:
        _print(f"{program}: {if_stopped}")
        return STOPPED
    return DONE


def _print(text: str) -> None:
    with contextlib.suppress(OSError):  # stderr is full or gone; the status still tells
        print(escaped(text), file=sys.stderr)
