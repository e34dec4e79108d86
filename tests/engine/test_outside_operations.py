"""Operations from outside torch: right, or refused by name before anything is computed."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import ops

import captum_deconvnet as cdn
from captum_deconvnet import errors

SIZE = (2, 3, 9, 8)


@torch.library.custom_op("deconvnet_tests::cubed", mutates_args=())
def cubed(x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x**3, x * y


cubed.register_autograd(
    lambda ctx, one, other: (
        3 * ctx.saved_tensors[0] ** 2 * one + ctx.saved_tensors[1] * other,
        ctx.saved_tensors[0] * other,
    ),
    setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs),
)


@torch.library.custom_op("deconvnet_tests::underived", mutates_args=())
def underived(x: torch.Tensor) -> torch.Tensor:
    return x.sin()


@torch.library.custom_op("deconvnet_tests::overwriting", mutates_args=("x",))
def overwriting(x: torch.Tensor) -> None:
    x.mul_(2)


LIBRARY = torch.library.Library("deconvnet_tests", "FRAGMENT")
LIBRARY.define("silent(Tensor x) -> Tensor", tags=torch.Tag.pointwise)
LIBRARY.impl("silent", lambda x: x.cos(), "CPU")
LIBRARY.define("composed(Tensor x) -> Tensor")
LIBRARY.impl("composed", lambda x: torch.relu(x) * 2 + x, "CompositeImplicitAutograd")


class Net(nn.Module):
    """A conv, the operation, a conv and a mean."""

    def __init__(self, operation, channels=4, *parts):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(channels, 3, 1)
        self.middle = Operation(operation, *parts)

    def forward(self, x):
        return self.last(self.middle(torch.relu(self.first(x)))).flatten(2).mean(2)


class Operation(nn.Module):
    def __init__(self, operation, *parts):
        super().__init__()
        self.operation, self.parts = operation, nn.ModuleList(parts)

    def forward(self, x):
        return self.operation(x, *self.parts)


def boxes(x):
    return [torch.tensor([[1.0, 1, 6, 5]], dtype=x.dtype)] * len(x)


def adjacency(x):
    return (torch.eye(x.shape[2]).roll(1, 0) + torch.eye(x.shape[2])).to(x).to_sparse()


def over_rows(x):
    rows = x.permute(2, 0, 1, 3).flatten(1)
    return torch.sparse.mm(adjacency(x), rows).unflatten(1, (x.shape[0], 4, -1)).permute(1, 2, 0, 3)


DEFORMED = (4, nn.Conv2d(4, 18, 3, padding=1), ops.DeformConv2d(4, 4, 3, padding=1))
OPERATIONS = {
    "roi_align": (lambda x: ops.roi_align(x, boxes(x), 3),),
    "roi_pool": (lambda x: ops.roi_pool(x, boxes(x), 3),),
    "ps_roi_align": (lambda x: ops.ps_roi_align(x, boxes(x), 2), 1),
    "ps_roi_pool": (lambda x: ops.ps_roi_pool(x, boxes(x), 2), 1),
    "deform_conv2d": (lambda x, offsets, f: f(x, offsets(x)), *DEFORMED),
    "deform_conv2d with given offsets": (
        lambda x, offsets, f: f(x, offsets(torch.ones_like(x))),
        *DEFORMED,
    ),
    "custom operation": (lambda x: sum(cubed(x, x + 1)),),
    "one output of a custom operation": (lambda x: cubed(x, x.mean(1, keepdim=True))[1],),
    "composed custom operation": (torch.ops.deconvnet_tests.composed,),
    "sparse constant": (over_rows,),
}


def within(picture, box):
    return picture[:, box.top : box.bottom, box.left : box.right]


def built(name):
    torch.manual_seed(0)
    operation, *rest = OPERATIONS[name]
    return Net(operation, *(rest or [4])).double().eval()


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_gradient_family_is_autograd(name):
    model = built(name)
    leaf = torch.randn(SIZE).double().requires_grad_()
    output = model(leaf)
    (want,) = torch.autograd.grad(output[:, 1].sum(), leaf)
    got = cdn.DeconvNet(model, relu="gradient").attribute(leaf.detach(), 1)
    assert torch.allclose(got, want, rtol=1e-9, atol=1e-12)
    assert torch.equal(cdn.record(model, leaf).output, output.detach())


@pytest.mark.parametrize("relu", ["deconvnet", "gradient"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_many_units_come_back_as_each_by_itself(name, relu):
    model, image = built(name), torch.randn(SIZE).double()
    layer = "first" if "roi" in name else "middle"
    recording = cdn.record(model, image, [layer], relu=relu)
    units = [cdn.Unit(n % 2, layer, n % 2, row=n % 3, column=1 + n % 2) for n in range(5)]
    several = recording.project(units, seed=1.0)
    for unit, found, patch in zip(
        units, several, recording.project_patches(units, seed=1.0), strict=True
    ):
        assert torch.allclose(found, recording.project(unit, seed=1.0)[0], atol=1e-12)
        assert torch.allclose(within(found, patch.box), patch.pixels, atol=1e-12)


@pytest.mark.parametrize("name", ["roi_align", "ps_roi_align", "ps_roi_pool", "deform_conv2d"])
def test_averages_over_boxes_and_deformed_filters_are_linear(name):
    """At given places: the adjoint of a map without ReLU is its gradient."""
    model, image = built(name), torch.randn(SIZE).double()
    (kind,) = {e.kind for e in cdn.record(model, image).receipt.entries if "::" in e.operation}
    assert kind == ("extension" if "deform" in name else "adjoint")
    constant = built(f"{name} with given offsets" if "deform" in name else name)
    with_relu = cdn.DeconvNet(constant, relu="adjoint").attribute(image, 1)
    leaf = image.clone().requires_grad_()
    linear = constant.last(constant.middle(constant.first(leaf))).flatten(2).mean(2)
    (want,) = torch.autograd.grad(linear[:, 1].sum(), leaf)
    assert torch.allclose(with_relu, want, atol=1e-12)


def test_the_largest_of_a_box_goes_back_to_where_it_stood():
    """roi_pool over one box of one bin is the maximum there."""
    model, image = built("roi_pool"), torch.randn(SIZE).double()
    model.middle.operation = lambda x: ops.roi_pool(x, boxes(x), 1)
    other = built("roi_pool")
    other.middle.operation = lambda x: x[:, :, 1:6, 1:7].amax((2, 3), keepdim=True)
    got, want = (cdn.DeconvNet(net).attribute(image, 1) for net in (model, other))
    assert torch.allclose(got, want)
    (entry,) = (e for e in cdn.record(model, image).receipt.entries if "roi" in e.operation)
    assert (entry.rule, entry.kind) == ("switches", "paper")


@pytest.mark.parametrize("name", ["underived", "silent", "overwriting"])
@pytest.mark.parametrize(
    "explain",
    [lambda m, x: cdn.record(m, x), lambda m, x: cdn.DeconvNet(m).attribute(x, 1)],
    ids=["record", "DeconvNet"],
)
def test_an_operation_without_a_derivative_is_refused_by_name(explain, name):
    operation = getattr(torch.ops.deconvnet_tests, name)
    model = Net(lambda x: x if operation(y := x.clone()) is None and y is None else operation(x))
    with pytest.raises(errors.UnsupportedOperationError) as raised:
        explain(model.double().eval(), torch.randn(SIZE).double())
    assert f"deconvnet_tests::{name} in middle" in str(raised.value)


def test_an_operation_without_a_derivative_beside_the_way_is_not_refused():
    model = Net(lambda x: [torch.ops.deconvnet_tests.silent(x), x][1]).double().eval()
    cdn.record(model, torch.randn(SIZE).double())


def test_a_rule_takes_the_place_of_a_derivative():
    rules = {torch.ops.deconvnet_tests.silent: lambda call: lambda signal: 2 * signal}
    model, image = Net(torch.ops.deconvnet_tests.silent).double().eval(), torch.randn(SIZE).double()
    got = cdn.DeconvNet(model, rules=rules).attribute(image, 1)
    model.middle.operation = lambda x: 2 * x
    assert torch.allclose(got, cdn.DeconvNet(model).attribute(image, 1))


def quantised(kind):
    base = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(168, 3)).eval()
    if kind == "dynamic":
        return torch.ao.quantization.quantize_dynamic(base, {nn.Linear}, dtype=torch.qint8)
    wrapped = nn.Sequential(
        torch.ao.quantization.QuantStub(), base, torch.ao.quantization.DeQuantStub()
    )
    wrapped.eval().qconfig = torch.ao.quantization.get_default_qconfig("fbgemm")
    torch.ao.quantization.prepare(wrapped, inplace=True)
    wrapped(torch.randn(SIZE))
    return torch.ao.quantization.convert(wrapped).eval()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "names"),
    [("dynamic", "quantized::linear_dynamic in 3"), ("static", "quantize_per_tensor in 0")],
)
def test_a_quantised_net_is_refused_by_operation_and_module(kind, names):
    model = quantised(kind)
    for explain in (lambda: cdn.record(model, torch.randn(SIZE)),
                    lambda: cdn.DeconvNet(model).attribute(torch.randn(SIZE), 1)):  # fmt: skip
        with pytest.raises(errors.UnsupportedOperationError, match=names):
            explain()


def test_a_sparse_activation_is_refused_by_name():
    model = Net(lambda x: x.to_sparse().to_dense()).double().eval()
    with pytest.raises(errors.UnsupportedOperationError, match="to_sparse in middle gives"):
        cdn.record(model, torch.randn(SIZE).double())


ELEMENTWISE = {
    "atan": torch.atan,
    "exp": torch.exp,
    "abs": torch.abs,
    "square": torch.square,
    "sin": torch.sin,
    "log1p": lambda x: torch.log1p(x.relu()),
    "power": lambda x: (x.abs() + 1) ** 1.5,
    "product": lambda x: x * (x + 1).sin(),
    "broadcast": lambda x: x * x[:, :1].cos(),
    "logaddexp": lambda x: torch.logaddexp(x, 2 * x),
    "hypot": lambda x: torch.hypot(x, x + 1),
    "softshrink": nn.functional.softshrink,
    "logit": lambda x: torch.special.expit(x).logit(),
    "lerp": lambda x: torch.lerp(x, 2 * x, x.sin()),
}


@pytest.mark.parametrize("relu", ["deconvnet", "gradient"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_operations_widen_no_receptive_field(name, relu):
    net = nn.Sequential(nn.Conv2d(2, 4, 3), Operation(ELEMENTWISE[name]), nn.Conv2d(4, 2, 3, 2))
    recording = cdn.record(net.double(), torch.randn(2, 2, 12, 11).double(), "2", relu=relu)
    assert recording.receptive_field("2").size == (5, 5)
    units = [cdn.Unit(n % 2, "2", 0, row=n, column=1) for n in range(3)]
    whole = recording.project(units)
    for found, patch in zip(whole, recording.project_patches(units), strict=True):
        assert torch.allclose(within(found, patch.box), patch.pixels, atol=1e-12)
        assert torch.isclose(found.abs().sum(), patch.pixels.abs().sum())
