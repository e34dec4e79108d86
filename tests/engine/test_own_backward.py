"""Functions with a backward of their own are taken back as their authors wrote them."""

from __future__ import annotations

import threading

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import Function
from torch.autograd.function import FunctionMeta
from torch.utils.checkpoint import checkpoint

import captum_deconvnet as cdn
from captum_deconvnet import errors


class Sign(Function):
    """Straight through, but not far from zero."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.sign()

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        g = g.clone()
        g[x.abs() > 1] = 0
        return g


class Round(Function):
    @staticmethod
    def forward(ctx, x, steps):
        return torch.round(x * steps) / steps

    @staticmethod
    def backward(ctx, g):
        return g, None


class Spike(Function):
    @staticmethod
    def forward(ctx, x, width=10.0):
        ctx.save_for_backward(x)
        ctx.width = width
        return (x > 0).to(x)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g / (1 + ctx.width * x.abs()) ** 2, None


class Reverse(Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return -0.5 * g


class Same(Function):
    """Gives its argument back as it is."""

    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, g):
        return 3 * g


class InPlace(Function):
    """Changes its argument, as memory-saving activations do."""

    @staticmethod
    def forward(ctx, x):
        x.clamp_(min=0).mul_(2)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 2 * (x > 0)


class Swish(Function):
    """Written down apart from ``forward``."""

    @staticmethod
    def forward(x):
        return x * x.sigmoid()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def vjp(ctx, g):
        (x,) = ctx.saved_tensors
        gate = x.sigmoid()
        return g * gate * (1 + x * (1 - gate))


class Two(Function):
    """Two activations in, three things out, one of them without a derivative."""

    @staticmethod
    def forward(ctx, x, y, factor):
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, None, y)
        largest = x.argmax(1)
        peak = x.amax(1, keepdim=True)
        ctx.mark_non_differentiable(largest, peak)
        return x * y, largest, x + factor * y, peak

    @staticmethod
    def backward(ctx, one, _, other, __):
        x, _, y = ctx.saved_tensors
        given = 0 if one is None else one * y, 0 if one is None else one * x
        added = (0, 0) if other is None else (other, 2 * other)
        return given[0] + added[0], given[1] + added[1], None


class Nested(Function):
    @staticmethod
    def forward(ctx, x):
        return Sign.apply(x) + Same.apply(x)

    @staticmethod
    def backward(ctx, g):
        return 0.25 * g


class Normalised(Function):
    """Mixes positions in both ways."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x / x.abs().mean((2, 3), keepdim=True)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * x.abs().mean() + g.mean((2, 3), keepdim=True)


class Numpy(Function):
    """Leaves torch in both ways."""

    @staticmethod
    def forward(ctx, x):
        ctx.shape = x.shape
        return torch.from_numpy(x.numpy() ** 2).to(x)

    @staticmethod
    def backward(ctx, g):
        assert g.shape == ctx.shape
        return torch.from_numpy(2 * g.numpy()).to(g)


class Converting(Function):
    """Computes in another type, gives a signal that has to be summed."""

    @staticmethod
    def forward(ctx, x, scale):
        return x * scale.float().double()

    @staticmethod
    def backward(ctx, g):
        return g.float(), g * 2


def local(x):
    """A class made anew at every call."""

    class Local(Function):
        @staticmethod
        def forward(ctx, x):
            return x.floor()

        @staticmethod
        def backward(ctx, g):
            return 2 * g

    return Local.apply(x)


bound_before = Spike.apply
FUNCTIONS = {
    "sign": Sign.apply,
    "round": lambda x: Round.apply(x, 8),
    "spike": Spike.apply,
    "bound before": bound_before,
    "reverse": Reverse.apply,
    "same": Same.apply,
    "in place": lambda x: InPlace.apply(x.clone()),
    "in place on an activation": lambda x: InPlace.apply(x * 1.5) + x,
    "swish": Swish.apply,
    "two outputs": lambda x: (lambda a, b, c, d: a + c * d)(*Two.apply(x, x.cos(), 2)),
    "one output": lambda x: Two.apply(x, x.cos(), 2)[0],
    "one argument twice": lambda x: Two.apply(x, x, 2)[2],
    "nested": Nested.apply,
    "normalised": Normalised.apply,
    "numpy": Numpy.apply,
    "converting": lambda x: Converting.apply(x, x.mean(1, keepdim=True)),
    "made at the call": local,
    "in a checkpoint": lambda x: checkpoint(Sign.apply, x, use_reentrant=True),
    "in a new checkpoint": lambda x: checkpoint(Sign.apply, x, use_reentrant=False),
    "twice": lambda x: Sign.apply(Round.apply(x, 4) + x),
    "beside its argument": lambda x: x + Reverse.apply(x) * 3,
    "saved, then changed": lambda x: (lambda y: Swish.apply(y) + y.mul_(2))(x * 1.5),
    "of a constant": lambda x: x * Sign.apply(torch.ones_like(x)),
}
ELEMENTWISE = ["sign", "round", "spike", "reverse", "same", "swish", "nested", "twice", "in place"]
ELEMENTWISE += ["made at the call", "bound before"]
SIZE = (2, 3, 9, 8)


class Net(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 3, 3)
        self.middle = Middle(function)

    def forward(self, x):
        return self.last(self.middle(self.first(x)))


class Middle(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def built(name):
    torch.manual_seed(0)
    return Net(FUNCTIONS[name]).double().eval(), torch.randn(SIZE).double()


def copied(x):
    """What "saved, then changed" computes, as autograd takes it."""
    y = x * 1.5
    return Swish.apply(y) + 2 * y


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "numpy"])
def test_the_gradient_family_is_autograd_through_the_authors_backward(name):
    model, image = built(name)
    leaf = image.clone().requires_grad_()
    plain = Net(copied if "changed" in name else FUNCTIONS[name]).double()
    plain.load_state_dict(model.state_dict())
    plain(leaf).mean((2, 3))[:, 1].sum().backward()
    mean = nn.Sequential(model, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    got = cdn.DeconvNet(mean, relu="gradient").attribute(image, 1)
    assert torch.allclose(got, leaf.grad, rtol=1e-9, atol=1e-12)
    with torch.no_grad():
        assert torch.equal(cdn.record(model, image).output, model(image))


def test_a_function_that_leaves_torch_is_taken_back_by_its_backward():
    model, image = built("numpy")
    got = cdn.DeconvNet(model, relu="gradient").attribute(image, (1, 2, 2))
    model.middle.function = lambda x: 2 * x
    want = cdn.DeconvNet(model, relu="gradient").attribute(image, (1, 2, 2))
    assert torch.allclose(got, want, atol=1e-12)


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
@pytest.mark.parametrize("relu", ["deconvnet", "gradient"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_many_units_come_back_as_each_by_itself(name, relu):
    model, image = built(name)
    recording = cdn.record(model, image, "last", relu=relu)
    units = [cdn.Unit(n % 2, "last", n % 2, row=n % 3, column=1 + n % 2) for n in range(5)]
    several, patches = recording.project(units), recording.project_patches(units)
    for unit, found, patch in zip(units, several, patches, strict=True):
        box = patch.box
        assert torch.allclose(found, recording.project(unit)[0], atol=1e-12)
        inside = found[:, box.top : box.bottom, box.left : box.right]
        assert torch.allclose(inside, patch.pixels, atol=1e-12)
        assert torch.isclose(found.abs().sum(), inside.abs().sum())


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_elementwise_function_widens_no_receptive_field(name):
    model, image = built(name)
    assert cdn.record(model, image, "last").receptive_field("last").size == (5, 5)


@pytest.mark.parametrize("name", ["normalised", "numpy"])
def test_a_function_that_may_mix_positions_sees_everything(name):
    model, image = built(name)
    assert cdn.record(model, image, "last").receptive_field("last").size == (9, 8)


def test_the_receipt_names_the_class_as_a_fallback_and_strict_refuses_it():
    model, image = built("sign")
    (entry,) = cdn.record(model, image).receipt.fallbacks
    assert (entry.module, entry.operation, entry.rule) == ("middle", "Sign", "own backward")
    with pytest.raises(errors.UnsupportedOperationError, match="Sign in middle"):
        cdn.record(model, image, strict=True)
    assert not cdn.record(model, image, relu="gradient", strict=True).receipt.fallbacks


def test_what_torch_itself_writes_so_is_looked_into():
    model, image = built("sign")
    model.middle.function = lambda x: checkpoint(torch.relu, x, use_reentrant=True)
    with pytest.warns(UserWarning, match="None of the inputs"):
        got = cdn.DeconvNet(model).attribute(image, (1, 2, 2))
    model.middle.function = torch.relu
    assert torch.equal(got, cdn.DeconvNet(model).attribute(image, (1, 2, 2)))


def test_a_rule_for_the_class_goes_before_its_backward():
    model, image = built("swish")
    got = cdn.DeconvNet(model, rules={Swish: cdn.rules.rectify}, strict=True)
    model.middle.function, signal = F.silu, got.attribute(image, (1, 2, 2))
    assert torch.equal(signal, cdn.DeconvNet(model).attribute(image, (1, 2, 2)))


def test_a_function_without_a_backward_is_refused_by_name():
    class Forward(Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1

    model, image = built("sign")
    model.middle.function = Forward.apply
    for explain in (cdn.record, lambda m, x: cdn.DeconvNet(m).attribute(x, (1, 2, 2))):
        with pytest.raises(errors.UnsupportedOperationError, match="Forward in middle has no"):
            explain(model, image)


def test_a_backward_that_fails_is_told_in_one_line():
    class Failing(Function):
        @staticmethod
        def forward(ctx, x):
            return x + 1

        @staticmethod
        def backward(ctx, g):
            return g + ctx.forgotten

    model, image = built("sign")
    model.middle.function = Failing.apply
    with pytest.raises(errors.ModelError, match="The backward of Failing fails: AttributeError"):
        cdn.DeconvNet(model).attribute(image, (1, 2, 2))


def test_torch_is_as_it_was_after_a_recording_and_after_an_error():
    model, image = built("sign")
    before = dict(vars(FunctionMeta))
    cdn.record(model, image)
    model.last.weight.data.fill_(float("nan"))
    with pytest.raises(errors.NonFiniteError):
        cdn.record(model, image)
    assert dict(vars(FunctionMeta)) == before


def test_another_thread_keeps_its_own_autograd_meanwhile():
    model, image = built("sign")
    found = []

    def elsewhere():
        leaf = torch.tensor([-0.5, 0.5, 2.0], requires_grad=True)
        Sign.apply(leaf).sum().backward()
        found.append(leaf.grad.tolist())

    def meanwhile(module, args, output):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    model.first.register_forward_hook(meanwhile)
    cdn.record(model, image)
    assert found == [[1.0, 1.0, 0.0]]
