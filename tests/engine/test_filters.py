"""Filtering: every linear step runs its exact adjoint, without its bias."""

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


class Apply(nn.Module):
    """A convolution that makes the net a conv net, then any function."""

    def __init__(self, function, channels=3):
        super().__init__()
        self.conv = nn.Conv2d(2, channels, 3, padding=1).double()
        self.after = nn.Identity()
        self.function = function

    def forward(self, x):
        return self.after(self.function(self.conv(x)))


def double_image(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def assert_adjoint(net, image, layer, project_all):
    """Every projection from ``layer`` is a row of the net's matrix: <A x, y> = <x, A^T y>."""
    assert_close(project_all(net, image, layer), reference.matrix(net, image.shape[1:]), **EXACT)


@pytest.mark.parametrize("channel", [0, 1])
def test_a_unit_of_one_convolution_projects_to_its_unflipped_filter(project, channel):
    """The filter times the value, pasted at (row * stride - padding), all input channels."""
    conv = nn.Conv2d(3, 2, 3, stride=2, padding=1).double()
    image = double_image(1, 3, 8, 9)
    projection = project(nn.Sequential(conv), image, "0", channel, 2, 1, seed=2.5)
    expected = torch.zeros(1, 3, 8, 9, dtype=torch.float64)
    expected[0, :, 3:6, 1:4] = 2.5 * conv.weight[channel].detach()
    assert_close(projection, expected, **EXACT)


def test_a_filter_that_overhangs_the_border_is_cut_there(project):
    """At the corner only the part of the filter inside the picture remains."""
    conv = nn.Conv2d(1, 1, 3, padding=1).double()
    projection = project(nn.Sequential(conv), double_image(1, 1, 5, 5), "0")
    expected = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    expected[0, 0, :2, :2] = conv.weight[0, 0, 1:, 1:].detach()
    assert_close(projection, expected, **EXACT)


CONVOLUTIONS = [
    dict(out_channels=4, kernel_size=3),
    dict(out_channels=4, kernel_size=3, stride=2),
    dict(out_channels=4, kernel_size=3, stride=3, padding=2),
    dict(out_channels=4, kernel_size=(3, 2), stride=(2, 3), padding=(0, 1)),
    dict(out_channels=4, kernel_size=(1, 5), padding=(0, 2)),
    dict(out_channels=4, kernel_size=3, dilation=2, padding=2),
    dict(out_channels=4, kernel_size=(2, 3), dilation=(3, 1), stride=(1, 2)),
    dict(out_channels=8, kernel_size=3, groups=2, padding=1),
    dict(out_channels=8, kernel_size=3, groups=4, stride=2, bias=False),
    dict(out_channels=6, kernel_size=3, padding="same"),
    dict(out_channels=6, kernel_size=2, padding="same"),
    dict(out_channels=6, kernel_size=1, stride=2),
]


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch's own, of the plain model too
@pytest.mark.parametrize("size", [(8, 8), (9, 7), (7, 10)])
@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
def test_every_convolution_geometry_projects_to_the_input_size(project_all, options, size):
    """Strides, paddings, dilation, groups, depthwise, non-square kernels, odd and even."""
    net = nn.Sequential(nn.Conv2d(4, **options)).double()
    assert_adjoint(net, double_image(1, 4, *size), "0", project_all)


@pytest.mark.parametrize("padding_mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("stride", [1, 2])
def test_a_padded_border_is_folded_back_where_it_came_from(project_all, padding_mode, stride):
    """A transposed convolution alone is wrong here."""
    conv = nn.Conv2d(2, 3, (3, 5), stride, (1, 2), padding_mode=padding_mode).double()
    image = double_image(1, 2, 6, 7)
    projections = project_all(nn.Sequential(conv), image, "0")
    seeds = torch.eye(len(projections), dtype=torch.float64).view(-1, *conv(image).shape[1:])
    images = image.expand(len(seeds), -1, -1, -1)
    literal = reference.project([conv], images, seeds).flatten(1)
    assert_close(projections, literal.detach(), **EXACT)


@pytest.mark.parametrize(
    "options", [dict(stride=2, padding=1), dict(dilation=2, groups=2), dict(padding=2)], ids=str
)
def test_pasting_filters_by_loops_gives_the_same(project, options):
    """Against the literal loops, not a matrix, at every position."""
    conv = nn.Conv2d(4, 6, (3, 2), **options).double()
    image = double_image(2, 4, 7, 9)
    for row, column in itertools.product(range(2), range(3)):
        seed = reference.one_hot(conv(image), 5, row, column)
        literal = reference.project([conv], image, seed).detach()
        assert_close(project(nn.Sequential(conv), image, "0", 5, row, column), literal, **EXACT)


LINEAR_STEPS = {
    "batch norm": nn.BatchNorm2d(3).double().eval(),
    "average pool": nn.AvgPool2d(3, 2, padding=1),
    "average pool, padding not counted": nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "average pool, ceil": nn.AvgPool2d(2, ceil_mode=True),
    "average pool, divisor": nn.AvgPool2d((3, 2), divisor_override=5),
    "adaptive average pool": nn.AdaptiveAvgPool2d((2, 3)),
    "functional adaptive average pool": lambda x: F.adaptive_avg_pool2d(x, (4, 3)),
    "mean over positions": lambda x: x.mean((2, 3), keepdim=True),
    "sum over a row": lambda x: x.sum(3, keepdim=True),
    "residual": lambda x: x + 2 * x.flip(3),
    "subtraction": lambda x: x.flip(2) - x / 3,
    "concatenation": lambda x: torch.cat([x, 2 * x[:, :1]], dim=1),
    "stack": lambda x: torch.stack([x, -x], dim=1).flatten(1, 2),
    "split": lambda x: x.split([1, 2], dim=1)[1],
    "chunk": lambda x: x.chunk(3, dim=1)[2],
    "unbind": lambda x: x.unbind(1)[1].unsqueeze(1),
    "strided slice": lambda x: x[:, ::2, 1::2, ::2],
    "gathered channels": lambda x: x[:, [2, 0, 2]],
    "index select": lambda x: x.index_select(1, torch.tensor([2, 0, 2])),
    "permutation": lambda x: x.permute(0, 2, 3, 1).reshape(len(x), -1, 3, 7).transpose(1, 2),
    "reshape to a batch of one": lambda x: (
        x.permute(0, 2, 3, 1).reshape(1, -1, 3, 7).transpose(1, 2)
    ),
    "roll": lambda x: x.roll((1, 2), (2, 3)),
    "channel shuffle": nn.ChannelShuffle(3),
    "expansion": lambda x: x[:, :1].expand(-1, 4, -1, -1),
    "repeat": lambda x: x.repeat(1, 2, 1, 1),
    "zero pad": lambda x: F.pad(x, (1, 2, 0, 3)),
    "negative pad": lambda x: F.pad(x, (-1, 0, 0, -2)),
    "reflection pad": nn.ReflectionPad2d(2),
    "replication pad": nn.ReplicationPad2d((1, 0, 2, 0)),
    "nearest upsampling": nn.Upsample(scale_factor=2),
    "bilinear upsampling": lambda x: F.interpolate(x, (9, 8), mode="bilinear"),
    "aligned bilinear upsampling": nn.UpsamplingBilinear2d(scale_factor=2),
    "bicubic upsampling": nn.Upsample(scale_factor=1.5, mode="bicubic"),
    "pixel shuffle": lambda x: F.pixel_shuffle(x.repeat(1, 4, 1, 1), 2),
    "pixel unshuffle": lambda x: F.pixel_unshuffle(x[:, :, :6, :6], 2),
    "transposed convolution": nn.ConvTranspose2d(3, 2, 3, 2, 1, output_padding=1).double(),
    "grouped transposed convolution": nn.ConvTranspose2d(3, 6, (3, 2), groups=3).double(),
    "dropout": nn.Dropout(0.5).eval(),
    "dropout by channel": nn.Dropout2d(0.5).eval(),
    "layer scale": lambda x: x * torch.tensor([2.0, -1.0, 0.5]).double().view(1, 3, 1, 1),
    "constant product": lambda x: -3 * x,
    "constant quotient": lambda x: x / 7 + 5,
    "negation": lambda x: -x,
    "constant matrix": lambda x: x @ torch.arange(14.0).double().view(7, 2),
    "einsum with a constant": lambda x: torch.einsum("nchw,cd->ndhw", x, torch.ones(3, 2).double()),
    "unfold": lambda x: F.unfold(x, 3, stride=2).unsqueeze(3),
    "clone, detach-free copy": lambda x: x.clone().contiguous(),
}


@pytest.mark.parametrize("name", LINEAR_STEPS)
def test_every_linear_step_runs_its_exact_adjoint(project_all, name):
    """<A x, y> = <x, A^T y>, with A the forward step without its bias."""
    step = LINEAR_STEPS[name]
    if name == "batch norm":
        step.running_mean.normal_()
        step.running_var.uniform_(0.5, 2)
        step.weight.data.normal_()
        step.bias.data.normal_()
    assert_adjoint(Apply(step).eval(), double_image(1, 2, 6, 7), "after", project_all)


def test_a_linear_step_is_no_fallback():
    """The receipt calls none of the linear steps a fallback, so strict mode lets them pass."""
    for name, step in LINEAR_STEPS.items():
        recording = cdn.record(Apply(step).eval(), double_image(1, 2, 6, 7), "after", strict=True)
        assert recording.receipt.counts.get("fallback", 0) == 0, name


def test_a_stride_1_convolution_projects_by_the_flipped_filter():
    """conv2d(signal, w transposed and flipped), with the asymmetric filter [[1,2],[3,4]]."""
    conv = nn.Conv2d(1, 1, 2, bias=False).double()
    conv.weight.data = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]], dtype=torch.float64)
    image = double_image(1, 1, 3, 3)
    net = nn.Sequential(conv, nn.Conv2d(1, 1, 2, bias=False).double())
    net[1].weight.data = torch.tensor([[[[1.0, 0.0], [0.0, 5.0]]]], dtype=torch.float64)
    recording = cdn.record(net, image, "1")
    projection = recording.project([cdn.Unit(0, "1", 0)], seed=1.0)
    flipped = conv.weight.detach().transpose(0, 1).flip(2, 3)
    expected = F.conv2d(net[1].weight.detach(), flipped, padding=1)
    assert_close(projection, expected, **EXACT)
    by_hand = torch.tensor([[1.0, 2, 0], [3, 9, 10], [0, 15, 20]], dtype=torch.float64)
    assert_close(projection[0, 0], by_hand, **EXACT)


def test_biases_never_enter(project):
    """Other biases, same projection bit for bit (no pool, so no switch depends on them)."""
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 3), nn.ReLU()).double()
    image = double_image(2, 2, 7, 7)
    before = project(net, image, "3", 1, 1, 2)
    for conv in (net[0], net[2]):
        conv.bias.data.normal_(std=10)
    assert torch.equal(project(net, image, "3", 1, 1, 2), before)


def test_a_zero_seed_projects_to_zero(project):
    net = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2)).double()
    assert not project(net, double_image(1, 2, 8, 8), "2", seed=0.0).any()


def test_a_group_is_reached_from_its_own_channels_only(project):
    """A seed in group g of a grouped convolution reaches only that group's inputs."""
    net = nn.Sequential(nn.Conv2d(6, 9, 3, groups=3)).double()
    projection = project(net, double_image(1, 6, 5, 5), "0", 4, 1, 1)
    assert projection[0, 2:4].any()
    assert not projection[0, [0, 1, 4, 5]].any()


def head(as_convolutions):
    """fc6, fc7 and the logits of a small net, as linear layers or as 6x6 and 1x1 convolutions."""
    torch.manual_seed(3)
    body = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    sizes = [(4 * 6 * 6, 8), (8, 7), (7, 5)]
    linears = [nn.Linear(*size) for size in sizes]
    if not as_convolutions:
        fc6, fc7, fc8 = linears
        layers = [*body, nn.Flatten(), fc6, nn.ReLU(), nn.Identity(), fc7, nn.ReLU(), fc8]
        return nn.Sequential(*layers).double()
    convolutions = [nn.Conv2d(4, 8, 6), nn.Conv2d(8, 7, 1), nn.Conv2d(7, 5, 1)]
    for conv, linear in zip(convolutions, linears, strict=True):
        conv.weight.data = linear.weight.data.view_as(conv.weight)
        conv.bias.data = linear.bias.data
    fc6, fc7, fc8 = convolutions
    layers = [*body, nn.Identity(), fc6, nn.ReLU(), nn.Identity(), fc7, nn.ReLU(), fc8]
    return nn.Sequential(*layers).double()


@pytest.mark.parametrize("layer", ["4", "7", "9"])
def test_a_fully_connected_head_and_its_convolutional_twin_project_alike(project, layer):
    """From fc6, fc7 and the logits."""
    image = double_image(2, 3, 12, 12)
    linear = project(head(as_convolutions=False), image, layer, 3)
    convolutional = project(head(as_convolutions=True), image, layer, 3)
    assert linear.any()
    assert_close(linear, convolutional, **EXACT)


def test_a_softmax_output_is_stripped(project):
    """A class projects from its logit, whether or not the model ends in a softmax."""
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 4)).double()
    image = double_image(2, 1, 5, 5)
    logit = project(net, image, "3", 2)
    assert_close(project(nn.Sequential(*net, nn.Softmax(dim=1)), image, "4", 2), logit, **EXACT)


def test_a_global_average_spreads_the_seed_over_all_positions(project):
    """On a linear body the projection is the sum over positions divided by H * W."""
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)
    ).double()
    image = double_image(1, 2, 5, 4)
    expected = torch.zeros_like(image)
    for channel, row, column in itertools.product(range(3), range(5), range(4)):
        seed = reference.one_hot(torch.zeros(1, 3, 5, 4).double(), channel, row, column)
        pasted = reference.project([net[0]], image, seed)
        expected += net[3].weight[1, channel].detach() * pasted.detach() / (5 * 4)
    assert_close(project(net, image, "3", 1), expected, **EXACT)


@pytest.mark.parametrize(
    ("conv", "shape"),
    [
        (nn.Conv1d(2, 3, 3, stride=2, padding=1), (2, 9)),
        (nn.Conv3d(1, 2, (2, 3, 3), stride=(1, 2, 1), padding=(0, 1, 1)), (1, 4, 5, 4)),
        (nn.ConvTranspose1d(2, 3, 4, stride=2, padding=1), (2, 6)),
        (nn.Sequential(nn.Conv1d(2, 3, 2), nn.AvgPool1d(3, 2)), (2, 9)),
    ],
    ids=["conv1d", "conv3d", "transposed conv1d", "average pool 1d"],
)
def test_one_and_three_dimensional_convolutions_run_their_adjoint(conv, shape):
    """Outside two dimensions: every output as target."""
    conv = conv.double()
    net = nn.Sequential(conv, nn.Flatten())
    image = double_image(1, *shape)
    explained = cdn.DeconvNet(net)
    rows = [explained.attribute(image, target=k).flatten() for k in range(net(image).shape[1])]
    assert_close(torch.stack(rows), reference.matrix(net, shape), **EXACT)


def test_parametrized_convolutions_use_their_effective_weight(project_all):
    """Weight-normed layers project with the weight they filter with."""
    conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(2, 3, 3).double())
    conv.parametrizations.weight.original0.data.uniform_(1, 3)
    assert_adjoint(nn.Sequential(conv), double_image(1, 2, 5, 5), "0", project_all)
