"""Names and numbers as text on one line."""

import math
import os


def one_line(name):
    """Returns a name as one line of printable characters; a name from a vocabulary may hold any.

    >>> one_line("gout" + chr(10) + "(acute)")
    'gout (acute)'
    """
    return printable(name).strip()


def printable(value):
    """Returns a value as text with a space in place of each character that can't be printed, line breaks included."""
    return "".join(letter if letter.isprintable() else " " for letter in str(value))


def file_name(path):
    """Returns the name of a file without its folders: a page that is handed round says nothing of a machine.

    >>> file_name("/home/ann/data/hf/"), file_name("hf"), file_name("")
    ('hf', 'hf', '')
    """
    return os.path.basename(os.path.normpath(str(path))) if path else str(path)


def without_folders(text, paths):
    """Returns a text in which paths are replaced by their last parts, such as that of an error on a page.

    >>> without_folders("/data/run/r0s0: unfinished", ["/data/run/r0s0", None])
    'r0s0: unfinished'
    """
    for path in paths:
        text = text.replace(str(path), file_name(path)) if path else text
    return text


def shortened(name, letters):
    """Returns a name in one line of at most `letters` characters, its end replaced by an ellipsis.

    >>> shortened("acute bronchitis", 9)
    'acute br…'
    """
    name = one_line(name)
    return name if len(name) <= letters else f"{name[: letters - 1]}…"


def count(value):
    """Returns a whole number with its thousands separated.

    >>> count(1234)
    '1,234'
    """
    return f"{value:,}"


def percent(share):
    """Returns a share as a percentage.

    >>> percent(0.125)
    '12.5%'
    """
    return f"{share:.1%}"


def decimal(value, digits=3, missing="–"):
    """Returns a number with `digits` decimals, or a dash where it is not defined.

    >>> decimal(0.5), decimal(float("nan"))
    ('0.500', '–')
    """
    return missing if math.isnan(value) else f"{value:.{digits}f}"


def interval(bounds, digits=3, missing=""):
    """Returns an interval, or `missing` where it is not defined.

    >>> interval((0.25, 0.5), 2), interval((float("nan"), float("nan")))
    ('0.25 to 0.50', '')
    """
    low, high = bounds
    return missing if math.isnan(low) else f"{low:.{digits}f} to {high:.{digits}f}"


def with_interval(value, bounds):
    """Returns the text of a value with its interval behind it, if it is defined.

    >>> with_interval("0.400", (0.25, 0.5)), with_interval("0.400", (float("nan"), float("nan")))
    ('0.400 (0.250 to 0.500)', '0.400')
    """
    within = interval(bounds)
    return f"{value} ({within})" if within else value


def signed(value, digits=3):
    """Returns a number with its sign and `digits` decimals; a number that rounds to zero is +0.

    >>> signed(-1.5), signed(-0.0001)
    ('-1.500', '+0.000')
    """
    return f"{round(value, digits) + 0.0:+.{digits}f}"
