"""Signals that stop a command: SIGTERM and SIGHUP do what Ctrl-C does, at moments at which a command can stop."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # not every system has the last


class Stopped(KeyboardInterrupt):
    """A signal stopped the command.

    Args:
        number: of the signal.
    """

    def __init__(self, number: int):
        super().__init__(signal.Signals(number).name)
        self.number = number


class _Handler:
    """Raises `Stopped` when a signal arrives, or later if signals are held back.

    Attributes:
        number: of the first signal, or None.
        ignoring: whether signals no longer change anything.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.ignoring = False
        self._holding, self._waiting = 0, False

    def __call__(self, number: int, frame: Any) -> None:
        if self.ignoring:
            return
        self.number = self.number or number
        if self._holding:
            self._waiting = True
        else:
            raise Stopped(number)

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        self._holding += 1
        try:
            yield
        finally:
            self._holding -= 1
            if self._waiting and not self._holding and not self.ignoring:
                self._waiting = False
                assert self.number is not None
                raise Stopped(self.number)


_handler: _Handler | None = None  # that of the command which this process runs


@contextlib.contextmanager
def handled() -> Iterator[_Handler]:
    """Makes each of the signals raise `Stopped` in the block; one that the process ignores, as under nohup, stays so.

    Yields:
        The handler. In a thread other than the main one, where Python sets no handlers, no signal reaches it.
    """
    global _handler
    earlier, handler, before = _handler, _Handler(), {}
    if threading.current_thread() is threading.main_thread():
        numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
    for number, action in before.items():
        if action is not signal.SIG_IGN:
            signal.signal(number, handler)
    _handler = handler
    try:
        yield handler
    finally:
        handler.ignoring = True  # until each signal has its earlier action again
        _handler = earlier
        for number, action in before.items():
            signal.signal(number, signal.SIG_DFL if action is None else action)


def held_back() -> contextlib.AbstractContextManager[None]:
    """Holds signals back until the block ends: for short work that must not be left half done."""
    return contextlib.nullcontext() if _handler is None else _handler.holding()


def ignore() -> None:
    """Makes the command end by itself: its output takes its place now, so that a later signal finds it done."""
    if _handler is not None:
        _handler.ignoring = True


def ignore_until_exit() -> None:
    """Makes the process end with the status that it has by now, however long its threads take to end."""
    for name in NAMES:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
