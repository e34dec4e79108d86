"""Arguments of the model after its inputs, wherever a model is called."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

IMAGES = torch.rand(3, 3, 10, 10, generator=torch.Generator().manual_seed(5))
GAINS = torch.tensor([0.5, 1.0, 3.0])


class Gained(nn.Module):
    """Its images times a gain, one or one an image, and then convolved."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.conv = nn.Conv2d(3, 4, 3)
        self.relu = nn.ReLU()
        self.head = nn.Linear(4, 5)

    def forward(self, x, gain, *, shift=0.0):
        gain = gain.view(-1, 1, 1, 1) if isinstance(gain, torch.Tensor) else gain
        return self.head(self.relu(self.conv(x * gain + shift)).mean((2, 3)))


class Fixed(nn.Module):
    """The same, of one gain that is part of it."""

    def __init__(self, gain):
        super().__init__()
        self.net, self.gain = Gained(), gain

    def forward(self, x):
        return self.net(x, self.gain)


def run(model, prefix, **given):
    """Every class and function that calls a model, and what it gives as tensors."""
    layer, unit = f"{prefix}relu", cdn.Unit(0, f"{prefix}relu", 2, 3, 3)
    boxes = {"eye": [cdn.Box(1, 1, 5, 5)] * 3}
    return {
        "DeconvNet": lambda: cdn.DeconvNet(model).attribute(IMAGES, 1, **given),
        "NeuronDeconvNet": lambda: cdn.NeuronDeconvNet(model, layer).attribute(
            IMAGES, (1, 2, 2), **given
        ),
        "LayerDeconvNet": lambda: cdn.LayerDeconvNet(model, layer).attribute(IMAGES, 1, **given),
        "Occlusion": lambda: cdn.Occlusion(model).attribute(
            IMAGES, (3, 4, 4), (3, 3, 3), target=1, **given
        ),
        "OcclusionSensitivity": lambda: (
            cdn.OcclusionSensitivity(model, layer)
            .measure(IMAGES, 1, window=4, stride=3, other_inputs=IMAGES.flip(0), **given)
            .activity
        ),
        "FeatureInvariance": lambda: (
            cdn.FeatureInvariance(model, layer)
            .measure(IMAGES, 1, values=[-2, 0, 1], equivariance=True, batch_size=4, **given)
            .distance(layer, "euclidean")
        ),
        "FeatureDifference": lambda: cdn.FeatureDifference(model, layer, "rotation", 90).attribute(
            IMAGES, **given
        ),
        "PartCorrespondence": lambda: torch.tensor(
            cdn.PartCorrespondence(model, layer).measure(IMAGES, boxes, **given)[layer]["eye"].mean
        ),
        "record": lambda: cdn.record(model, IMAGES, layer, **given).project(unit),
        "receptive_field": lambda: torch.tensor(
            cdn.receptive_field(model, layer, (3, 10, 10), **given).size
        ),
        "top_activations": lambda: (
            cdn.top_activations(model, layer, IMAGES, batch_size=2, **given).values
        ),
        "trust_checks": lambda: (
            cdn.trust_checks(model, IMAGES[:1], unit, IMAGES[1:2], **given)
            .checks["random weights"]
            .projection
        ),
    }


NAMES = list(run(None, ""))
NOT_CHANGED = ("receptive_field", "PartCorrespondence", "LayerDeconvNet")
"""What here does not depend on the gain."""
BY_IMAGE = [
    name for name in NAMES if name not in ("receptive_field", "top_activations", "trust_checks")
]


@pytest.mark.parametrize("name", NAMES)
def test_an_argument_for_all_images_is_passed_on(name):
    given = run(Gained().eval(), "", additional_forward_args=2.5)[name]()
    fixed = run(Fixed(2.5).eval(), "net.")[name]()
    assert_close(given, fixed)
    other = run(Gained().eval(), "", additional_forward_args=(0.1,))[name]()
    assert name in NOT_CHANGED or not given.equal(other)


@pytest.mark.parametrize("name", BY_IMAGE)
def test_an_argument_with_a_row_an_image_goes_with_its_image(name):
    """One image after the other, each with its own gain, gives the same."""
    found = run(Gained().eval(), "", additional_forward_args=GAINS)[name]()
    if name == "PartCorrespondence":
        fixed = run(Scaled(), "net.")[name]()
    elif name == "record":
        fixed = run(Fixed(0.5).eval(), "net.")[name]()
    else:
        rows = [run(Fixed(float(gain)).eval(), "net.")[name]() for gain in GAINS]
        fixed = torch.stack([row[image] for image, row in enumerate(rows)])
    assert_close(found, fixed)


class Scaled(Fixed):
    def __init__(self):
        super().__init__(GAINS)
        self.eval()

    def forward(self, x):
        gain = GAINS if len(x) == len(GAINS) else GAINS[: len(x)]
        return self.net(x, gain)


def test_a_saved_scan_knows_the_models_arguments(tmp_path):
    model, file = Gained().eval(), tmp_path / "scan.safetensors"
    cdn.top_activations(model, "relu", IMAGES, out=file, additional_forward_args=GAINS[:1])
    cdn.top_activations(model, "relu", IMAGES, out=file, additional_forward_args=GAINS[:1])
    with pytest.raises(cdn.errors.ScanError, match="another model"):
        cdn.top_activations(model, "relu", IMAGES, out=file, additional_forward_args=GAINS[1:2])
