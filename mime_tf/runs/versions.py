"""The versions of what computes a model, kept beside every result."""

import platform
from importlib import metadata

PACKAGES = ("tensorflow", "keras", "numpy", "scikit-learn")


def versions():
    """Returns a dict from name to version."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}
