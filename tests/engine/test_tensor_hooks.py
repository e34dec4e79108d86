"""Hooks that a model puts on its own activations: they see the signal as autograd's gradient."""

from __future__ import annotations

import captum.attr
import pytest
import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet import errors

SIZE = (2, 3, 10, 9)


class Net(nn.Module):
    """``act`` gets an activation in the middle of the forward pass."""

    def __init__(self, act):
        super().__init__()
        self.act, self.seen = act, []
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.relus, self.head = nn.ModuleList([nn.ReLU(), nn.ReLU()]), nn.Linear(4, 3)

    def forward(self, x):
        x = self.relus[0](self.first(x))
        before = x * 0.5
        found = self.act(self, x)
        x = self.second(x if found is None else found) + before[:, :, 1:-1, 1:-1]
        return self.head(self.relus[1](x).mean((2, 3)))


def hooked(net, x):
    x.register_hook(net.seen.append)


def scaled(net, x):
    x.register_hook(lambda gradient: 0.1 * gradient)


def scaled_twice(net, x):
    x.register_hook(lambda gradient: -0.1 * gradient)
    x.register_hook(lambda gradient: gradient.clamp(-0.0001, 0.02))  # the order counts


def removed(net, x):
    x.register_hook(lambda gradient: 0 * gradient).remove()


def on_a_view(net, x):
    half = x[:, :2]
    half.register_hook(lambda gradient: 3 * gradient)
    return torch.cat([half, x[:, 2:]], 1)


def retained(net, x):
    x.retain_grad()


def required(net, x):
    return x.requires_grad_() if x.is_leaf else x


ACTS = [hooked, scaled, scaled_twice, removed, on_a_view, retained, required]


def built(act):
    torch.manual_seed(0)
    return Net(act).double().eval(), torch.randn(SIZE).double()


@pytest.mark.parametrize("act", ACTS)
def test_the_gradient_family_is_autograd(act):
    model, image = built(act)
    leaf = image.clone().requires_grad_()
    (want,) = torch.autograd.grad(model(leaf)[:, 1].sum(), leaf)
    got = cdn.DeconvNet(model, relu="gradient").attribute(image, 1)
    assert torch.allclose(got, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("act", [hooked, removed, retained])
@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")
def test_projections_are_those_of_captum(act):
    model, image = built(act)
    want = captum.attr.Deconvolution(model).attribute(image.clone().requires_grad_(), 1)
    seen = list(model.seen)
    model.seen.clear()
    assert torch.allclose(cdn.DeconvNet(model).attribute(image, 1), want, atol=1e-12)
    assert all(torch.allclose(a, b) for a, b in zip(model.seen, seen, strict=act is not hooked))
    assert act is not hooked or len(model.seen) >= len(seen) == 1


@pytest.mark.parametrize("act", ACTS)
def test_many_units_come_back_as_each_by_itself(act):
    model, image = built(act)
    recording = cdn.record(model, image, "second", relu="gradient")
    units = [cdn.Unit(n % 2, "second", n, row=n, column=2) for n in range(4)]
    patches = recording.project_patches(units)
    for unit, found, patch in zip(units, recording.project(units), patches, strict=True):
        box = patch.box
        assert torch.allclose(found, recording.project(unit)[0], atol=1e-12)
        inside = found[:, box.top : box.bottom, box.left : box.right]
        assert torch.allclose(inside, patch.pixels, atol=1e-12)
        assert torch.isclose(found.abs().sum(), inside.abs().sum())


def test_a_hook_of_a_module_may_retain_gradients():
    model, image = built(lambda net, x: None)
    want = cdn.DeconvNet(model).attribute(image, 1)
    model.first.register_forward_hook(lambda module, args, output: output.retain_grad())
    assert torch.equal(cdn.DeconvNet(model).attribute(image, 1), want)


def test_a_hook_on_the_input_sees_the_projection():
    model, image = built(lambda net, x: None)
    model.register_forward_pre_hook(
        lambda module, args: args[0].register_hook(seen.append) and None
    )
    seen = []
    got = cdn.DeconvNet(model).attribute(image, 1)
    assert torch.equal(seen[0], got)


def by_grad(net, x):
    with torch.enable_grad():
        x = x.requires_grad_()
        return torch.autograd.grad((x**2).sum(), x, create_graph=True)[0]


def by_backward(net, x):
    with torch.enable_grad():
        (x.requires_grad_() ** 2).sum().backward()


def by_transform(net, x):
    return torch.func.grad(lambda y: (y**3).sum())(x)


@pytest.mark.parametrize("act", [by_grad, by_backward, by_transform])
def test_a_model_that_takes_gradients_of_its_own_is_refused(act):
    model, image = built(act)
    for explain in (cdn.record, lambda m, x: cdn.DeconvNet(m).attribute(x, 1)):
        with pytest.raises(errors.UnsupportedOperationError, match="takes gradients"):
            explain(model, image)


def twice(y, hook):
    y = torch.relu(y) * 1.0
    y.register_hook(hook)
    y = y * 1.0
    y.register_hook(hook)
    return y


def scaled_after(y, hook):
    y = torch.relu(y)
    y.register_hook(hook)
    return y * 2.0


def between_scales(y, hook):
    y = torch.relu(y) * 0.5
    y.register_hook(hook)
    return 4 * y


def between_clips(y, hook):
    y = y.clamp(min=0)
    y.register_hook(hook)
    return 2 * y.clamp(max=6)


BACK = {
    twice: lambda signal, hook: hook(hook(signal)),
    scaled_after: lambda signal, hook: hook(2 * signal),
    between_scales: lambda signal, hook: 0.5 * hook(4 * signal),
    between_clips: lambda signal, hook: hook(2 * signal),
}


@pytest.mark.parametrize("function", BACK)
def test_a_hook_between_the_steps_of_an_activation_sees_the_signal(function):
    """What is merged into one step has no place for it: a random find."""

    def hook(signal):
        return -3 * signal.clamp(min=-0.2)

    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Identity()).double()
    net[1].forward = lambda y: function(y, hook)
    recording = cdn.record(net, torch.randn(2, 3, 6, 6).double(), "1")
    signal = torch.randn(recording.output.shape).double()
    found = recording.project_signal("1", signal)
    expected = BACK[function](signal, hook).clamp(min=0)
    expected = torch.nn.functional.conv_transpose2d(expected, net[0].weight)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)
