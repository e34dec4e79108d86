"""Figures are the same whatever a user's settings, and draw any name without a word on stderr."""

from __future__ import annotations

import io

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from captum_deconvnet import Box
from captum_deconvnet.gallery.evolution import MapAtCheckpoint, evolution_figure
from captum_deconvnet.invariance.figure import CurvePanel, TransformColumn, invariance_figure
from captum_deconvnet.occlusion.figure import OccludedImage, occlusion_figure
from captum_deconvnet.pictures.display import Crop
from captum_deconvnet.pictures.style import UNKNOWN_LETTER, legible, save
from captum_deconvnet.projections.demo import SampleProjection, SampleRow, sample_figure
from captum_deconvnet.projections.figure import LayerRow, ProjectionPanel, projection_figure
from captum_deconvnet.projections.trust_report import CheckRow, checks_figure

GREY = np.full((6, 8, 3), 0.5)
CROP = Crop(Box(0, 0, 4, 4))


def checks(name):
    return checks_figure(name, [CheckRow(name, GREY, GREY, {name: GREY})])


def evolution(name):
    tile = np.zeros((8, 8, 3), dtype=np.uint8)
    return evolution_figure(
        name, [name], [(name, [MapAtCheckpoint(tile, tile, name, jumped=True)])]
    )


def invariance(name):
    panel = CurvePanel(name, np.ones((2, 3)), np.ones((2, 3)))
    column = TransformColumn(name, name, np.arange(3.0), [0.0], [[GREY], [GREY]], [panel])
    return invariance_figure([column], [name, name], title=name)


def occlusion(name):
    cells = np.ones((2, 2))
    shown = OccludedImage(
        image=GREY, window=2, probability=cells, clean_probability=0.5, target=name,
        labels=cells.astype(int), names={1: name}, activity=cells, channel=name, projection=GREY,
    )  # fmt: skip
    return occlusion_figure(shown, title=name)


def projections(name):
    return projection_figure(
        GREY, [LayerRow(name, [ProjectionPanel(name, {name: GREY}, CROP)])], title=name
    )


def samples(name):
    return sample_figure([(name, GREY)], [SampleRow(name, [SampleProjection(name, GREY, CROP)])])


FIGURES = [checks, evolution, invariance, occlusion, projections, samples]
NAMES = [
    "a$\\frac$b", "$5_^ and $6", "100 % {x} \\u", "\u6f22\u5b57", "\U0001f408", "\udcff\udc80",
    "tab\tand\x00\x1b", "cafe\u0301 \u202e", "two\nlines", "\u0e44\u0e17\u0e22", "-", "",
]  # fmt: skip
SETTINGS = {
    "text.usetex": True, "font.size": 40, "font.family": "serif", "savefig.dpi": 30,
    "figure.dpi": 20, "axes.facecolor": "red", "savefig.transparent": True, "image.cmap": "gray",
    "savefig.bbox": "tight", "axes.grid": True, "figure.autolayout": True, "image.origin": "lower",
    "lines.linewidth": 9,
}  # fmt: skip


def pixels(figure):
    file = io.BytesIO()
    save(figure, file)
    with Image.open(file) as picture:
        return np.asarray(picture)


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_every_figure_draws_any_name(draw, name):
    assert pixels(draw(name)).size  # a warning on the way is an error


@pytest.mark.parametrize("draw", FIGURES, ids=lambda draw: draw.__name__)
def test_a_users_settings_change_no_figure_and_are_left_as_they_were(draw):
    expected = pixels(draw("name"))
    with matplotlib.rc_context(SETTINGS):
        before = dict(matplotlib.rcParams)
        found = pixels(draw("name"))
        assert dict(matplotlib.rcParams) == before
    np.testing.assert_array_equal(found, expected)


def test_a_dollar_sign_is_drawn_as_one():
    plain, dollars = (np.sort(pixels(projections(name)).ravel()) for name in ("abc", "$a$bc"))
    assert (dollars < 128).sum() > (plain < 128).sum()  # more ink, and no sloping letters


def test_a_letter_that_no_font_has_becomes_a_box():
    assert legible("a\udcffb\n\x00\u00e9") == f"a{UNKNOWN_LETTER}b\n{UNKNOWN_LETTER}\u00e9"


@pytest.mark.parametrize("lowest", [0.3, 1 - 1e-5])
def test_the_numbers_of_a_colour_scale_stand_alone(lowest):
    shown = OccludedImage(
        image=GREY, window=2, probability=np.array([[lowest, 1.0]]), clean_probability=1.0,
        target="bag", labels=np.ones((1, 2), dtype=int), names={1: "bag"},
    )  # fmt: skip
    figure = occlusion_figure(shown, title="bag")
    FigureCanvasAgg(figure).draw()
    assert {axes.xaxis.get_offset_text().get_text() for axes in figure.axes} == {""}
