"""Versions of the software that computes a model, kept beside every result."""

import platform
from importlib import metadata

PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn")


def versions() -> dict[str, str]:
    """Returns a dict from the name of each package, and of Python, to its version."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}
