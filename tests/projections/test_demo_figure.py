"""Several images side by side: everything in its place, pixel for pixel."""

from __future__ import annotations

import numpy as np

from captum_deconvnet import Box
from captum_deconvnet.pictures.display import Crop
from captum_deconvnet.projections.demo import SampleProjection, SampleRow, sample_figure


def test_each_image_has_its_patch_and_its_projection_in_every_row():
    image = np.linspace(0, 1, 64).reshape(8, 8, 1)
    projection = np.zeros((8, 8, 1))
    projection[2, 3], projection[4, 4] = 2.0, -1.0
    sight = SampleProjection("map 5: 2", projection, Crop(Box(2, 3, 6, 7)))
    rows = [SampleRow(f"layer {number}", [sight] * 3) for number in (1, 2)]
    figure = sample_figure([(name, image) for name in "abc"], rows, percentile=100)

    pictures = [axes.images[0].get_array() for axes in figure.axes]
    assert len(pictures) == 3 * (1 + 2 * 2)
    whole, patch, projected = pictures[:3]
    np.testing.assert_array_equal(whole[..., 0], image[..., 0])
    np.testing.assert_array_equal(patch[..., 0], image[2:6, 3:7, 0])
    assert projected.shape == (4, 4, 3)
    assert (projected[0, 0, 0], projected[2, 1, 0], projected[3, 3, 0]) == (1.0, 0.25, 0.5)
    assert len(figure.axes[0].patches) == 2  # a frame a layer
    assert [text.get_text() for text in figure.texts] == ["layer 1", "layer 2"]
