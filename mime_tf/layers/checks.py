"""Check of the sizes of a layer."""


def require_sizes(**sizes):
    """Raises ValueError, naming the argument, unless each of `sizes` is a positive integer."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"`{name}` must be a positive integer. Received: {name}={size!r}")
