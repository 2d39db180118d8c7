"""Matplotlib figures, and their PNG files, that show themselves in a notebook."""

import io
import logging
import struct
import warnings

from matplotlib.figure import Figure as MatplotlibFigure
from matplotlib.text import Text

DPI = 150


class Picture(bytes):
    """The bytes of a PNG file."""

    def __repr__(self):
        width, height = struct.unpack(">2I", self[16:24])
        return f"Picture({width} x {height} pixels)"

    __str__ = __repr__

    def _repr_png_(self):
        return bytes(self)


class Figure(MatplotlibFigure):
    """A figure that shows itself in a notebook, and draws every text as it is: names are not mathematics."""

    def png(self, dpi=DPI):
        """Returns the figure as a Picture."""
        for text in self.findobj(Text):
            text.set_parse_math(False)
        file = io.BytesIO()
        with warnings.catch_warnings():
            # A letter that the font lacks shows as a box.
            warnings.filterwarnings("ignore", message="Glyph .* missing from")
            logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
            self.savefig(file, format="png", dpi=dpi)
        return Picture(file.getvalue())

    def _repr_png_(self):
        return self.png()
