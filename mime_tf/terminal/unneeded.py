"""Hides packages from others that import them wherever they are installed, for uses that no command has."""

import contextlib
import sys
from collections.abc import Iterator

# Keras imports these for kinds of input, wrappers and pictures. They take a second and 0.16 GB.
OF_KERAS = ("matplotlib", "pandas", "scipy", "sklearn")
# scikit-learn imports it for kinds of input.
OF_SKLEARN = ("pandas",)
_hiding = False


def start_hiding() -> None:
    """Lets `hidden` hide packages in this process, that of a command."""
    global _hiding
    _hiding = True


@contextlib.contextmanager
def hidden(*names: str) -> Iterator[None]:
    """Makes packages seem not to be installed, for the import of another; does nothing unless a command is running.

    In the library nothing is hidden: its user may give Keras a table of pandas later. Packages that are already
    imported stay.
    """
    absent = [name for name in names if name not in sys.modules] if _hiding else []
    # At None an import says that there is no such package.
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
