"""Rectifying: max(signal, 0), whatever the forward sign was, in every spelling of every model."""

from __future__ import annotations

import itertools

import pytest
import reference
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def double(values):
    return torch.tensor(values, dtype=torch.float64)


def double_image(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def pointwise(weight):
    """A 1x1 convolution with this matrix and no bias."""
    weight = double(weight)
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], 1, bias=False).double()
    conv.weight.data = weight[..., None, None]
    return conv


def hand_net(top):
    """W1 = [[1,-1],[2,1],[-1,1]] and W2 = [``top``]; its image below makes h = (1, 5, 0)."""
    return nn.Sequential(pointwise([[1, -1], [2, 1], [-1, 1]]), nn.ReLU(), pointwise([top]))


HAND_IMAGE = double([2.0, 1.0]).view(1, 2, 1, 1)


@pytest.mark.parametrize(
    ("relu", "expected"),
    [("gradient", [-3, -3]), ("deconvnet", [-2, 2]), ("guided", [1, -1]), ("adjoint", [-6, 0])],
)
def test_the_hand_case_with_seed_one(project, relu, expected):
    """h = (1, 5, 0), o = -9. The adjoint is W1^T W2^T = (1-4-3, -1-2+3)."""
    projection = project(hand_net([1, -2, 3]), HAND_IMAGE, "2", relu=relu)
    assert_close(projection.flatten(), double(expected), **EXACT)


def test_the_hand_case_with_a_negative_seed(project):
    """Seed -1 gives (4, 2), not minus what seed 1 gives."""
    projection = project(hand_net([1, -2, 3]), HAND_IMAGE, "2", seed=-1.0)
    assert_close(projection.flatten(), double([4, 2]), **EXACT)


def test_the_hand_case_seeded_with_its_signed_activation():
    """The output -9 as seed gives 9 * (4, 2) = (36, 18), not -9 * (-2, 2)."""
    recording = cdn.record(hand_net([1, -2, 3]), HAND_IMAGE, "2")
    assert_close(recording.output.flatten(), double([-9]), **EXACT)
    projection = recording.project([cdn.Unit(0, "2", 0, value=-9.0)], seed="activation")
    assert_close(projection.flatten(), double([36, 18]), **EXACT)


def test_a_unit_that_was_off_still_contributes(project):
    """The third unit has h = 0, yet passes 3 * (-1, 1) down; the gradient passes nothing."""
    net = hand_net([0, 0, 3])
    assert_close(project(net, HAND_IMAGE, "2").flatten(), double([-3, 3]), **EXACT)
    assert not project(net, HAND_IMAGE, "2", relu="gradient").any()


def test_where_nothing_is_clipped_deconvnet_guided_and_gradient_are_one(project):
    """Positive weights, biases and image: no difference at all."""
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 2, 2), nn.ReLU()
    ).double()
    for parameter in net.parameters():
        parameter.data.abs_()
    image = double_image(2, 2, 8, 8).abs()
    deconvnet = project(net, image, "4", 1, 1, 2)
    for relu in ("guided", "gradient", "adjoint"):
        assert torch.equal(project(net, image, "4", 1, 1, 2, relu=relu), deconvnet)


def plain_net():
    layers = [nn.Conv2d(2, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 4, 3, 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(4, 3, 2)).double()


def pooled_net():
    return nn.Sequential(*plain_net()[:2], nn.MaxPool2d(3, 2, padding=1), *plain_net()[2:])


@pytest.mark.parametrize("scale", [0.0, 1e-3, 2.5, 1e4])
def test_the_projection_is_positively_homogeneous_in_the_seed(project, scale):
    """P(c s) = c P(s), for either sign of s."""
    net, image = pooled_net(), double_image(1, 2, 10, 10)
    for sign in (1.0, -1.0):
        expected = scale * project(net, image, "5", 1, seed=sign)
        assert_close(project(net, image, "5", 1, seed=scale * sign), expected, **EXACT)


def test_the_projection_is_not_odd(project):
    """P(-s) is not -P(s)."""
    net, image = plain_net(), double_image(1, 2, 10, 10)
    positive = project(net, image, "4", 1, seed=1.0)
    assert not torch.allclose(project(net, image, "4", 1, seed=-1.0), -positive)


def test_the_projection_is_not_additive(project):
    """Seeds (1,0) and (0,1) rectified apart are not (1,1) rectified at once."""
    body = [pointwise([[1.0, 0.0]]), nn.ReLU()]  # o1 = -h, o2 = 2h
    two = nn.Sequential(*body, pointwise([[-1.0], [2.0]]))
    image = HAND_IMAGE
    apart = [project(two, image, "2", channel).flatten() for channel in range(2)]
    together = project(nn.Sequential(*body, pointwise([[1.0]])), image, "2").flatten()
    assert_close(sum(apart), double([2.0, 0.0]), **EXACT)  # max(-1,0) + max(2,0)
    assert_close(together, double([1.0, 0.0]), **EXACT)  # max(-1 + 2, 0)


def test_without_pools_the_projection_does_not_depend_on_the_image(project):
    """True of the deconvnet only; the guided and plain gradients do depend on it."""
    net, images = plain_net(), double_image(2, 2, 10, 10)
    first, second = project(net, images, "4", 2)
    assert_close(first, second, **EXACT)
    for relu in ("guided", "gradient"):
        first, second = project(net, images, "4", 2, relu=relu)
        assert not torch.allclose(first, second)


RELUS = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in place": lambda x: F.relu(x, inplace=True),
    "F.relu_": F.relu_,
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "x.relu()": lambda x: x.relu(),
    "x.relu_()": lambda x: x.relu_(),
    "x.clamp(min=0)": lambda x: x.clamp(min=0),
    "x.clamp(0)": lambda x: x.clamp(0),
    "x.clamp_(min=0)": lambda x: x.clamp_(min=0),
    "x.clip(min=0)": lambda x: x.clip(min=0),
    "torch.clamp": lambda x: torch.clamp(x, min=0.0),
    "x.clamp_min(0)": lambda x: x.clamp_min(0),
    "F.threshold": lambda x: F.threshold(x, 0.0, 0.0),
    "nn.Threshold": nn.Threshold(0, 0),
    "torch.ops.aten.relu": torch.ops.aten.relu,
    "F.leaky_relu, slope 0": lambda x: F.leaky_relu(x, 0.0),
}


class Activated(nn.Module):
    """conv, activation, conv, with any callable as activation."""

    def __init__(self, activation, lower, upper):
        super().__init__()
        self.activation, self.lower, self.upper = activation, lower, upper

    def forward(self, x):
        return self.upper(self.activation(self.lower(x)))


def activated(activation):
    torch.manual_seed(5)
    lower, upper = nn.Conv2d(2, 5, 3, padding=1), nn.Conv2d(5, 3, 3)
    return Activated(activation, lower, upper).double().eval()


def rectified_rows(image):
    """What every unit of an `activated` net projects to, with max(signal, 0) in the middle."""
    return literal_rows(image, lambda signal: signal.clamp(min=0))


def literal_rows(image, rule):
    net = activated(nn.Identity())
    output = net(image)
    rows = []
    for index in itertools.product(*(range(size) for size in output.shape[1:])):
        signal = reference.project([net.upper], net.lower(image), reference.one_hot(output, *index))
        rows.append(reference.project([net.lower], image, rule(signal)).flatten())
    return torch.stack(rows).detach()


@pytest.mark.parametrize("spelling", RELUS)
def test_every_spelling_of_relu_rectifies(project_all, spelling):
    """Never the silent plain gradient."""
    image = double_image(1, 2, 5, 6)
    net = activated(RELUS[spelling])
    projections = project_all(net, image, "upper", strict=True)
    assert_close(projections, rectified_rows(image), **EXACT)


def test_a_maximum_with_zero_is_rectified_or_reported():
    """Handled or reported, never the silent plain gradient."""
    image = double_image(1, 2, 5, 6)
    net = activated(lambda x: torch.maximum(x, torch.zeros_like(x)))
    recording = cdn.record(net, image, "upper")
    if recording.receipt.counts.get("fallback", 0) == 0:
        unit = cdn.Unit(0, "upper", 0, 0, 0)
        projection = recording.project([unit], seed=1.0).flatten()
        assert_close(projection, rectified_rows(image)[0], **EXACT)


SMOOTH = {
    "relu6": nn.ReLU6(),
    "functional relu6": F.relu6,
    "clamp to 0..6": lambda x: x.clamp(0, 6),
    "hardtanh from 0": nn.Hardtanh(0.0, 3.0),
    "gelu": nn.GELU(),
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": nn.SiLU(),
    "silu in place": nn.SiLU(inplace=True),
    "functional silu": F.silu,
    "mish": nn.Mish(),
    "hardswish": nn.Hardswish(),
    "hardswish in place": nn.Hardswish(inplace=True),
    "elu": nn.ELU(),
    "elu in place": lambda x: F.elu(x, inplace=True),
    "selu": nn.SELU(),
    "celu": nn.CELU(alpha=0.5),
    "softplus": nn.Softplus(),
    "sigmoid": nn.Sigmoid(),
    "x.sigmoid()": lambda x: x.sigmoid(),
    "hardsigmoid": nn.Hardsigmoid(),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_rectifying_activations_rectify_the_signal_alone(project_all, name):
    """max(signal, 0), whatever the curve; the sigmoid of a layer too."""
    image = double_image(1, 2, 5, 6)
    projections = project_all(activated(SMOOTH[name]), image, "upper", strict=True)
    assert_close(projections, rectified_rows(image), **EXACT)


@pytest.mark.parametrize("name", SMOOTH)
def test_activations_that_are_not_relu_are_called_extensions(name):
    """The receipt says what the paper does not."""
    receipt = cdn.record(activated(SMOOTH[name]), double_image(1, 2, 5, 6), "upper").receipt
    assert receipt.counts["extension"] == 1
    assert receipt.counts.get("fallback", 0) == 0


PRELU = nn.PReLU(5).double()
PRELU.weight.data = double([0.1, -0.5, 0.0, 1.0, 2.0])

LEAKY = {
    "leaky relu": (nn.LeakyReLU(0.2), 0.2),
    "leaky relu in place": (nn.LeakyReLU(0.2, inplace=True), 0.2),
    "functional leaky relu": (lambda x: F.leaky_relu(x, 0.3), 0.3),
    "prelu": (PRELU, PRELU.weight.detach().view(1, 5, 1, 1)),
    "prelu with one slope": (nn.PReLU(init=0.5).double(), 0.5),
    "rrelu in eval": (nn.RReLU(0.1, 0.3).eval(), 0.2),
}


@pytest.mark.parametrize("name", LEAKY)
def test_leaky_activations_apply_their_own_slope_to_the_signal(project_all, name):
    """The same leaky function, on the signal's sign."""
    activation, slope = LEAKY[name]
    image = double_image(1, 2, 5, 6)
    expected = literal_rows(image, lambda s: torch.where(s > 0, s, slope * s))
    assert_close(project_all(activated(activation), image, "upper", strict=True), expected, **EXACT)


def test_leaky_slope_zero_is_relu_and_slope_one_the_linear_adjoint(project_all):
    image = double_image(1, 2, 5, 6)
    zero = project_all(activated(nn.LeakyReLU(0.0)), image, "upper")
    assert_close(zero, rectified_rows(image), **EXACT)
    one = project_all(activated(nn.LeakyReLU(1.0)), image, "upper")
    linear = reference.matrix(activated(nn.Identity()), (2, 5, 6))
    assert_close(one, linear, **EXACT)


SIGNED = {
    "tanh": nn.Tanh(),
    "torch.tanh": torch.tanh,
    "hardtanh": nn.Hardtanh(),
    "functional hardtanh": lambda x: F.hardtanh(x, -2.0, 2.0),
    "hardtanh in place": lambda x: F.hardtanh_(x),
    "clamp to -1..1": lambda x: x.clamp(-1, 1),
}


@pytest.mark.parametrize("name", SIGNED)
def test_signed_activations_pass_the_signal_as_it_is(project_all, name):
    """A signed map gives no reason to rectify."""
    image = double_image(1, 2, 5, 6)
    linear = reference.matrix(activated(nn.Identity()), (2, 5, 6))
    assert_close(project_all(activated(SIGNED[name]), image, "upper", strict=True), linear, **EXACT)


ALL_ACTIVATIONS = {**RELUS, **SMOOTH, **{name: pair[0] for name, pair in LEAKY.items()}, **SIGNED}


@pytest.mark.parametrize("name", ALL_ACTIVATIONS)
def test_every_activation_rule_is_positively_homogeneous(project, name):
    """With both signs of the seed."""
    net, image = activated(ALL_ACTIVATIONS[name]), double_image(1, 2, 5, 6)
    for sign in (1.0, -1.0):
        expected = 7.5 * project(net, image, "upper", 1, 1, 2, seed=sign)
        assert_close(project(net, image, "upper", 1, 1, 2, seed=7.5 * sign), expected, **EXACT)


@pytest.mark.parametrize("name", {**SMOOTH, **SIGNED})
def test_the_gradient_family_is_autograd_for_every_activation(project, name):
    """relu="gradient" on the smooth ones too."""
    net, image = activated({**SMOOTH, **SIGNED}[name]), double_image(2, 2, 5, 6)
    image = image.requires_grad_()
    expected = torch.autograd.grad(net(image)[:, 1, 1, 2].sum(), image)[0]
    projection = project(net, image.detach(), "upper", 1, 1, 2, relu="gradient")
    assert_close(projection, expected, rtol=1e-12, atol=1e-14)


def test_the_gradient_family_is_autograd_on_a_pooled_net(project):
    """relu="gradient" equals autograd."""
    net, image = pooled_net(), double_image(2, 2, 14, 14).requires_grad_()
    expected = torch.autograd.grad(net(image)[:, 2, 0, 1].sum(), image)[0]
    projection = project(net, image.detach(), "5", 2, 0, 1, relu="gradient")
    assert_close(projection, expected, rtol=1e-12, atol=1e-14)


NAMED = {
    "deconvnet": (False, True, True),
    "guided": (True, True, True),
    "gradient": (True, True, False),
    "adjoint": (False, True, False),
}


@pytest.mark.parametrize("name", NAMED)
def test_three_booleans_spell_each_named_family(project, name):
    """The table of Mahendran and Vedaldi (2016), by name, by booleans, and literally."""
    mask, at_switches, backward = NAMED[name]
    net, image = pooled_net(), double_image(2, 2, 14, 14)
    literal_family = reference.Family(mask, at_switches, backward)
    seed = reference.one_hot(net(image), 1, 1, 0)
    literal = reference.project(net, image, seed, literal_family).detach()
    family = cdn.Family(relu_mask=mask, pool_switches=at_switches, relu_backward=backward)
    assert_close(project(net, image, "5", 1, 1, 0, relu=name), literal, **EXACT)
    assert_close(project(net, image, "5", 1, 1, 0, relu=family), literal, **EXACT)


@pytest.mark.parametrize("booleans", list(itertools.product([False, True], repeat=3)))
def test_all_eight_combinations_of_the_three_booleans(project, booleans):
    """With a pool whose windows have a centre."""
    net = nn.Sequential(*plain_net()[:2], nn.MaxPool2d(3), nn.Conv2d(4, 2, 2), nn.ReLU()).double()
    image = double_image(1, 2, 9, 9)
    mask, at_switches, backward = booleans
    family = cdn.Family(relu_mask=mask, pool_switches=at_switches, relu_backward=backward)
    seed = reference.one_hot(net(image), 1, 1, 0)
    literal = reference.project(net, image, seed, reference.Family(*booleans)).detach()
    assert_close(project(net, image, "4", 1, 1, 0, relu=family), literal, **EXACT)


def test_guided_is_the_deconvnet_masked_at_each_relu(project):
    """Mask the signal by the forward sign, then rectify; two layers by hand."""
    net, image = plain_net(), double_image(1, 2, 10, 10)
    lower, upper = net[0](image), net[:3](image)
    signal = reference.one_hot(net(image), 2, 1, 1)
    signal = reference.project([net[4]], net[:4](image), signal).clamp(min=0) * (upper > 0)
    signal = reference.project([net[2]], net[:2](image), signal).clamp(min=0) * (lower > 0)
    expected = reference.project([net[0]], image, signal).detach()
    assert_close(project(net, image, "4", 2, 1, 1, relu="guided"), expected, **EXACT)


class SqueezeExcite(nn.Module):
    """A gate of the channels, spelled as in MobileNetV3 or in the first paper."""

    def __init__(self, gate, swapped=False, in_place=False):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, padding=1)
        self.down, self.up = nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)
        self.gate, self.swapped, self.in_place = gate, swapped, in_place
        self.after = nn.Conv2d(4, 3, 3)

    def weigh(self, x):
        squeezed = F.adaptive_avg_pool2d(x, 1)
        return self.gate(self.up(F.relu(self.down(squeezed))))

    def forward(self, x):
        x = F.relu(self.conv(x))
        gate = self.weigh(x)
        if self.in_place:
            x *= gate
        else:
            x = gate * x if self.swapped else x * gate
        return self.after(x)

    def literal(self, image, signal):
        entered = F.relu(self.conv(image))
        signal = reference.project([self.after], entered, signal) * self.weigh(entered)
        return reference.project([self.conv], image, signal.clamp(min=0)).detach()


GATES = {
    "sigmoid": dict(gate=torch.sigmoid),
    "sigmoid module, gate first": dict(gate=nn.Sigmoid(), swapped=True),
    "hardsigmoid": dict(gate=nn.Hardsigmoid()),
    "functional hardsigmoid in place": dict(gate=lambda x: F.hardsigmoid(x, inplace=True)),
    "hardsigmoid by relu6": dict(gate=lambda x: F.relu6(x + 3) / 6),
    "softmax over channels": dict(gate=lambda x: x.softmax(dim=1)),
    "sigmoid, product in place": dict(gate=torch.sigmoid, in_place=True),
    "sigmoid in place": dict(gate=lambda x: x.sigmoid_()),
}


@pytest.mark.parametrize("name", GATES)
def test_a_gate_is_a_recorded_constant(project, name):
    """Signal times gate; nothing flows through the gate's branch."""
    net = SqueezeExcite(**GATES[name]).double()
    image = double_image(2, 2, 6, 6)
    expected = net.literal(image, reference.one_hot(net(image), 1, 2, 3))
    projection = project(net, image, "after", 1, 2, 3, strict=True)
    assert_close(projection, expected, **EXACT)


class Sequence(nn.Module):
    """A convolution whose positions then mix by ``mixer``, as a hybrid net does."""

    def __init__(self, mixer, channels=4):
        super().__init__()
        self.conv = nn.Conv2d(2, channels, 2, 2)
        self.query, self.key, self.value = (nn.Linear(channels, channels) for _ in range(3))
        self.mixer, self.after = mixer, nn.Identity()

    def forward(self, x):
        tokens = self.conv(x).flatten(2).transpose(1, 2)
        mixed = self.mixer(self.query(tokens), self.key(tokens), self.value(tokens))
        return self.after(mixed.transpose(1, 2).unsqueeze(3))


def glu(query, key, value):
    return F.glu(torch.cat([query + key, value], dim=2), dim=2)


def frozen_glu(query, key, value):
    return (query + key) * value.sigmoid().detach()


def softmax_attention(query, key, value):
    return (query @ key.transpose(1, 2) / 2).softmax(dim=-1) @ value


def batched_attention(query, key, value):
    return torch.bmm(torch.softmax(torch.bmm(query, key.transpose(1, 2)) / 2, 2), value)


def fused_attention(query, key, value):
    return F.scaled_dot_product_attention(query, key, value)


def frozen_attention(query, key, value):
    return (query @ key.transpose(1, 2) / 2).softmax(dim=-1).detach() @ value


MIXERS = {
    "gated linear unit": (glu, frozen_glu),
    "softmax matmul": (softmax_attention, frozen_attention),
    "batched softmax matmul": (batched_attention, frozen_attention),
    "scaled dot product attention": (fused_attention, frozen_attention),
}


@pytest.mark.parametrize("name", MIXERS)
def test_attention_weights_and_linear_gates_are_recorded_constants(project_all, name):
    """The signal flows through the values alone."""
    mixer, frozen = MIXERS[name]
    net = Sequence(mixer).double()
    image = double_image(1, 2, 4, 6).requires_grad_()
    projections = project_all(net, image.detach(), "after", strict=True)
    net.mixer = frozen
    outputs = net(image)[0].flatten()
    expected = [
        torch.autograd.grad(output, image, retain_graph=True)[0].flatten() for output in outputs
    ]
    assert_close(projections, torch.stack(expected), **EXACT)


class Product(nn.Module):
    """Two activations multiplied, neither of them a gate."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(2, 3, 3), nn.Conv2d(2, 3, 3)
        self.after = nn.Identity()

    def forward(self, x):
        return self.after(self.left(x) * self.right(x))


def test_a_product_of_two_activations_falls_back_to_the_gradient_and_says_so(project):
    """The only silent option would be a wrong one."""
    net, image = Product().double(), double_image(1, 2, 5, 5).requires_grad_()
    expected = torch.autograd.grad(net(image)[0, 1, 2, 0], image)[0]
    assert_close(project(net, image.detach(), "after", 1, 2, 0), expected, **EXACT)
    receipt = cdn.record(net, image.detach(), "after").receipt
    assert receipt.counts["fallback"] == 1
    (entry,) = [entry for entry in receipt.entries if entry.kind == "fallback"]
    assert "mul" in entry.operation
    assert entry.operation in str(receipt)


NONLINEAR = {
    "exp": torch.exp,
    "square": lambda x: x**2,
    "sine": torch.sin,
    "absolute value": torch.abs,
}


@pytest.mark.parametrize("name", NONLINEAR)
def test_an_operation_without_a_rule_is_the_gradient_and_a_fallback(project, name):
    """Any other nonlinear operation."""
    net, image = activated(NONLINEAR[name]), double_image(2, 2, 5, 6).requires_grad_()
    expected = torch.autograd.grad(net(image)[:, 1, 1, 2].sum(), image)[0]
    assert_close(project(net, image.detach(), "upper", 1, 1, 2), expected, **EXACT)
    assert cdn.record(net, image.detach(), "upper").receipt.counts["fallback"] >= 1
