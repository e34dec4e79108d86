"""The figure of Fig. 5: what is drawn, where."""

from __future__ import annotations

import numpy as np
import pytest

from captum_deconvnet.invariance.figure import CurvePanel, TransformColumn, invariance_figure


def column(title="scale", values=(2.0, 1.0), images=2, band=True):
    curves = np.array([[3.0, 0.0], [1.0, 0.0]])[:images]
    panels = [
        CurvePanel("distance", curves, np.array([[1.0, 0.0], [3.0, 0.0]]) if band else None),
        CurvePanel("probability", curves / 4, top=1.0),
    ]
    strips = [[np.full((8, 8, 3), 0.25), np.full((8, 8, 3), 0.75)]] * images
    return TransformColumn(title, "times larger", np.array(values), sorted(values), strips, panels)


def test_a_column_has_its_pictures_and_its_curves_sorted_by_value():
    figure = invariance_figure([column()], ["a", "b"], title="net")
    pictures, distances, chances = figure.axes
    assert pictures.images[0].get_array().shape == (16, 16, 3)
    assert [text.get_text() for text in pictures.get_xticklabels()] == ["1", "2"]
    assert distances.lines[0].get_xydata().tolist() == [[1, 0], [2, 3]]
    assert distances.lines[2].get_xydata().tolist() == [[1, 0], [2, 2]]  # the mean
    assert chances.get_ylim() == (0, 1)


def test_columns_share_their_upright_axes():
    steep = column("rotation")
    steep.panels[0].curves[0, 0] = 40
    figure = invariance_figure([column(), steep], ["a", "b"], title="net")
    assert figure.axes[1].get_ylim() == figure.axes[4].get_ylim() == (0, 42)


@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_curves_with_nothing_to_draw_are_drawn_as_nothing(value):
    empty = column(images=1, band=False)
    empty.panels[0].curves[:] = value
    figure = invariance_figure([empty], ["a"], title="net")
    figure.canvas.draw()
    assert figure.axes[1].get_ylim() == (0, 1)


def test_every_image_is_in_the_legend_once():
    figure = invariance_figure([column(), column()], ["a.png", "b.png"], title="net")
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["a.png", "b.png", "mean, 95 % band"]
