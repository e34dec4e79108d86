"""Train mode, chance and the company of other images are noticed alike by every class."""

from __future__ import annotations

import re
import threading
import warnings
from collections.abc import Mapping

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import captum_deconvnet as cdn
from captum_deconvnet.errors import ModelError, TrainModeError

IMAGES = torch.rand(4, 3, 12, 12, generator=torch.Generator().manual_seed(0)) + 0.2
IMAGES[1:] *= 0.1
BOXES = {"eye": [cdn.Box(2, 2, 6, 6)] * 4}

CLASSES = {
    "record": lambda net: cdn.record(net, IMAGES),
    "record of a layer": lambda net: cdn.record(net, IMAGES, "last"),
    "DeconvNet": lambda net: cdn.DeconvNet(net).attribute(IMAGES, 1),
    "NeuronDeconvNet": lambda net: cdn.NeuronDeconvNet(net, "last").attribute(IMAGES, (1, 2, 2)),
    "LayerDeconvNet": lambda net: cdn.LayerDeconvNet(net, "last").attribute(IMAGES, 1),
    "FeatureDifference": lambda net: cdn.FeatureDifference(net, "last", value=2).attribute(IMAGES),
    "top_activations": lambda net: cdn.top_activations(net, "last", IMAGES, k=2, batch_size=4),
    "Occlusion": lambda net: cdn.Occlusion(net).attribute(IMAGES, (3, 4, 4), (3, 2, 2), target=1),
    "Occlusion, dense": lambda net: cdn.Occlusion(net, method="dense").attribute(
        IMAGES, (3, 4, 4), (3, 2, 2), target=1
    ),
    "OcclusionSensitivity": lambda net: cdn.OcclusionSensitivity(net, "last").attribute(
        IMAGES, 1, window=4, stride=2
    ),
    "FeatureInvariance": lambda net: cdn.FeatureInvariance(net, "last").attribute(
        IMAGES, values=[-1, 1, 2]
    ),
    "PartCorrespondence": lambda net: cdn.PartCorrespondence(net, "last").attribute(IMAGES, BOXES),
}


class Net(nn.Module):
    """A classifier with ``middle`` between its filters."""

    def __init__(self, middle):
        super().__init__()
        torch.manual_seed(3)
        self.conv, self.middle = nn.Conv2d(3, 4, 3), middle
        self.last, self.head = nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

    def forward(self, x):
        maps = self.last(self.middle(self.conv(x)))
        return self.head(maps.relu().mean((2, 3)))


class By(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def noise(x):
    return x + torch.rand_like(x)


def darker_together(x):
    return x * 2 if x.std() > 0.4 else x * 0.5


LEARNING = {
    "batch norm": (nn.BatchNorm2d(4), "batch norm 'middle'"),
    "batch norm in a sequence": (nn.Sequential(nn.BatchNorm2d(4)), "batch norm 'middle.0'"),
    "instance norm that learns": (
        nn.InstanceNorm2d(4, track_running_stats=True),
        "instance norm 'middle'",
    ),
}
CHANCE = {
    "dropout": nn.Dropout(0.5),
    "dropout of maps": nn.Dropout2d(0.5),
    "rrelu": nn.RReLU(0.1, 0.9),
    "dropout by function": By(lambda x: F.dropout(x, 0.5, training=True)),
    "noise": By(noise),
    "a random scale": By(lambda x: x * torch.rand(())),
}
HARMLESS = {
    "no chance": nn.Identity(),
    "dropout of nothing": nn.Dropout(0.0),
    "instance norm": nn.InstanceNorm2d(4),
    "group norm": nn.GroupNorm(2, 4),
    "numbers that change nothing": By(lambda x: x + 0 * torch.rand(())),
}


@pytest.mark.parametrize("kind", LEARNING)
@pytest.mark.parametrize("explain", CLASSES)
def test_a_norm_in_train_mode_is_refused_by_name_and_learns_nothing(explain, kind):
    middle, name = LEARNING[kind]
    net = Net(middle).train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with pytest.raises(TrainModeError, match=f"{re.escape(name)} runs in train mode"):
        CLASSES[explain](net)
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


@pytest.mark.parametrize("kind", CHANCE)
@pytest.mark.parametrize("explain", CLASSES)
def test_chance_is_said_in_the_same_words(explain, kind):
    with pytest.warns(UserWarning, match="different outputs for the same input: what is shown"):
        CLASSES[explain](Net(CHANCE[kind]).train())


@pytest.mark.parametrize("kind", HARMLESS)
@pytest.mark.parametrize("explain", CLASSES)
def test_train_mode_that_changes_nothing_is_no_fault(explain, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CLASSES[explain](Net(HARMLESS[kind]).train())


@pytest.mark.parametrize("explain", CLASSES)
def test_a_decision_that_images_make_together_is_refused_in_the_same_words(explain):
    with pytest.raises(ModelError, match="another output when other images are in its batch"):
        CLASSES[explain](Net(By(darker_together)).eval())


@pytest.mark.parametrize("explain", [name for name in CLASSES if name != "PartCorrespondence"])
def test_a_decision_of_one_image_alone_is_its_own(explain, monkeypatch):
    monkeypatch.setitem(globals(), "IMAGES", IMAGES[:1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CLASSES[explain](Net(By(lambda x: x * 2 if x[0].mean() > 100 else x * 0.5)).eval())


def test_what_is_drawn_to_compare_does_not_change_what_is_drawn_next():
    net = Net(nn.Dropout(0.5)).train()
    torch.manual_seed(5)
    net(IMAGES)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with pytest.warns(UserWarning, match="chance"):
        cdn.record(net, IMAGES)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("explain", [name for name in CLASSES if name != "FeatureDifference"])
def test_a_pass_of_another_thread_is_not_taken_for_ones_own(explain):
    net = Net(nn.Identity()).eval()
    expected = CLASSES[explain](net)
    others = torch.rand(7, 3, 14, 9, generator=torch.Generator().manual_seed(2))
    stop, failed = threading.Event(), []

    def run_on():
        try:
            while not stop.is_set():
                with torch.no_grad():
                    net(others)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=run_on)
    thread.start()
    try:
        found = [CLASSES[explain](net) for _ in range(3)]
    finally:
        stop.set()
        thread.join()
    assert not failed
    for each in found:
        for one, other in zip(numbers(each), numbers(expected), strict=True):
            torch.testing.assert_close(one, other)


def numbers(found):
    """The tensors of a result, whatever its class."""
    if isinstance(found, torch.Tensor):
        return [found]
    if isinstance(found, cdn.Recording):
        return [found.output, *found.activations.values()]
    parts = found.values() if isinstance(found, Mapping) else vars(found).values()
    kinds = (torch.Tensor, Mapping)
    return [tensor for part in parts if isinstance(part, kinds) for tensor in numbers(part)]
