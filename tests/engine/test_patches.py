"""Many units at once, each inside its receptive field: the same values as one by one."""

from __future__ import annotations

import itertools
import weakref

import pytest
import reference
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from random_nets import nets
from torch import nn
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-10, "atol": 1e-12}
SINGLE = 1e-6


def on_the_picture(patches, shape):
    """Each patch put at its box into a picture of zeros."""
    pictures = torch.zeros(len(patches), *shape, dtype=patches[0].pixels.dtype)
    for picture, patch in zip(pictures, patches, strict=True):
        box = patch.box
        picture[..., box.top : box.bottom, box.left : box.right] = patch.pixels
    return pictures


def every_unit(recording, layer):
    """Every place of two channels of every image, and the places' own activation."""
    shape = recording.activations[layer].shape
    places = itertools.product(*(range(size) for size in shape[2:]))
    return [
        cdn.Unit(image, layer, channel, *place)
        for place in places
        for image in range(shape[0])
        for channel in {0, shape[1] - 1}
    ]


def assert_as_one_by_one(recording, layer, shape, **options):
    units = every_unit(recording, layer)
    single = torch.cat(
        [recording.project(unit, **options) for unit in units[:: len(units) // 12 + 1]]
    )
    patches = recording.project_patches(units[:: len(units) // 12 + 1], **options)
    assert_close(on_the_picture(patches, shape), single, **EXACT)
    together = recording.project(units, **options)
    assert_close(
        on_the_picture(recording.project_patches(units, **options), shape), together, **EXACT
    )


@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=nets(), pick=st.integers(0, 2**16), relu=st.sampled_from(["deconvnet", "guided"]))
def test_a_random_net_has_the_patches_of_its_projections(case, pick, relu):
    """Convolutions, pools, norms and skips of any geometry; every place, borders included."""
    net, images = case
    layer = str(pick % len(net))
    recording = cdn.record(net, images, layer, relu=relu)
    assert_as_one_by_one(recording, layer, images.shape[1:], seed=1.0)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(case=nets(), pick=st.integers(0, 2**16))
def test_a_random_net_has_the_patches_of_its_literal_twin(case, pick):
    net, images = case
    layer = pick % len(net)
    with torch.no_grad():
        captured = net[: layer + 1](images.clone())
    places = list(itertools.product(*(range(size) for size in captured.shape[1:])))
    index = places[pick % len(places)]
    signal = reference.one_hot(captured, *index)
    literal = reference.project(net[: layer + 1], images, signal).detach()
    units = [cdn.Unit(n, str(layer), *index) for n in range(2)]
    patches = cdn.record(net, images, str(layer)).project_patches(units, seed=1.0)
    assert_close(on_the_picture(patches, images.shape[1:]), literal, rtol=1e-9, atol=1e-9)


class Branches(nn.Module):
    """One operation between a convolution and a joint of two paths."""

    def __init__(self, operation):
        super().__init__()
        self.operation = operation
        self.one, self.other = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(2, 4, 5, padding=2)
        self.top = nn.Conv2d(8, 3, 3)

    def forward(self, x):
        joined = torch.cat([self.one(x), self.other(x).relu()], 1)
        return self.top(self.operation(joined)).relu()


OPERATIONS = {
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "bilinear": lambda x: F.interpolate(x, size=(9, 13), mode="bilinear"),
    "average": lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "ceil average": lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True),
    "overlapping maximum": lambda x: F.max_pool2d(x, 3, 2, 1),
    "dilated maximum": lambda x: F.max_pool2d(x, 2, 1, dilation=2),
    "adaptive maximum": lambda x: F.adaptive_max_pool2d(x, (5, 4)),
    "adaptive average": lambda x: F.adaptive_avg_pool2d(x, (4, 5)),
    "zero border": lambda x: F.pad(x, (2, 0, 1, 3)),
    "cropped": lambda x: F.pad(x, (-2, 1, -1, 0)),
    "mirrored border": lambda x: F.pad(x, (2, 2, 1, 1), mode="reflect"),
    "border twice": lambda x: F.pad(F.pad(x, (3, 3, 3, 3)), (-1, -2, -3, -2)),
    "every other place": lambda x: x[:, :, 1::2, ::2],
    "half the channels": lambda x: torch.cat([x[:, 4:], x[:, :4].relu()], 1),
    "focus": lambda x: torch.cat([x[:, :4, ::2, ::2], x[:, 4:, 1::2, ::2]], 1),
    "pieces side by side": lambda x: torch.cat([x[:, :, :3], x[:, :, 3:].relu()], 2),
    "shuffled channels": lambda x: x.view(-1, 2, 4, *x.shape[2:]).transpose(1, 2).flatten(1, 2),
    "channels last": lambda x: (x.permute(0, 2, 3, 1) * torch.arange(8.0)).permute(0, 3, 1, 2),
    "linear over channels": lambda x: F.linear(x.permute(0, 2, 3, 1), EYE).permute(0, 3, 1, 2),
    "gated by its mean": lambda x: x * x.mean((2, 3), keepdim=True).sigmoid(),
    "gated in every place": lambda x: x * x.flip(1).sigmoid(),
    "group norm": lambda x: F.group_norm(x, 2),
    "layer norm": lambda x: F.layer_norm(x, x.shape[1:]),
    "maxout": lambda x: torch.cat([torch.maximum(x[:, :4], x[:, 4:])] * 2, 1),
    "sum with its mean": lambda x: x + x.mean((2, 3), keepdim=True),
    "sum with the means of its rows": lambda x: x + x.mean(3, keepdim=True),
    "maximum over a window wider than the map": lambda x: F.max_pool2d(x, 13, 1, 6),
    "average over a window wider than the map": lambda x: F.avg_pool2d(x, 13, 1, 6),
    "rows in the place of channels": lambda x: F.max_pool2d(x.transpose(1, 2), 3, 1, 1).transpose(
        1, 2
    ),
    "filtered rows in the place of channels": lambda x: F.conv2d(
        x[:, :, :8].transpose(1, 2), KERNEL, padding=1
    ).transpose(1, 2),
    "rows in the place of images": lambda x: (
        F.conv1d(x.transpose(1, 2).flatten(0, 1), KERNEL[:, :, 0], padding=1)
        .view(len(x), x.shape[2], 8, -1)
        .transpose(1, 2)
    ),
    "rolled": lambda x: x.roll(2, 3),
    "transposed filter": lambda x: F.conv_transpose2d(x, KERNEL, stride=2),
    "depthwise": lambda x: F.conv2d(x, KERNEL[:, :1], padding=1, groups=8),
    "pixel unshuffle": lambda x: F.pixel_unshuffle(x[:, :2, :8, :8], 2),
    "turned and added": lambda x: x[..., :8, :8] + x[..., :8, :8].transpose(2, 3),
    "leaky": lambda x: F.prelu(x, torch.linspace(-0.5, 0.5, 8).double()),
    "in place": lambda x: x[:, :, 1:3].relu_() if False else F.relu(x, inplace=True),
    "attention": lambda x: F.scaled_dot_product_attention(*[x.flatten(2)] * 3).view_as(x),
}
EYE = torch.randn(8, 8, generator=torch.Generator().manual_seed(1)).double()
KERNEL = torch.randn(8, 8, 3, 3, generator=torch.Generator().manual_seed(2)).double()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("images", [1, 3])
def test_an_operation_between_two_layers_has_the_patches_of_its_projections(name, images):
    """Those with a form for windows and those that run on whole maps, joints before and after."""
    net = Branches(OPERATIONS[name]).double().eval()
    pictures = torch.randn(images, 2, 10, 11).double()
    recording = cdn.record(net, pictures, "top")
    assert_as_one_by_one(recording, "top", pictures.shape[1:], seed=1.0)


PADDED = {
    "a border": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, 4), nn.ZeroPad2d((1, 0, 2, 1))),
    "a padded filter of one place": lambda: nn.Sequential(nn.Conv2d(3, 4, 1, padding=2), nn.ReLU()),
    "a border, then a filter": lambda: nn.Sequential(nn.ZeroPad2d(3), nn.Conv2d(3, 4, 2)),
    "a border, then a pool": lambda: nn.Sequential(
        nn.Conv2d(3, 2, 1), nn.ZeroPad2d(2), nn.MaxPool2d(2)
    ),
}


@pytest.mark.parametrize("name", PADDED)
def test_a_unit_that_sees_only_padding_has_a_patch_of_zeros(name):
    """Its box is the pixel next to it, so that a picture can be made of it."""
    net, images = PADDED[name]().double().eval(), torch.randn(2, 3, 8, 8).double()
    layer = str(len(net) - 1)
    recording = cdn.record(net, images, layer)
    assert_as_one_by_one(recording, layer, images.shape[1:], seed=1.0)
    (patch,) = recording.project_patches(cdn.Unit(1, layer, 0), seed=1.0)
    assert patch.box == recording.receptive_field(layer).box(0, 0) == cdn.Box(0, 0, 1, 1)
    assert patch.pixels.shape == (3, 1, 1)
    assert not patch.pixels.any()


def test_a_stretched_pool_that_sees_only_padding_gives_nothing_back():
    """Its corner windows are minus infinity, which a clipped activation hides."""
    net = nn.Sequential(nn.MaxPool2d(2, 1, 1, dilation=8), nn.Hardtanh(-5, 5), nn.Conv2d(3, 2, 1))
    recording = cdn.record(net.double().eval(), torch.randn(2, 3, 7, 7).double(), "2")
    assert_as_one_by_one(recording, "2", (3, 7, 7), seed=1.0)
    assert not recording.project(cdn.Unit(0, "2", 1), seed=1.0).any()


def test_images_that_a_layer_mixes_have_the_projections_of_one_unit_at_a_time():
    """A shift along the batch, as between the frames of a clip."""
    net = Branches(lambda x: x + x.roll(1, 0)).double().eval()
    pictures = torch.randn(3, 2, 10, 11).double()
    recording = cdn.record(net, pictures, "top")
    units = [cdn.Unit(image, "top", 0, 2, 3) for image in range(3)]
    alone = torch.cat([recording.project(unit, seed=1.0) for unit in units])
    assert_close(recording.project(units, seed=1.0), alone, **EXACT)
    patches = recording.project_patches(units, seed=1.0)
    assert_close(on_the_picture(patches, (2, 10, 11)), alone, **EXACT)


def test_a_video_net_has_the_patches_of_its_projections():
    net = nn.Sequential(
        nn.Conv3d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool3d(2), nn.Conv3d(3, 4, 2)
    )
    clip = torch.randn(2, 2, 6, 8, 9).double()
    recording = cdn.record(net.double(), clip, "3")
    units = [
        cdn.Unit(n, "3", 1, r, c, frame=f)
        for n in range(2)
        for r in (0, 2)
        for c in (0, 2)
        for f in (0, 1)
    ]
    pictures = on_the_picture(recording.project_patches(units, seed=1.0), clip.shape[1:])
    assert_close(pictures, recording.project(units, seed=1.0), **EXACT)


def test_a_layer_without_places_has_one_patch_the_whole_picture():
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 36, 4)).double()
    images = torch.randn(2, 2, 8, 8).double()
    recording = cdn.record(net, images, "3")
    units = recording.strongest("3")
    patches = recording.project_patches(units)
    assert {patch.box for patch in patches} == {cdn.Box(0, 0, 8, 8)}
    assert_close(on_the_picture(patches, (2, 8, 8)), recording.project(units), **EXACT)


def deep_net(dtype=torch.float64):
    layers = []
    for before, after in ((3, 8), (8, 16), (16, 32)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers).to(dtype).eval()


def test_units_of_several_layers_and_images_come_back_in_the_order_asked_for():
    """Different units of an image, and each as if it were alone."""
    net, images = deep_net(), torch.rand(3, 3, 32, 32).double()
    recording = cdn.record(net, images, ("1", "4", "7"))
    units = [unit for layer in ("7", "1", "4") for unit in recording.strongest(layer)][::-3]
    patches = recording.project_patches(units)
    assert [patch.unit for patch in patches] == units
    assert_close(on_the_picture(patches, (3, 32, 32)), recording.project(units), **EXACT)
    for unit, patch in list(zip(units, patches, strict=True))[::7]:
        alone = cdn.record(net, images[unit.image : unit.image + 1], unit.layer)
        own = cdn.Unit(0, unit.layer, unit.channel, unit.row, unit.column)
        assert_close(alone.project_patches(own)[0].pixels, patch.pixels, **EXACT)


def test_the_patch_is_the_box_and_positive_filters_fill_it():
    """With all-positive weights and no pools nothing in the box is zero."""
    net = nn.Sequential(nn.Conv2d(1, 2, 5, padding=2), nn.ReLU(), nn.Conv2d(2, 1, 3, padding=1))
    for parameter in net.parameters():
        parameter.data.abs_().add_(0.1)
    image = torch.rand(1, 1, 12, 12)
    recording = cdn.record(net, image, "2")
    for row, column in itertools.product((0, 1, 6, 11), (0, 5, 11)):
        (patch,) = recording.project_patches(cdn.Unit(0, "2", 0, row, column), seed=1.0)
        assert patch.box == cdn.Box(
            max(row - 3, 0), max(column - 3, 0), min(row + 4, 12), min(column + 4, 12)
        )
        assert patch.pixels.shape == (
            1,
            patch.box.bottom - patch.box.top,
            patch.box.right - patch.box.left,
        )
        assert (patch.pixels > 0).all()


def test_other_activations_and_far_pixels_do_not_matter():
    """Unit seed, and only switches inside the receptive field."""
    net, image = deep_net(), torch.rand(1, 3, 32, 32).double()
    unit = cdn.Unit(0, "6", 5, 1, 1)
    (patch,) = cdn.record(net, image, "6").project_patches(unit, seed=1.0)
    other = torch.rand_like(image)
    box = patch.box
    inside = (..., slice(box.top, box.bottom), slice(box.left, box.right))
    other[inside] = image[inside]
    (again,) = cdn.record(net, other, "6").project_patches(unit, seed=1.0)
    assert box.bottom < 32
    assert_close(again.pixels, patch.pixels, **EXACT)


def test_single_precision_agrees_to_one_millionth():
    net, images = deep_net(torch.float32), torch.rand(2, 3, 64, 64)
    recording = cdn.record(net, images, "7")
    units = recording.strongest("7")
    single = recording.project(units)
    difference = (on_the_picture(recording.project_patches(units), (3, 64, 64)) - single).flatten(1)
    assert (difference.norm(dim=1) <= SINGLE * single.flatten(1).norm(dim=1)).all()


class Allocated(TorchDispatchMode):
    """Counts the bytes of the tensors that operations made and that still live."""

    def __init__(self):
        super().__init__()
        self.now = self.peak = 0
        self.known = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        answer = function(*args, **(kwargs or {}))
        for tensor in answer if isinstance(answer, list | tuple) else [answer]:
            if isinstance(tensor, torch.Tensor):
                self.note(tensor.untyped_storage())
        return answer

    def note(self, storage):
        if storage._cdata in self.known:
            return
        self.known.add(storage._cdata)
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self.freed, storage._cdata, storage.nbytes())

    def freed(self, address, size):
        self.known.discard(address)
        self.now -= size


def peak(recording, units, **options):
    """Bytes at the most, without those of the patches themselves."""
    with Allocated() as allocated:
        patches = recording.project_patches(units, **options)
    return allocated.peak - sum(patch.pixels.nbytes for patch in patches)


def test_memory_keeps_to_the_budget_whatever_the_number_of_units():
    net, images = deep_net(torch.float32), torch.rand(1, 3, 64, 64)
    recording = cdn.record(net, images, "7")
    units = every_unit(recording, "7") * 8
    budget = 2**20
    assert len(units) > 2000
    assert peak(recording, units, memory_budget=budget) <= budget
    assert peak(recording, units) > budget  # more is there to be used


def test_the_budget_changes_no_value():
    net, images = deep_net(), torch.rand(2, 3, 64, 64).double()
    recording = cdn.record(net, images, "7")
    units = recording.strongest("7")
    plain, tight = (
        recording.project_patches(units),
        recording.project_patches(units, memory_budget=2**20),
    )
    for one, other in zip(plain, tight, strict=True):
        assert_close(one.pixels, other.pixels, **EXACT)


def test_a_budget_that_one_unit_exceeds_is_refused():
    recording = cdn.record(deep_net(), torch.rand(1, 3, 64, 64).double(), "7")
    with pytest.raises(cdn.errors.BudgetError, match=r"One unit needs .* the budget is 1000"):
        recording.project_patches(cdn.Unit(0, "7", 0, 3, 3), memory_budget=1000)


def test_a_patch_owns_its_pixels():
    """A kept patch must not keep the batch that it was made in."""
    recording = cdn.record(deep_net(), torch.rand(1, 3, 32, 32).double(), "7")
    for patch in recording.project_patches(recording.strongest("7")):
        assert patch.pixels.untyped_storage().nbytes() == patch.pixels.nbytes


def test_no_units_have_no_patches():
    assert cdn.record(deep_net(), torch.rand(1, 3, 32, 32).double(), "7").project_patches([]) == []


@pytest.mark.parametrize("bad", [cdn.Unit(0, "7", 0, 99), cdn.Unit(3, "7", 0)])
def test_a_unit_outside_its_map_is_refused(bad):
    recording = cdn.record(deep_net(), torch.rand(1, 3, 32, 32).double(), "7")
    with pytest.raises(cdn.errors.UnitError, match="outside layer '7'"):
        recording.project_patches(bad)
