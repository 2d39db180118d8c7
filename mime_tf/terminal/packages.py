"""Packages that only parts of the project need: imported on demand, and how to install one that is missing."""

import importlib
import re
import shlex
from pathlib import Path
from types import ModuleType

from mime_tf.errors import InputError

_ROOT = Path(__file__).resolve().parents[2]  # the clone, or site-packages


def require(module: str, user: str, extra: str) -> ModuleType:
    """Imports a package that belongs to an extra.

    Args:
        module: its name for `import`, such as `"matplotlib"`.
        user: the part of the project that needs it, for the message, such as `"pictures"`.
        extra: the extra that installs it, such as `"report"`.

    Returns:
        The module.

    Raises:
        InputError: it can't be imported; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise InputError(f"{user}: needs the package {name}, and {error}; {install_hint(extra)}") from error


def install_hint(extra: str) -> str:
    """Returns the command that installs the packages of an extra, from where this package came from.

    The project itself is not on PyPI, so its name never stands in the command: anyone could take it. A clone is named
    by its path; an installed package knows the names of the packages that its extra holds.

    Args:
        extra: the name of the extra, such as `"report"`.
    """
    if all((_ROOT / name).is_file() for name in ("pyproject.toml", "setup.py")):
        clone = "." if Path.cwd() == _ROOT else str(_ROOT)
        return f"pip install {shlex.quote(f'{clone}[{extra}]')}"
    import importlib.metadata  # slow to import, and rarely needed

    try:
        requirements = importlib.metadata.requires("mime-tf") or []
    except importlib.metadata.PackageNotFoundError:
        return f"its repository names the packages in requirements-{extra}.txt"
    names = [
        requirement.partition(";")[0].strip()
        for requirement in requirements
        if re.search(rf"""extra\s*==\s*["']{extra}["']""", requirement)
    ]
    return f"pip install {shlex.join(names)}"
