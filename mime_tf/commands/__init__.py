"""The commands of `python -m mime_tf`: each turns its arguments into one call of a documented function."""
