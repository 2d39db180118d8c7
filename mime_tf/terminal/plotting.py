"""Matplotlib, which only pictures need."""

from mime_tf.errors import InputError


def require_matplotlib():
    """Raises InputError where Matplotlib is missing."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise InputError(f"pictures need Matplotlib, and {error}; pip install 'mime-tf[report]'") from error
