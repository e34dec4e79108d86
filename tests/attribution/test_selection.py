"""Every form of target, neuron selector, input tuple and extra argument that Captum takes."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-10, "atol": 1e-10}


class Small(nn.Module):
    """A conv net whose output has ``shape`` per image; unshared nn.ReLU modules."""

    def __init__(self, *shape):
        super().__init__()
        torch.manual_seed(9)
        self.shape, size = shape, int(torch.tensor(shape).prod()) if shape else 1
        self.conv1, self.relu1 = nn.Conv2d(2, 4, 3), nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.conv2, self.relu2 = nn.Conv2d(4, 3, 2), nn.ReLU()
        self.head = nn.Linear(12, size)
        self.double()

    def forward(self, x):
        x = self.pool(self.relu1(self.conv1(x)))
        x = self.head(self.relu2(self.conv2(x)).flatten(1))
        return x.reshape(len(x), *self.shape)


def images(count=3):
    return torch.randn(count, 2, 8, 8, dtype=torch.float64)


TARGETS = {
    "None, a scalar per image": ((), None),
    "int": ((5,), 3),
    "negative int": ((5,), -1),
    "scalar tensor": ((5,), torch.tensor(3)),
    "tensor of one": ((5,), torch.tensor([3])),
    "tuple of one": ((5,), (3,)),
    "tuple": ((4, 5), (1, 3)),
    "longer tuple": ((2, 3, 2), (1, 2, 0)),
    "list of ints": ((5,), [4, 0, 2]),
    "tensor of ints": ((5,), torch.tensor([4, 0, 2])),
    "list of tuples": ((4, 5), [(0, 1), (3, 4), (2, 0)]),
}


@pytest.mark.parametrize("form", TARGETS)
def test_every_form_of_target_gives_what_captum_gives(form, captum_deconvolution):
    """captum.md, section 1: all the forms."""
    shape, target = TARGETS[form]
    model, batch = Small(*shape), images()
    ours = cdn.DeconvNet(model).attribute(batch, target)
    assert ours.any()
    assert_close(ours, captum_deconvolution(model, batch, target), **EXACT)


def test_a_list_of_targets_gives_each_image_its_own():
    model, batch = Small(5), images()
    together = cdn.DeconvNet(model).attribute(batch, [4, 0, 2])
    for k, target in enumerate([4, 0, 2]):
        alone = cdn.DeconvNet(model).attribute(batch[k : k + 1], target)
        assert_close(together[k : k + 1], alone, **EXACT)


SELECTORS = {
    "int on a linear layer": ("head", 2),
    "tuple of one on a linear layer": ("head", (2,)),
    "slice on a linear layer": ("head", (slice(1, 4),)),
    "tuple": ("conv2", (2, 1, 0)),
    "one slice": ("conv2", (2, slice(None), 0)),
    "slices": ("conv1", (slice(0, 4, 2), slice(1, 3), 4)),
    "negative position": ("conv1", (0, -1, -2)),
    "callable, one value per image": ("conv1", lambda x: x[:, 1, 2, 3]),
    "callable, one value": ("conv1", lambda x: x[:, 1].sum()),
    "callable, weighted": ("pool", lambda x: (x * 0.5).sum((1, 2, 3)) - x[:, 0, 0, 0]),
    "callable, largest": ("relu2", lambda x: x.flatten(1).max(dim=1).values),
    "on a relu": ("relu1", (1, 2, 3)),
    "on a pool": ("pool", (1, 2, 1)),
}


@pytest.mark.parametrize("at_input", [False, True], ids=["output", "input"])
@pytest.mark.parametrize("form", SELECTORS)
def test_every_form_of_neuron_selector_gives_what_captum_gives(form, at_input, captum_neuron):
    """captum.md, section 1: ints, slices (summed) and callables, at either end of the layer."""
    name, selector = SELECTORS[form]
    model, batch = Small(5), images()
    layer = model.get_submodule(name)
    theirs = captum_neuron(model, layer, batch, selector, attribute_to_neuron_input=at_input)
    ours = cdn.NeuronDeconvNet(model, layer).attribute(
        batch, selector, attribute_to_neuron_input=at_input
    )
    assert_close(ours, theirs, **EXACT)


def test_a_slice_is_projected_as_one_seed_not_as_a_sum_of_projections():
    """The projection is not additive, so the seeds are projected together."""
    model, batch = Small(5), images()
    explained = cdn.NeuronDeconvNet(model, model.head)
    together = explained.attribute(batch, (slice(0, 5),))
    apart = sum(explained.attribute(batch, k) for k in range(5))
    assert not torch.allclose(together, apart)


def test_a_neuron_of_the_last_layer_is_a_target():
    """As Captum's own test of matching classes."""
    model, batch = Small(5), images()
    for k in range(5):
        target = cdn.DeconvNet(model).attribute(batch, k)
        assert_close(cdn.NeuronDeconvNet(model, model.head).attribute(batch, k), target, **EXACT)


def test_a_layer_may_be_named_by_its_path():
    """Ours alone: a module path beside a module."""
    model, batch = Small(5), images()
    by_module = cdn.NeuronDeconvNet(model, model.conv2).attribute(batch, (1, 0, 1))
    assert_close(
        cdn.NeuronDeconvNet(model, "conv2").attribute(batch, (1, 0, 1)), by_module, **EXACT
    )


class TwoPictures(nn.Module):
    """Two images in, each with its convolution; and arguments that are not images."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 3).double(), nn.Conv2d(2, 3, 3).double()
        self.relu, self.head = nn.ReLU(), nn.Linear(3, 4).double()

    def forward(self, one, two, scale=1.0, offset=None):
        x = self.relu(self.first(one) + scale * self.second(two))
        x = self.head(x.mean((2, 3)))
        return x if offset is None else x + offset


def two_pictures():
    return (
        torch.randn(3, 1, 6, 6, dtype=torch.float64),
        torch.randn(3, 2, 6, 6, dtype=torch.float64),
    )


EXTRA = {
    "none": None,
    "one value": 2.0,
    "a tuple": (2.0, torch.ones(3, 4, dtype=torch.float64)),
    "None among them": (3.0, None),
}


@pytest.mark.parametrize("extra", EXTRA)
def test_a_tuple_in_is_a_tuple_out(extra, captum_deconvolution):
    """With every form of additional_forward_args."""
    model, pictures = TwoPictures(), two_pictures()
    ours = cdn.DeconvNet(model).attribute(pictures, 2, EXTRA[extra])
    theirs = captum_deconvolution(model, pictures, 2, EXTRA[extra])
    assert isinstance(ours, tuple)
    for mine, captums, picture in zip(ours, theirs, pictures, strict=True):
        assert mine.shape == picture.shape
        assert_close(mine, captums, **EXACT)


def test_a_tuple_of_one_is_a_tuple_of_one():
    model, batch = Small(5), images()
    (inside,) = cdn.DeconvNet(model).attribute((batch,), 1)
    assert_close(inside, cdn.DeconvNet(model).attribute(batch, 1), **EXACT)


def test_neurons_of_a_model_with_two_images(captum_neuron):
    model, pictures = TwoPictures(), two_pictures()
    ours = cdn.NeuronDeconvNet(model, model.relu).attribute(pictures, (1, 2, 3), 2.0)
    theirs = captum_neuron(model, model.relu, pictures, (1, 2, 3), 2.0)
    for mine, captums in zip(ours, theirs, strict=True):
        assert_close(mine, captums, **EXACT)


def test_no_attribution_goes_to_extra_arguments():
    """An extra tensor is not an input: neither returned nor marked."""
    model, pictures = TwoPictures(), two_pictures()
    offset = torch.ones(3, 4, dtype=torch.float64)
    result = cdn.DeconvNet(model).attribute(pictures, 2, (1.0, offset))
    assert len(result) == 2
    assert not offset.requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16], ids=str)
def test_attributions_keep_the_dtype_of_the_input(dtype):
    model = Small(5).to(dtype)
    assert cdn.DeconvNet(model).attribute(images().to(dtype), 1).dtype == dtype


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_attributions_on_the_gpu_are_those_on_the_cpu():
    model, batch = Small(5), images()
    expected = cdn.DeconvNet(model).attribute(batch, [4, 0, 2])
    moved = cdn.DeconvNet(model.cuda()).attribute(batch.cuda(), [4, 0, 2])
    assert moved.device.type == "cuda"
    assert_close(moved.cpu(), expected, **EXACT)
