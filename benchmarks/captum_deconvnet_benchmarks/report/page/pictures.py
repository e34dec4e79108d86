"""Pictures inside a page."""

from __future__ import annotations

import base64
import io

from matplotlib.figure import Figure
from PIL import Image

from captum_deconvnet.figures.style import save


def png_of_figure(figure: Figure) -> bytes:
    """A plot as PNG."""
    kept = io.BytesIO()
    save(figure, kept)
    return kept.getvalue()


def png_of_picture(picture: Image.Image) -> bytes:
    """A picture as PNG, with at most 256 colours: a third of the size."""
    kept = io.BytesIO()
    picture.quantize(256).save(kept, format="png", optimize=True)
    return kept.getvalue()


def data_uri(png: bytes) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
