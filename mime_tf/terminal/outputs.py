"""What the commands that write one file check before they read anything."""

import os

from mime_tf.errors import InputError


def check_file(output, overwrite):
    """Raises InputError unless a file may be written at the path `output`.

    Args:
        output: the path.
        overwrite: whether a file may be there already.
    """
    if os.path.isdir(output):
        raise InputError(f"{output}: is a folder; a file is written")
    if os.path.lexists(output) and not overwrite:
        raise InputError(f"{output}: exists; --overwrite replaces it")
    above = os.path.dirname(output) or "."
    while not os.path.lexists(above):
        above = os.path.dirname(above) or "."
    if not (os.path.isdir(above) and os.access(above, os.W_OK)):
        raise InputError(f"{output}: can't be written; {above} is not a folder that may be written to")
