"""Occlusion: closed forms, equality with Captum and with the literal definition, bad input."""

from __future__ import annotations

import captum.attr
import occluded
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import (
    ModelError,
    NonFiniteError,
    TrainModeError,
    UnknownNameError,
    UnsupportedOperationError,
)

METHODS = ["auto", "incremental", "dense"]
WINDOW, STRIDES = (3, 4, 4), (3, 2, 2)


@pytest.fixture
def net():
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(8, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5),
    )  # fmt: skip
    return net.eval()


@pytest.fixture
def images():
    return torch.randn(2, 3, 20, 17)


class Linear(nn.Module):
    """A weight for every pixel: the fall of the output is known in closed form."""

    def __init__(self, shape):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, *shape).double())

    def forward(self, x):
        return (x * self.weight).flatten(1).sum(1, keepdim=True)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    sides=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    window=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    shares=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    fill=st.floats(-2, 2),
)
def test_a_linear_model_falls_by_the_weights_it_loses(sides, window, shares, fill):
    """Sum over the window of weight * (pixel - fill), averaged over overlapping windows."""
    window = tuple(min(pair) for pair in zip(window, sides, strict=True))
    strides = tuple(max(1, a // b) for a, b in zip(window, shares, strict=True))
    torch.manual_seed(0)
    model, image = Linear((1, *sides)), torch.randn(1, 1, *sides).double()
    falls = (model.weight * (image - fill))[0, 0].detach()
    total, count = torch.zeros(sides).double(), torch.zeros(sides).double()
    for row in occluded.starts(sides[0], window[0], strides[0]):
        for column in occluded.starts(sides[1], window[1], strides[1]):
            box = slice(row, row + window[0]), slice(column, column + window[1])
            total[box] += falls[box].sum()
            count[box] += 1
    found = cdn.Occlusion(model).attribute(image, (1, *window), (1, *strides), fill, target=0)
    assert_close(found[0, 0], total / count, rtol=1e-9, atol=1e-9)


def test_an_image_in_the_colour_of_the_occluder_loses_nothing(net):
    image = torch.full((1, 3, 12, 12), 0.5)
    found = cdn.Occlusion(net, method="incremental").attribute(
        image, WINDOW, STRIDES, 0.5, target=1
    )
    assert float(found.abs().max()) <= 1e-6


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", [3, [1, 4], torch.tensor([0, 2]), torch.tensor(1), (2,)])
def test_targets_are_captums(net, images, method, target):
    right = captum.attr.Occlusion(net).attribute(images, WINDOW, STRIDES, target=target)
    found = cdn.Occlusion(net, method=method).attribute(images, WINDOW, STRIDES, target=target)
    assert_close(found, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "baseline", [0.3, torch.rand(1, 3, 20, 17), torch.rand(2, 3, 20, 17), torch.rand(1, 3, 1, 1)]
)
def test_baselines_are_captums(net, images, method, baseline):
    right = captum.attr.Occlusion(net).attribute(images, WINDOW, STRIDES, baseline, target=1)
    found = cdn.Occlusion(net, method=method).attribute(images, WINDOW, STRIDES, baseline, target=1)
    assert_close(found, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_all_outputs_without_a_target_are_captums(net, images, method):
    right = captum.attr.Occlusion(net).attribute(images, WINDOW, STRIDES)
    found = cdn.Occlusion(net, method=method).attribute(images, WINDOW, STRIDES)
    assert found.shape == (10, 3, 20, 17)
    assert_close(found, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("method", METHODS)
def test_the_type_of_the_output_is_kept(net, images, method, dtype):
    net, images = net.to(dtype), images.to(dtype)
    found = cdn.Occlusion(net, method=method).attribute(images, WINDOW, STRIDES, target=1)
    assert found.dtype == dtype
    assert not found.requires_grad


def test_one_channel_may_be_covered_at_a_time(net, images):
    right = occluded.occlusion(net, images, (1, 5, 4), (1, 5, 3), 0.0, 2)
    method = cdn.Occlusion(net, method="incremental")
    found = method.attribute(images, (1, 5, 4), (1, 5, 3), target=2)
    assert occluded.relative_error(found, right) <= 1e-4


class Recording(nn.Module):
    """Notes how many images it was given at once."""

    def __init__(self, net):
        super().__init__()
        self.net, self.batches = net, []

    def forward(self, x):
        self.batches.append(len(x))
        return self.net(x)


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_windows_go_through_together_than_allowed(net, images, most):
    model = Recording(net)
    cdn.Occlusion(model, method="dense").attribute(
        images, WINDOW, STRIDES, target=1, perturbations_per_eval=most
    )
    assert max(model.batches) <= most * len(images)


def test_the_model_is_run_whole_three_times_only_when_it_is_recomputed_in_part(net, images):
    model = Recording(net)
    method = cdn.Occlusion(model, method="incremental")
    method.attribute(images, WINDOW, STRIDES, target=1)
    assert model.batches == [2, 4]
    assert method.report.windows == 9 * 8
    assert method.report.error <= 1e-5


def test_a_bound_method_is_recomputed_in_part_and_a_function_only_if_asked(net, images):
    arguments = (images, WINDOW, STRIDES)
    by_method = cdn.Occlusion(net.forward, method="incremental")
    by_function = cdn.Occlusion(lambda x: net(x).softmax(1))
    right = captum.attr.Occlusion(net).attribute(*arguments, target=1)
    assert_close(by_method.attribute(*arguments, target=1), right, rtol=1e-4, atol=1e-6)
    by_function.attribute(*arguments, target=1)
    assert by_function.report.method == "dense"
    assert "not a module" in by_function.report.reason
    asked = cdn.Occlusion(lambda x: net(x).softmax(1), method="incremental")
    right = by_function.attribute(*arguments, target=1)
    assert_close(asked.attribute(*arguments, target=1), right, rtol=1e-4, atol=1e-6)
    assert asked.report.method == "incremental"


def test_the_model_and_the_images_are_left_as_they_were(net, images):
    before, state = images.clone(), {name: t.clone() for name, t in net.state_dict().items()}
    images.requires_grad_()
    cdn.Occlusion(net, method="incremental").attribute(images, WINDOW, STRIDES, target=1)
    assert torch.equal(images, before)
    assert images.requires_grad
    assert images.grad is None
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_a_function_of_the_whole_batch_is_run_one_window_at_a_time(net, images):
    def total(x):
        return net(x)[:, 1].sum()

    right = captum.attr.Occlusion(total).attribute(images, WINDOW, STRIDES)
    assert_close(cdn.Occlusion(total).attribute(images, WINDOW, STRIDES), right)
    with pytest.raises(AssertionError, match="1st dim grow"):
        cdn.Occlusion(total).attribute(images, WINDOW, STRIDES, perturbations_per_eval=4)


def test_bad_windows_are_refused(net, images):
    explained = cdn.Occlusion(net)
    with pytest.raises(AssertionError, match="cannot exceed input"):
        explained.attribute(images, (3, 21, 4), (3, 2, 2), target=1)
    with pytest.raises(AssertionError, match="at least 1"):
        explained.attribute(images, (3, 4, 4), (3, 0, 2), target=1)
    with pytest.raises(AssertionError, match="cannot be larger than sliding window"):
        explained.attribute(images, (3, 4, 4), (3, 5, 2), target=1)
    with pytest.raises(AssertionError, match="integer and at least 1"):
        explained.attribute(images, WINDOW, STRIDES, target=1, perturbations_per_eval=0)
    with pytest.raises(UnknownNameError, match="Nearest: dense"):
        cdn.Occlusion(net, method="dens")


@pytest.mark.parametrize("method", METHODS)
def test_an_output_that_is_not_finite_is_refused(net, images, method):
    images[0, 0, 0, 0] = torch.nan
    with pytest.raises(NonFiniteError, match="NaN"):
        cdn.Occlusion(net, method=method).attribute(images, WINDOW, STRIDES, target=1)


@pytest.mark.parametrize("method", METHODS)
def test_a_batch_norm_in_train_mode_is_refused_by_name(net, images, method):
    net[1].train()
    with pytest.raises(TrainModeError, match="'1' runs in train mode"):
        cdn.Occlusion(net, method=method).attribute(images, WINDOW, STRIDES, target=1)


class Centred(nn.Module):
    """Takes the mean of the batch away."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        y = self.net(x)
        return y - y.mean(0, keepdim=True)


def test_a_model_that_mixes_the_batch_is_refused_by_name(net, images):
    with pytest.raises(ModelError, match="Centred gives an image another output"):
        cdn.Occlusion(Centred(net)).attribute(images, WINDOW, STRIDES, target=1)


def test_a_model_with_dropout_in_train_mode_is_noticed(net, images):
    net.add_module("dropout", nn.Dropout(0.5))
    explained = cdn.Occlusion(net)
    with pytest.warns(UserWarning, match="different outputs for the same input"):
        explained.attribute(images, WINDOW, STRIDES, target=1)
    assert explained.report.method == "dense"
    assert "random" in explained.report.reason


class Drifting(nn.Module):
    """Gives something else every time, by arithmetic that nothing marks as random."""

    def __init__(self, net):
        super().__init__()
        self.net, self.runs = net, 0

    def forward(self, x):
        self.runs += 1
        return self.net(x) * (1 + torch.tensor(0.1 * self.runs))


@pytest.mark.parametrize("method", ["auto", "dense"])
def test_a_model_that_drifts_is_noticed(net, images, method):
    with pytest.warns(UserWarning, match="different outputs for the same input"):
        cdn.Occlusion(Drifting(net), method=method).attribute(images, WINDOW, STRIDES, target=1)


class Deciding(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x) if x.mean() > 100 else self.net(x) * 2


def test_a_model_that_looks_at_its_numbers_is_run_whole_and_the_report_says_so(net, images):
    right = captum.attr.Occlusion(Deciding(net)).attribute(images, WINDOW, STRIDES, target=1)
    explained = cdn.Occlusion(Deciding(net))
    assert_close(explained.attribute(images, WINDOW, STRIDES, target=1), right)
    assert "depends on its numbers" in explained.report.reason
    with pytest.raises(UnsupportedOperationError, match="depends on its numbers"):
        cdn.Occlusion(Deciding(net), method="incremental").attribute(
            images, WINDOW, STRIDES, target=1
        )


def test_memory_is_kept_to_a_budget(net, images):
    right = cdn.Occlusion(net).attribute(images, WINDOW, STRIDES, target=1)
    small = cdn.Occlusion(net, memory_budget=1).attribute(images, WINDOW, STRIDES, target=1)
    assert_close(small, right, rtol=1e-4, atol=1e-6)


def test_a_concatenation_that_only_a_relu_reads_is_exact():
    """Its clean value is needed to paste into, though no filter reads it before the ReLU."""

    class Joined(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.other = nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(2, 3, 1)
            self.last = nn.Conv2d(6, 4, 3, padding=1)

        def forward(self, x):
            return self.last(torch.cat([self.one(x), self.other(x)], 1).relu()).mean((2, 3))

    net, image = Joined().double().eval(), torch.randn(1, 2, 12, 12).double()
    found = cdn.Occlusion(net, method="incremental").attribute(
        image, (2, 3, 3), (2, 2, 2), target=1
    )
    expected = captum.attr.Occlusion(net.float()).attribute(
        image.float(), (2, 3, 3), (2, 2, 2), target=1
    )
    torch.testing.assert_close(found.float(), expected, rtol=1e-4, atol=1e-6)
