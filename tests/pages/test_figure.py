"""Figures and pictures, which show themselves in a notebook."""

from mime_tf.pages.figure import Figure, Picture


def drawn(text="risk"):
    figure = Figure(figsize=(2, 1))
    figure.text(0.1, 0.5, text)
    return figure


def test_a_figure_shows_itself():
    shown = drawn()._repr_png_()
    assert shown.startswith(b"\x89PNG") and shown == drawn().png()


def test_a_picture_shows_itself_and_has_a_short_repr():
    picture = drawn().png(dpi=100)
    assert isinstance(picture, bytes) and type(picture._repr_png_()) is bytes
    assert picture == Picture(picture._repr_png_()) == picture._repr_png_()
    assert repr(picture) == str(picture) == "Picture(200 x 100 pixels)"


def test_names_are_no_mathematics_and_letters_without_a_glyph_no_error(recwarn):
    assert drawn("$\\frac{ \U0001f9ec").png() != drawn("").png()
    assert not recwarn.list
