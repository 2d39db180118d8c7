"""The folder of an exported model: checks that it may be written, and marks the card in it."""

import hashlib
import os

from mime_tf.errors import InputError
from mime_tf.terminal import files, outputs, reading

CARD = "MODEL_CARD.md"
_FILES = {"saved_model.pb", "fingerprint.pb", "variables", "assets", CARD}
_MARK = "<!-- Written by mime_tf export. SHA-256 of the text above: "


def check(output, overwrite):
    """Raises InputError unless an export may be written to a folder.

    Args:
        output: its path.
        overwrite: replace an earlier export, unless its card was changed since: the parts that people filled in would
            be lost.
    """
    output = os.path.normpath(output)
    outputs.check_writable(output)
    if not os.path.lexists(output) or (_is_folder(output) and not os.listdir(output)):
        return
    card = _read_card(output)
    if card is None:
        raise InputError(f"{output}: exists, and is no folder that this command wrote; give another, or move it away")
    if not overwrite:
        raise InputError(f"{output}: exists; --overwrite replaces it")
    if card != _marked(card.partition(_MARK)[0]):
        raise InputError(
            f"{os.path.join(output, CARD)}: was changed since it was written, and --overwrite would lose that; give "
            "another folder, or move this one away"
        )


def write_card(folder, text):
    """Writes the model card, with a last line by which a later change is noticed."""
    with files.replacing(os.path.join(folder, CARD), "w") as file:
        file.write(_marked(text))


def _is_folder(path):
    return os.path.isdir(path) and not os.path.islink(path)


def _read_card(folder):
    """Returns the card in a folder that holds an export and nothing else, or None."""
    if not (_is_folder(folder) and {"saved_model.pb", CARD} <= set(os.listdir(folder)) <= _FILES):
        return None
    with reading.open_binary(os.path.join(folder, CARD)) as file:
        text = file.read().decode("utf-8", "replace")
    return text if _MARK in text else None


def _marked(text):
    return f"{text}{_MARK}{hashlib.sha256(text.encode()).hexdigest()} -->\n"
