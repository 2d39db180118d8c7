"""Exit statuses of a command, and the line on stderr that explains each."""

import sys
from collections.abc import Callable

from mime_tf.errors import InputError

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
    try:
        action()
    except InputError as error:
        print(error if isinstance(error, UsageError) else f"{program}: {error}", file=sys.stderr)
        return BAD_INPUT
    except OSError as error:
        print(f"{program}: {error.filename or 'writing'}: {error.strerror or error}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print(f"{program}: {if_stopped}", file=sys.stderr)
        return STOPPED
    return DONE
