"""Receptive fields: published tables, and the support of an all-positive net's gradient."""

from __future__ import annotations

import itertools

import pytest
import reference
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

import captum_deconvnet as cdn


def assert_table(model, table, input_shape):
    """Rows of (layer, size, jump, first index of unit 0), alike on both axes; one forward pass."""
    recording = cdn.record(model, torch.zeros(1, *input_shape), [row[0] for row in table])
    for layer, size, jump, start in table:
        field = recording.receptive_field(layer)
        assert field.size == (size, size), layer
        assert field.jump == (jump, jump), layer
        assert start is None or field.start == (start, start), layer


def zfnet(ceil_mode):
    """Fig. 3 of the paper, its head as convolutions; pools with ceil_mode or with padding 1."""
    pool = {"ceil_mode": True} if ceil_mode else {"padding": 1}
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, 2, 1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, **pool),
        nn.LocalResponseNorm(5),
        nn.Conv2d(8, 8, 5, 2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, **pool),
        nn.LocalResponseNorm(5),
        nn.Conv2d(8, 8, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, 1, 1),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, 1, 1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(8, 16, 6),
        nn.ReLU(),
    )


ZFNET_ROWS = [(0, 7, 2), (2, 11, 4), (4, 27, 8), (6, 43, 16), (8, 75, 16), (10, 107, 16)]
ZFNET_ROWS += [(12, 139, 16), (14, 171, 32), (15, 331, 32)]


@pytest.mark.parametrize(
    ("ceil_mode", "starts"),
    [
        (False, (-1, -3, -3, -11, -27, -43, -59, -59, -59)),
        (True, (-1, -1, -1, -1, -17, -33, -49, -49, -49)),
    ],
    ids=["padded pools", "ceil_mode pools"],
)
def test_zfnet(ceil_mode, starts):
    """ceil_mode changes where windows begin, not size or jump."""
    rows = zip(ZFNET_ROWS, starts, strict=True)
    table = [(str(layer), size, jump, start) for (layer, size, jump), start in rows]
    net = zfnet(ceil_mode)
    assert net(torch.zeros(1, 3, 224, 224)).shape[2:] == (1, 1)  # 6x6 before fc6
    assert_table(net, table[:-1], (3, 224, 224))
    assert_table(net, table, (3, 288, 288))


def test_a_map_of_one_unit_has_the_jump_of_its_arithmetic():
    """fc6 331/32/-59 at 224 pixels, though it has no second unit to jump to."""
    assert_table(zfnet(ceil_mode=False), [("15", 331, 32, -59)], (3, 224, 224))


def test_alexnet():
    """torchvision's paddings."""
    table = [
        ("0", 11, 4, -2),
        ("2", 19, 8, -2),
        ("3", 51, 8, -18),
        ("5", 67, 16, -18),
        ("6", 99, 16, -34),
        ("8", 131, 16, -50),
        ("10", 163, 16, -66),
        ("12", 195, 32, -66),
    ]
    assert_table(torchvision.models.alexnet().features, table, (3, 224, 224))


def test_the_classifier_of_alexnet_sees_the_whole_picture():
    """A layer that sees everything has the size of the image and starts at 0."""
    model = torchvision.models.alexnet(num_classes=3).eval()
    field = cdn.receptive_field(model, "classifier.6", (3, 64, 80))
    assert (field.size, field.start) == ((64, 80), (0, 0))
    box = field.box(0, 0)
    assert (box.top, box.left, box.bottom, box.right) == (0, 0, 64, 80)


VGG16_SIZES = (3, 5, 6, 10, 14, 16, 24, 32, 40, 44, 60, 76, 92, 100, 132, 164, 196, 212)
VGG16_STARTS = (1, 2, 2, 4, 6, 6, 10, 14, 18, 18, 26, 34, 42, 42, 58, 74, 90, 90)
VGG16_JUMPS = (1, 1, 2, 2, 2, 4, 4, 4, 4, 8, 8, 8, 8, 16, 16, 16, 16, 32)
VGG16_LAYERS = (0, 2, 4, 5, 7, 9, 10, 12, 14, 16, 17, 19, 21, 23, 24, 26, 28, 30)


def test_vgg16():
    """Published by TF-Slim."""
    columns = (VGG16_LAYERS, VGG16_SIZES, VGG16_JUMPS, VGG16_STARTS)
    table = [(str(n), size, jump, -start) for n, size, jump, start in zip(*columns, strict=True)]
    features = torchvision.models.vgg16(init_weights=False).features
    assert_table(features, table, (3, 224, 224))


def test_vgg11():
    """Published; paddings by the formula of Araujo et al. (2019), pool5's 59 is published too."""
    table = [
        ("2", 4, 2, -1),
        ("5", 10, 4, -3),
        ("8", 26, 4, -11),
        ("10", 30, 8, -11),
        ("13", 62, 8, -27),
        ("15", 70, 16, -27),
        ("18", 134, 16, -59),
        ("20", 150, 32, -59),
    ]
    features = torchvision.models.vgg11(init_weights=False).features
    assert_table(features, table, (3, 224, 224))


RESNETS = {
    "resnet18": (43, 99, 211, 435),
    "resnet34": (59, 179, 547, 899),
    "resnet50": (35, 91, 267, 427),
    "resnet101": (35, 91, 811, 971),
    "resnet152": (35, 155, 1291, 1451),
}


@pytest.mark.parametrize("name", RESNETS)
def test_torchvision_resnets(name):
    """Stride in the first block's 3x3, so not TF-Slim's 483."""
    model = torchvision.models.get_model(name, num_classes=2).eval()
    sizes = zip(range(1, 5), RESNETS[name], strict=True)
    table = [(f"layer{n}", size, 2 ** (n + 1), None) for n, size in sizes]
    assert_table(model, [("maxpool", 11, 4, -5), *table], (3, 224, 224))


INCEPTION = [
    ("Conv2d_1a_3x3", 3, 2, 0),
    ("Conv2d_2a_3x3", 7, 2, 0),
    ("Conv2d_2b_3x3", 11, 2, -2),
    ("maxpool1", 15, 4, -2),
    ("Conv2d_3b_1x1", 15, 4, -2),
    ("Conv2d_4a_3x3", 23, 4, -2),
    ("maxpool2", 31, 8, -2),
    ("Mixed_5b", 63, 8, -18),
    ("Mixed_5c", 95, 8, -34),
    ("Mixed_5d", 127, 8, -50),
    ("Mixed_6a", 159, 16, -58),
    ("Mixed_6b", 351, 16, -154),
    ("Mixed_6c", 543, 16, -250),
    ("Mixed_6d", 735, 16, -346),
    ("Mixed_6e", 927, 16, -442),
    ("Mixed_7a", 1055, 32, -490),
    ("Mixed_7b", 1183, 32, -554),
    ("Mixed_7c", 1311, 32, -618),
]


def test_inception_v3():
    """Published."""
    model = torchvision.models.inception_v3(init_weights=False, num_classes=2).eval()
    assert_table(model, INCEPTION, (3, 299, 299))


def separable(inputs, outputs, stride):
    depthwise = nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False)
    pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)
    return nn.Sequential(depthwise, nn.ReLU(), pointwise, nn.ReLU())


def test_mobilenet_v1():
    """Depthwise layers; starts by the recursion of Araujo et al. (2019) with padding 1."""
    strides = (1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1)
    stem = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU())
    net = nn.Sequential(stem, *(separable(4, 4, stride) for stride in strides))
    sizes = (3, 7, 11, 19, 27, 43, 59, 91, 123, 155, 187, 219, 251, 315)
    jumps = (2, 2, 4, 4, 8, 8, 16, 16, 16, 16, 16, 16, 32, 32)
    starts = list(
        itertools.accumulate((1, *jumps[:-1]), lambda total, jump: total - jump, initial=0)
    )
    rows = zip(range(14), sizes, jumps, starts[1:], strict=True)
    assert_table(net, [(str(n), *row) for n, *row in rows], (3, 224, 224))


def corners_and_middle(activation):
    """A few positions of a layer's map: corners, an edge, the middle."""
    rows, columns = activation.shape[2:]
    middle = (rows // 2, columns // 2)
    return sorted({(0, 0), (rows - 1, columns - 1), (0, columns - 1), middle, (middle[0], 0)})


def box_of(field, row, column):
    box = field.box(row, column)
    return (box.top, box.left, box.bottom, box.right)


class Misaligned(nn.Module):
    """Two branches whose centres differ by a pixel: the box is their union."""

    def __init__(self):
        super().__init__()
        self.even, self.odd = nn.Conv2d(3, 2, 4, 2, 1), nn.Conv2d(3, 2, 7, 2, 3)
        self.top = nn.Conv2d(4, 2, 3)

    def forward(self, x):
        return self.top(torch.cat([self.even(x), self.odd(x)], dim=1))


class Functional(nn.Module):
    """Functional pools and pads, a slice and a residual sum."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
        self.top = nn.Identity()

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(F.pad(x, (2, 1, 0, 2)))), 3, 2, ceil_mode=True)
        x = x + F.relu(self.second(x))
        return self.top(F.avg_pool2d(x[:, :, 1:, ::2], 2, 1))


def odd_geometry():
    return nn.Sequential(
        nn.Conv2d(3, 4, (3, 5), (1, 2), (2, 0)),
        nn.ReLU(),
        nn.MaxPool2d((2, 3), (2, 1), (1, 0), dilation=(1, 2)),
        nn.Conv2d(4, 4, 3, dilation=3, padding=3, groups=2),
        nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Conv2d(4, 2, (1, 3)),
    )


GROUND_TRUTH = {
    "odd geometry": (odd_geometry, ["0", "2", "3", "4", "5"], (3, 47, 61)),
    "misaligned branches": (Misaligned, ["even", "odd", "top"], (3, 32, 40)),
    "functional spelling": (Functional, ["first", "second", "top"], (3, 40, 44)),
    "zfnet, ceil_mode": (lambda: zfnet(True), ["2", "6", "10"], (3, 224, 224)),
    "alexnet": (lambda: torchvision.models.alexnet().features, ["3", "8", "12"], (3, 224, 200)),
    "resnet18": (
        lambda: torchvision.models.resnet18(num_classes=2),
        ["maxpool", "layer1.0.bn2", "layer2", "layer3.1"],
        (3, 240, 224),
    ),
    "squeezenet1_1": (
        lambda: torchvision.models.squeezenet1_1(num_classes=2),
        ["features.3", "features.7", "features.12"],
        (3, 227, 195),  # no filter leaves a last row or column of the picture out
    ),
    "densenet-like": (
        lambda: torchvision.models.DenseNet(8, (2, 2), 8, num_classes=2),
        ["features.denseblock1", "features.transition1", "features.denseblock2"],
        (3, 128, 112),
    ),
    "mobilenet_v2": (
        lambda: torchvision.models.mobilenet_v2(num_classes=2),
        ["features.4", "features.8"],
        (3, 160, 160),
    ),
    "googlenet": (
        lambda: torchvision.models.googlenet(init_weights=False, aux_logits=False, num_classes=2),
        ["inception3b", "inception4a"],
        (3, 224, 224),
    ),
}


@pytest.mark.parametrize("name", GROUND_TRUTH)
def test_boxes_are_the_support_of_the_gradient_of_an_all_positive_net(name):
    """Weights positive, activations dropped, max pools made sums, then look."""
    build, layers, shape = GROUND_TRUTH[name]
    model = build().eval()
    recording = cdn.record(model, torch.zeros(1, *shape), layers)
    for layer in layers:
        positions = corners_and_middle(recording.activations[layer])
        field = recording.receptive_field(layer)
        boxes = [box_of(field, *position) for position in positions]
        assert boxes == reference.supports(model, layer, shape, positions), layer


def test_where_a_stride_leaves_the_last_pixels_out_the_box_still_holds_what_is_seen():
    """The box is the formula's, clipped; the unit may see a little less of it."""
    model, shape = torchvision.models.squeezenet1_1(num_classes=2).eval(), (3, 224, 192)
    recording = cdn.record(model, torch.zeros(1, *shape), "features.3")
    positions = corners_and_middle(recording.activations["features.3"])
    field = recording.receptive_field("features.3")
    truth = reference.supports(model, "features.3", shape, positions)
    for position, seen in zip(positions, truth, strict=True):
        first = [start + index * 4 for start, index in zip(field.start, position, strict=True)]
        last = [begin + size for begin, size in zip(first, field.size, strict=True)]
        clipped = (max(first[0], 0), max(first[1], 0), min(last[0], 224), min(last[1], 192))
        assert box_of(field, *position) == clipped
        assert clipped[0] <= seen[0] < seen[2] <= clipped[2]
        assert clipped[1] <= seen[1] < seen[3] <= clipped[3]


UPSAMPLERS = {
    "transposed convolution": nn.ConvTranspose2d(4, 4, 4, 2, 1),
    "nearest": nn.Upsample(scale_factor=2),
    "bilinear": nn.Upsample(scale_factor=2, mode="bilinear"),
}


@pytest.mark.parametrize("name", UPSAMPLERS)
def test_boxes_after_upsampling_hold_everything_a_unit_sees(name):
    """Position-dependent there, so the box may be wider, never narrower."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), UPSAMPLERS[name], nn.Conv2d(4, 2, 3, padding=1))
    positions = list(itertools.product(range(0, 24, 5), repeat=2))
    field = cdn.receptive_field(net, "2", (3, 24, 24))
    truth = reference.supports(net, "2", (3, 24, 24), positions)
    for position, (top, left, bottom, right) in zip(positions, truth, strict=True):
        box = field.box(*position)
        assert box.top <= top < bottom <= box.bottom
        assert box.left <= left < right <= box.right
        assert box.bottom - box.top < 24  # not simply everything


@pytest.mark.parametrize("layer", ["gap", "norm", "gate"])
def test_a_layer_that_mixes_all_positions_sees_everything(layer):
    """Global pools and frozen norms: the first does, the second does not (its gain is frozen)."""

    class Mixing(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
            self.gap, self.gate = nn.AdaptiveAvgPool2d(1), nn.Identity()

        def forward(self, x):
            x = self.norm(self.conv(x))
            return self.gate(x + self.gap(x))

    field = cdn.receptive_field(Mixing().eval(), layer, (3, 20, 30))
    if layer == "norm":
        assert (field.size, field.start) == ((3, 3), (0, 0))
    else:
        assert box_of(field, 0, 0) == (0, 0, 20, 30)


def test_the_input_shape_may_carry_a_batch():
    net = odd_geometry()
    plain = cdn.receptive_field(net, "5", (3, 47, 61))
    assert cdn.receptive_field(net, "5", (2, 3, 47, 61)) == plain


def test_a_recording_knows_the_receptive_field_of_its_layers():
    net = odd_geometry()
    recording = cdn.record(net, torch.zeros(1, 3, 47, 61), ("2", "5"))
    for layer in ("2", "5"):
        assert recording.receptive_field(layer) == cdn.receptive_field(net, layer, (3, 47, 61))


def test_asking_for_a_receptive_field_changes_nothing():
    """Nor does it need the model on any particular input."""
    model = torchvision.models.resnet18(num_classes=2).eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    cdn.receptive_field(model, "layer2", (3, 64, 64))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_every_projection_stays_inside_its_box_and_fills_it():
    """All positions, borders included; all-positive weights leave no pixel of the box out."""
    convs = [nn.Conv2d(2, 3, 3, 2, 1), nn.Conv2d(3, 2, (2, 3), 1, (0, 1))]
    net = nn.Sequential(*convs).double()
    for parameter in net.parameters():
        parameter.data.abs_().add_(0.1)
    recording = cdn.record(net, torch.randn(1, 2, 13, 12, dtype=torch.float64), "1")
    rows, columns = recording.activations["1"].shape[2:]
    field = recording.receptive_field("1")
    for row, column in itertools.product(range(rows), range(columns)):
        projection = recording.project([cdn.Unit(0, "1", 1, row, column)], seed=1.0)[0]
        box = field.box(row, column)
        inside = torch.zeros(13, 12, dtype=torch.bool)
        inside[box.top : box.bottom, box.left : box.right] = True
        assert torch.equal((projection != 0).all(dim=0), inside)


def test_every_projection_through_pools_stays_inside_its_box():
    """With switches a projection covers part of its box."""
    net = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, padding=1),
        nn.Conv2d(3, 3, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2, ceil_mode=True),
    ).double()
    recording = cdn.record(net, torch.randn(1, 2, 21, 18, dtype=torch.float64), "5")
    field = recording.receptive_field("5")
    rows, columns = recording.activations["5"].shape[2:]
    for channel, row, column in itertools.product(range(3), range(rows), range(columns)):
        projection = recording.project([cdn.Unit(0, "5", channel, row, column)], seed=1.0)[0]
        box = field.box(row, column)
        projection[:, box.top : box.bottom, box.left : box.right] = 0
        assert not projection.any()
