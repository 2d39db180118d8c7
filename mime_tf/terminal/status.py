"""Exit statuses of a command, and the line on stderr that explains each."""

import contextlib
import signal
import sys
from collections.abc import Callable

from mime_tf.errors import InputError, escaped
from mime_tf.terminal import signals, streams

DONE, BAD_INPUT = 0, 2
BOUND_PASSED = 3  # of monitor alone
SIGNALLED = 128  # and the number of the signal, as shells have it: 130 is Ctrl-C
IF_STOPPED = "stopped"
EXPLANATION = (
    "Exit status: 0 when all is done, 2 for bad input (one line on stderr says what), 130 after Ctrl-C, 143 after\n"
    "SIGTERM, 129 after SIGHUP."
)


class UsageError(InputError):
    """A command line is wrong; the message begins with the command whose `--help` helps."""


def run(program: str, action: Callable[[], int | None], if_stopped: str = IF_STOPPED) -> int:
    """Runs an action; an error that the user can mend, or a signal, becomes a line on stderr.

    Args:
        program: opens the line, such as `"mime-tf"`.
        action: raises `InputError` or `OSError` if the input is bad or the output can't be written. SIGTERM and SIGHUP
            raise KeyboardInterrupt in it, as Ctrl-C does. It returns an exit status of its own, or None for `DONE`.
        if_stopped: the line for a signal.

    Returns:
        The exit status.
    """
    streams.prepare()
    with signals.handled() as handler:
        try:
            code = action()
        except InputError as error:
            line, code = str(error) if isinstance(error, UsageError) else f"{program}: {error}", BAD_INPUT
        except OSError as error:
            line, code = f"{program}: {error.filename or 'writing'}: {error.strerror or error}", BAD_INPUT
        except KeyboardInterrupt:
            line, code = f"{program}: {if_stopped}", SIGNALLED + (handler.number or signal.SIGINT)
        else:
            return DONE if code is None else code
        signals.ignore()
        with contextlib.suppress(OSError):  # stderr is full or gone; the status still tells
            print(escaped(line), file=sys.stderr)
        return code
