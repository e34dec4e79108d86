"""Panels of a scan against projections of the image alone."""

from __future__ import annotations

import pytest
import torch

import captum_deconvnet as cdn
from captum_deconvnet.errors import ScanError
from captum_deconvnet.gallery.panels import project_panels


def test_every_strong_activation_gets_its_projection_and_patch(net, images):
    top = cdn.top_activations(net, ["1", "4"], images, k=3)
    found = {}
    for image in project_panels(net, images, top, {"1": [2], "4": [0, 3]}):
        for panel in image.panels:
            assert panel.unit.image == image.image
            found[panel.unit.layer, panel.unit.channel, panel.rank] = panel
    assert len(found) == 9
    for (layer, channel, rank), panel in found.items():
        unit = list(top.units(layer, channel))[rank]
        assert panel.unit == unit
        alone = cdn.record(net, images[unit.image : unit.image + 1], layer)
        place = cdn.Unit(0, layer, channel, unit.row, unit.column)
        box = cdn.receptive_field(net, layer, (1, 8, 9)).box(unit.row, unit.column)
        assert panel.box == box
        cut = (slice(None), slice(box.top, box.bottom), slice(box.left, box.right))
        torch.testing.assert_close(panel.projection, alone.project([place])[0][cut])
        assert torch.equal(panel.patch, images[unit.image][cut])


def test_an_image_that_is_another_each_time_is_refused(net, images):
    class Flips:
        turns = 0

        def __len__(self):
            return 23

        def __getitem__(self, number):
            self.turns += 1
            return images[number] * self.turns

    flips = Flips()
    top = cdn.top_activations(net, "4", flips, k=3)
    with pytest.raises(ScanError, match="the same each time"):
        list(project_panels(net, flips, top, {"4": [0, 1, 2, 3]}))
