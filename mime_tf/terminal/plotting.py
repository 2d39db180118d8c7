"""Matplotlib, which pictures alone need."""

from mime_tf.terminal import packages


def require_matplotlib() -> None:
    """Raises InputError where Matplotlib is missing."""
    packages.require("matplotlib", "pictures", "report")
