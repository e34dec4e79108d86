"""What cannot be recomputed in part is run whole: as Captum's, and refused if asked for in part."""

# ruff: noqa: E501
from __future__ import annotations

import warnings

import captum.attr
import numpy
import pytest
import torch
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import (
    ModelError,
    OutputChoiceError,
    UnsupportedOperationError,
)

WINDOW, STRIDES = (3, 4, 4), (3, 2, 2)
GRID = torch.randn(1, 2, 12, 12)


class Net(nn.Module):
    """Filters, something, a head; or all of it as a function says."""

    def __init__(self, function):
        super().__init__()
        torch.manual_seed(0)
        self.function = function
        self.conv, self.coordinates = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(5, 4, 3, padding=1)
        self.rnn = nn.LSTM(12, 6, batch_first=True)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.function(self, x).mean((2, 3)))


@torch.library.custom_op("occlusion_tests::halved", mutates_args=())
def halved(x: torch.Tensor) -> torch.Tensor:
    return x / 2


@torch.library.custom_op("occlusion_tests::relu", mutates_args=())
def shifted(x: torch.Tensor) -> torch.Tensor:
    """Its name is that of an operation that works place by place, which it does not."""
    return x.roll(3, 3).contiguous()


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(context, x):
        return x * 2

    @staticmethod
    def backward(context, gradient):
        return gradient


CONSTANTS = {
    "a grid that is expanded": lambda s, x: s.coordinates(
        torch.cat([x, GRID.expand(len(x), -1, -1, -1)], 1)
    ),
    "zeros like": lambda s, x: s.coordinates(torch.cat([x, torch.zeros_like(x[:, :2])], 1)),
    "zeros": lambda s, x: s.coordinates(torch.cat([torch.zeros(len(x), 2, 12, 12), x], 1)),
    "a grid that is repeated": lambda s, x: s.coordinates(
        torch.cat([GRID.repeat(len(x), 1, 1, 1), x], 1)
    ),
    "an empty vector": lambda s, x: s.conv(torch.cat([torch.zeros(0), x], 1)),
    "a stack": lambda s, x: s.conv(torch.stack([x, torch.ones_like(x)]).sum(0)),
    "a mask": lambda s, x: s.conv(x).masked_fill(GRID[:, :1].expand(len(x), 1, -1, -1) > 0, 0.5),
    "where": lambda s, x: torch.where(
        torch.ones(len(x), 4, 12, 12).triu() > 0, s.conv(x), torch.zeros(len(x), 4, 12, 12)
    ),
    "new full": lambda s, x: s.conv(x) + x.new_full((len(x), 4, 12, 12), 0.5),
    "numbers of rows": lambda s, x: s.conv(x)[torch.arange(len(x))],
}  # fmt: skip

NOT_FOLLOWED = {
    "a custom operation": lambda s, x: s.conv(torch.ops.occlusion_tests.halved(x)),
    "a custom operation called relu": lambda s, x: s.conv(torch.ops.occlusion_tests.relu(s.conv(x))[:, :3]),
    "numpy": lambda s, x: s.conv(torch.from_numpy(numpy.tanh(x.numpy()))),
    "reads a value": lambda s, x: s.conv(x) * (2 if float(x[0].sum()) > 1e9 else 1),
    "reads all values": lambda s, x: s.conv(torch.tensor(x.tolist())),
    "nonzero": lambda s, x: s.conv(x).index_put((torch.nonzero(x[:, 0] > 1e9)[:, 0],), torch.zeros(())),
    "strides": lambda s, x: s.conv(torch.as_strided(x, x.shape, x.stride())),
}  # fmt: skip

FOLLOWED_OR_NOT = {
    **CONSTANTS,
    "an lstm": lambda s, x: s.rnn(s.conv(x).mean(1))[0].reshape(len(x), 1, -1, 6).repeat(1, 4, 1, 1),
    "a function with a derivative of its own": lambda s, x: Doubled.apply(s.conv(x)),
    "another thread's result": lambda s, x: s.conv(x).to(torch.complex64).abs(),
    "half": lambda s, x: s.conv(x).bfloat16().float(),
    "integers": lambda s, x: s.conv(x).mul(100).long().float(),
    "a fold of patches": lambda s, x: nn.functional.fold(
        nn.functional.unfold(s.conv(x), 3, padding=1), (12, 12), 3, padding=1
    ),
    "one row for all": lambda s, x: s.conv(x) + s.conv(torch.ones(1, 3, 12, 12)),
    "written into a constant": lambda s, x: torch.zeros(len(x), 4, 12, 12).copy_(s.conv(x)),
    "a sparse product": lambda s, x: (
        torch.eye(12).to_sparse() @ s.conv(x).reshape(-1, 12).T[:12]
    ).T.reshape(len(x), 4, 12, -1),
}  # fmt: skip


def captums(net, x, **arguments):
    return captum.attr.Occlusion(net).attribute(x, WINDOW, STRIDES, target=1, **arguments)


@pytest.mark.parametrize("name", FOLLOWED_OR_NOT)
def test_a_net_gives_what_captums_does_in_every_way_that_does_not_refuse(name):
    net, x = Net(FOLLOWED_OR_NOT[name]).eval(), torch.randn(2, 3, 12, 12)
    right = captums(net, x)
    for method in ("auto", "dense", "incremental"):
        explained = cdn.Occlusion(net, method=method)
        try:
            found = explained.attribute(x, WINDOW, STRIDES, target=1)
        except UnsupportedOperationError:
            assert method == "incremental"
            continue
        assert_close(found, right, rtol=2e-3, atol=2e-5)


@pytest.mark.parametrize("name", list(CONSTANTS)[:5])
def test_a_constant_of_the_batchs_size_is_joined_in_part(name):
    net, x = Net(CONSTANTS[name]).eval(), torch.randn(1, 3, 12, 12)
    explained = cdn.Occlusion(net, method="incremental")
    found = explained.attribute(x, WINDOW, STRIDES, target=1)
    assert_close(found, captums(net, x), rtol=1e-4, atol=1e-6)
    assert explained.report.method == "incremental"


@pytest.mark.parametrize("name", NOT_FOLLOWED)
def test_what_cannot_be_followed_is_run_whole_and_refused_by_name_if_asked_for_in_part(name):
    net, x = Net(NOT_FOLLOWED[name]).eval(), torch.randn(2, 3, 12, 12)
    explained = cdn.Occlusion(net)
    assert_close(explained.attribute(x, WINDOW, STRIDES, target=1), captums(net, x))
    assert explained.report.method == "dense"
    assert explained.report.reason
    with pytest.raises(UnsupportedOperationError) as caught:
        cdn.Occlusion(net, method="incremental").attribute(x, WINDOW, STRIDES, target=1)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert "method='auto'" in str(caught.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_quantised_nets_give_what_captums_gives():
    parts = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 5)]
    torch.backends.quantized.engine = "fbgemm"
    tools = torch.ao.quantization
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dynamic = tools.quantize_dynamic(nn.Sequential(*parts).eval(), {nn.Linear})
        static = nn.Sequential(tools.QuantStub(), *parts, tools.DeQuantStub()).eval()
        static.qconfig = tools.get_default_qconfig("fbgemm")
        tools.prepare(static, inplace=True)
        x = torch.randn(1, 3, 12, 12)
        static(x)
        static = tools.convert(static).eval()
    for net in (dynamic, static):
        assert_close(cdn.Occlusion(net).attribute(x, WINDOW, STRIDES, target=1), captums(net, x))
        with pytest.raises(UnsupportedOperationError, match="not an operation of torch's own"):
            cdn.Occlusion(net, method="incremental").attribute(x, WINDOW, STRIDES, target=1)


class OneBatch(nn.Module):
    """Takes two pictures and no more."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(432, 3))

    def forward(self, x):
        return x.reshape(2, 432) @ self.weight


def test_a_model_of_one_batch_size_is_run_one_window_at_a_time():
    net, x = OneBatch(), torch.randn(2, 3, 12, 12)
    assert_close(cdn.Occlusion(net).attribute(x, WINDOW, STRIDES, target=1), captums(net, x))
    with pytest.raises(UnsupportedOperationError, match="invalid for input of size"):
        cdn.Occlusion(net, method="incremental").attribute(x, WINDOW, STRIDES, target=1)


class Faulty(nn.Module):
    def forward(self, x):
        return {}["missing"]


@pytest.mark.parametrize("method", ["auto", "dense", "incremental"])
def test_a_models_own_error_is_raised_as_it_is(method):
    with pytest.raises(KeyError, match="missing"):
        cdn.Occlusion(Faulty(), method=method).attribute(torch.randn(1, 3, 12, 12), WINDOW, STRIDES)


class Several(nn.Module):
    def forward(self, x):
        return {"logits": x.mean((2, 3)), "features": x * 2}


@pytest.mark.parametrize("method", ["auto", "dense"])
def test_several_outputs_are_listed(method):
    with pytest.raises(OutputChoiceError, match=r"logits \(1, 3\), features"):
        cdn.Occlusion(Several(), method=method).attribute(
            torch.randn(1, 3, 12, 12), WINDOW, STRIDES, target=1
        )


class Forked(nn.Module):
    """Gives scores and features, by name or by place."""

    def __init__(self, kind):
        super().__init__()
        self.conv, self.head, self.kind = nn.Conv2d(3, 4, 3), nn.Linear(4, 3), kind

    def forward(self, x):
        features = self.conv(x).relu()
        return self.kind(self.head(features.mean((2, 3))), features)


@pytest.mark.parametrize("method", ["auto", "dense", "incremental"])
@pytest.mark.parametrize(
    ("kind", "chosen"),
    [
        (lambda scores, features: {"logits": scores, "features": features}, "logits"),
        (lambda scores, features: (features, scores), 1),
        (lambda scores, features: {"logits": scores}, None),
    ],
)
def test_the_chosen_of_several_outputs_is_occluded_as_captum_occludes_it_alone(
    kind, chosen, method
):
    net, x = Forked(kind).eval(), torch.randn(1, 3, 12, 12)
    alone = captum.attr.Occlusion(lambda x: net.head(net.conv(x).relu().mean((2, 3))))
    occlusion = cdn.Occlusion(net, method=method, output=chosen)
    got = occlusion.attribute(x, WINDOW, STRIDES, target=1)
    torch.testing.assert_close(got, alone.attribute(x, WINDOW, STRIDES, target=1))
    assert method == "auto" or occlusion.report.method == method


class Starting(nn.Module):
    """Draws its weights when it is first called."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.full((3, 4), torch.nan))
        self.is_ready = False

    def forward(self, x):
        if not self.is_ready:
            self.is_ready = True
            self.weight.data.uniform_(0.5, 1)
            self.weight.data.mul_(x.abs().mean())
        return x.mean((2, 3)) @ self.weight


@pytest.mark.parametrize("method", ["auto", "dense", "incremental"])
def test_weights_that_the_first_call_draws_are_drawn(method):
    """Nothing that keeps a pass from being followed keeps it from being finished."""
    net, x = Starting(), torch.ones(1, 3, 12, 12)
    try:
        cdn.Occlusion(net, method=method).attribute(x, WINDOW, STRIDES, target=1)
    except UnsupportedOperationError:
        assert method == "incremental"
    assert bool(((net.weight >= 0.5) & (net.weight <= 1)).all())


@pytest.mark.parametrize("method", ["auto", "dense", "incremental"])
def test_lazy_layers_that_have_not_run_are_refused_and_left_alone(method):
    net = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(3)).eval()
    x = torch.randn(1, 3, 12, 12)
    with pytest.raises(ModelError, match="no weights yet"):
        cdn.Occlusion(net, method=method).attribute(x, WINDOW, STRIDES, target=1)
    with pytest.raises(ModelError, match="no weights yet"):
        cdn.OcclusionSensitivity(net).attribute(x, 1, window=4, stride=2)
    with pytest.raises(ModelError, match="no weights yet"):
        cdn.PartCorrespondence(net, "0").attribute(
            x.repeat(2, 1, 1, 1), {"a": [cdn.Box(0, 0, 2, 2)] * 2}
        )
    assert all(map(nn.parameter.is_lazy, net.parameters()))


@pytest.mark.parametrize("method", ["auto", "dense", "incremental"])
def test_nothing_is_given_for_no_image(method):
    net = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(200, 3)).eval()
    found = cdn.Occlusion(net, method=method).attribute(
        torch.randn(0, 3, 12, 12), WINDOW, STRIDES, target=1
    )
    assert found.shape == (0, 3, 12, 12)


class Standardised(nn.Module):
    """Divides by the deviation of the batch, which one covered window hardly moves."""

    def forward(self, x):
        return x.mean((2, 3)) / (1 + 1e-3 * x.std(0, correction=0).mean())


def test_a_model_that_hardly_mixes_its_batch_is_run_one_window_at_a_time():
    net, x = Standardised(), torch.randn(1, 3, 12, 12)
    found = cdn.Occlusion(net, method="dense").attribute(x, WINDOW, STRIDES, target=1)
    assert_close(found, captums(net, x))


@pytest.mark.parametrize("method", ["auto", "dense"])
def test_a_model_that_rounds_otherwise_in_a_batch_is_run_one_by_one(method):
    """Rounding depends on how many go together, not on what they are: no dependence on the batch."""

    class IllConditioned(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(300, 2))

        def forward(self, x):
            return self.net(x) * (1.0 if len(x) == 1 else 1.05)

    model, image = IllConditioned().eval(), torch.randn(1, 1, 12, 12)
    windows = {"sliding_window_shapes": (1, 4, 4), "strides": (1, 2, 2), "target": 1}
    with torch.no_grad():
        right = captum.attr.Occlusion(model).attribute(image, **windows)
    found = cdn.Occlusion(model, method=method).attribute(image, **windows)
    torch.testing.assert_close(found, right)


class Counting(nn.Module):
    """Notes how many pictures it is given at once; decides by its numbers, if told so."""

    def __init__(self, *, decides=False, sides=12):
        super().__init__()
        self.batches, self.decides = [], decides
        self.net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten())
        self.head = nn.Linear(3 * (sides - 2) ** 2, 2)

    def forward(self, x):
        self.batches.append(len(x))
        y = self.head(self.net(x))
        return y * 2 if self.decides and x[0, 0, 0, 0] == 0 else y


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_short_model_is_run_on_the_clean_picture_and_on_all_windows_together(stride):
    model, image = Counting().eval(), torch.randn(1, 1, 12, 12)
    windows = ((1, 4, 4), (1, stride, stride))
    occlusion = cdn.Occlusion(model)
    found = occlusion.attribute(image, *windows, target=1)
    count = occlusion.report.windows
    assert model.batches == ([1, count + 1] if count < 64 else [1, 64, count - 63])
    right = captum.attr.Occlusion(model).attribute(image, *windows, target=1)
    assert_close(found, right, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_a_short_model_that_decides_by_its_numbers_is_run_one_window_at_a_time(stride):
    model, image = Counting(decides=True).eval(), torch.rand(1, 1, 12, 12) + 1
    windows = ((1, 4, 4), (1, stride, stride))
    found = cdn.Occlusion(model).attribute(image, *windows, target=1)
    assert set(model.batches) == {1}
    right = captum.attr.Occlusion(model).attribute(image, *windows, target=1)
    assert_close(found, right, rtol=1e-4, atol=1e-6)


class Mean(nn.Module):
    """Takes the batch's mean away, or draws a number, beside filters."""

    def __init__(self, rest):
        super().__init__()
        self.conv, self.rest = nn.Conv2d(1, 3, 3), rest

    def forward(self, x):
        return self.rest(self.conv(x).relu().mean((2, 3)))


@pytest.mark.parametrize("count", [9, 25])
def test_a_short_model_that_mixes_its_batch_is_refused_and_one_that_draws_is_noticed(count):
    stride = {9: 4, 25: 2}[count]
    image, windows = torch.randn(1, 1, 12, 12), ((1, 4, 4), (1, stride, stride))
    mixes, draws = Mean(lambda y: y - y.mean(0)), Mean(lambda y: y + torch.rand(()))
    with pytest.raises(ModelError, match="another output when other images are in its batch"):
        cdn.Occlusion(mixes.eval()).attribute(image, *windows, target=1)
    with pytest.warns(UserWarning, match="different outputs for the same input"):
        cdn.Occlusion(draws.eval()).attribute(image, *windows, target=1)
