"""What the figure's axes hold: arrays, frames and titles, not how the letters look."""

from __future__ import annotations

import numpy as np
import pytest

from captum_deconvnet import Box
from captum_deconvnet.pictures.display import Crop
from captum_deconvnet.projections.figure import (
    MARGIN,
    LayerRow,
    ProjectionPanel,
    brightness,
    projection_figure,
)


@pytest.fixture
def image():
    return np.random.default_rng(1).random((6, 8, 3))


def draw(image, projection, crop, **options):
    row = LayerRow("layer", [ProjectionPanel("unit", {"deconvnet": projection}, crop)])
    return projection_figure(image, [row], **options)


def pictures(figure):
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes]


def caption(axes):
    """The lines over a picture, the upper first."""
    return [text.get_text() for text in reversed(axes.texts)]


def test_the_columns_are_the_whole_image_the_patch_and_the_projection(image):
    projection = np.zeros((6, 8, 3))
    projection[2, 3] = [-2.0, 0.0, 1.0]
    figure = draw(image, projection, Crop(Box(1, 2, 4, 5)), percentile=100)
    whole, patch, shown = pictures(figure)
    np.testing.assert_array_equal(whole, image)
    np.testing.assert_array_equal(patch, image[1:4, 2:5])
    expected = np.full((3, 3, 3), 0.5)
    expected[1, 1] = [0.0, 0.5, 0.75]
    np.testing.assert_array_equal(shown, expected)


def test_patch_and_projection_have_neutral_grey_where_the_field_leaves_the_image(image):
    figure = draw(image, np.ones((6, 8, 3)), Crop(Box(0, 0, 2, 2), (1, 0, 2, 0)))
    _, patch, projection = pictures(figure)
    for picture in (patch, projection):
        assert picture.shape == (3, 4, 3)
        assert (picture[0] == 0.5).all()
        assert (picture[:, :2] == 0.5).all()
    np.testing.assert_array_equal(patch[1:, 2:], image[:2, :2])
    assert (projection[1:, 2:] == 1.0).all()


def test_the_frame_lies_on_the_edges_of_the_pixels_that_the_unit_sees(image):
    figure = draw(image, image, Crop(Box(1, 2, 4, 7)))
    for frame in figure.axes[0].patches:
        assert frame.get_bbox().extents.tolist() == [1.5, 0.5, 6.5, 3.5]  # left, top, right, bottom
    assert len(figure.axes[0].patches) == 2  # a white edge under the coloured one


def test_a_whole_map_is_shown_in_grey_beside_its_projection_on_the_whole_image(image):
    activations = np.array([[0.0, 1.0], [4.0, 3.0]])
    panel = ProjectionPanel("map", {"deconvnet": np.zeros((6, 8, 3))}, activations=activations)
    figure = projection_figure(image, [LayerRow("layer", [panel])])
    _, shown, projection = pictures(figure)
    np.testing.assert_array_equal(shown, np.stack([activations / 4] * 3, axis=-1))
    assert projection.shape == (6, 8, 3)
    assert not figure.axes[0].patches  # it sees the whole image


def test_the_lowest_value_of_a_signed_map_is_black_and_a_map_of_zeros_too():
    assert brightness(np.array([[-1.0, 3.0]])).ravel().tolist() == [0.0, 1.0]
    assert brightness(np.zeros((1, 2))).ravel().tolist() == [0.0, 0.0]


def test_frames_and_patches_of_one_unit_share_a_colour_and_units_do_not(image):
    panels = [
        ProjectionPanel(str(n), {"deconvnet": image}, Crop(Box(n, n, n + 2, n + 2))) for n in (0, 1)
    ]
    figure = projection_figure(image, [LayerRow("layer", panels)])
    frames = [patch.get_edgecolor() for patch in figure.axes[0].patches[1::2]]
    spines = [figure.axes[i].spines["left"].get_edgecolor() for i in (1, 3)]
    assert frames == spines
    assert frames[0] != frames[1]


def test_every_rule_gets_its_own_projection_beside_one_patch(image):
    projections = {"deconvnet": np.ones((6, 8, 3)), "guided": -np.ones((6, 8, 3))}
    row = LayerRow("layer", [ProjectionPanel("unit", projections, Crop(Box(0, 0, 2, 2)))])
    figure = projection_figure(image, [row])
    assert [caption(axes)[0] for axes in figure.axes] == [
        "layer",
        "unit",
        "deconvnet",
        "guided",
    ]
    assert (pictures(figure)[2] == 1.0).all()
    assert (pictures(figure)[3] == 0.0).all()


def test_the_contrast_factor_is_printed_over_the_projection(image):
    figure = draw(image, np.full((6, 8, 3), -0.25), None)
    assert caption(figure.axes[2]) == ["deconvnet", "\u00d72"]


def test_a_projection_of_zeros_says_so(image):
    figure = draw(image, np.zeros((6, 8, 3)), None)
    assert caption(figure.axes[2]) == ["deconvnet", "all zero"]


def test_a_grey_image_is_drawn_in_grey_and_not_in_false_colours():
    figure = draw(np.full((6, 8, 1), 0.25), np.zeros((6, 8, 1)), None)
    assert pictures(figure)[0].shape == (6, 8, 3)


def test_rows_may_have_different_numbers_of_panels(image):
    rows = [
        LayerRow("one", [ProjectionPanel("a", {"deconvnet": image})]),
        LayerRow(
            "two",
            [
                ProjectionPanel("b", {"deconvnet": image}),
                ProjectionPanel("c", {"deconvnet": image}),
            ],
        ),
    ]
    assert len(projection_figure(image, rows).axes) == 3 + 5


def test_square_pictures_fill_their_cells_inside_the_figure():
    picture = np.full((4, 4, 3), 0.5)
    panel = ProjectionPanel("a", {"deconvnet": picture})
    figure = projection_figure(
        picture, [LayerRow("layer", [panel, panel]), LayerRow("layer", [panel])]
    )
    for axes in figure.axes:
        box = axes.get_position()
        width, height = box.width * figure.get_figwidth(), box.height * figure.get_figheight()
        assert width == pytest.approx(height, rel=1e-6)
        assert box.x0 * figure.get_figwidth() > MARGIN - 1e-9


def test_a_figure_leaves_nothing_behind_in_pyplot(image):
    from matplotlib import pyplot

    draw(image, image, None)
    assert pyplot.get_fignums() == []
