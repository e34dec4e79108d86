"""The maps of Fig. 7 on a classifier built by hand, against their closed forms."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import (
    ImageError,
    ModelError,
    TargetError,
    UnknownNameError,
    UnsupportedOperationError,
)
from captum_deconvnet.pictures.fills import filled

HEIGHT, WIDTH, WINDOW, STRIDE = 7, 10, 4, 3
ROWS, COLUMNS = [(0, 3), (3, 6)], [(0, 3), (3, 6), (6, 9)]


@pytest.fixture
def net():
    """Map 0 is the image, map 1 half of it; the classes sum the halves of map 0."""
    conv, head = nn.Conv2d(1, 2, 1, bias=False), nn.Linear(2 * HEIGHT * WIDTH, 2, bias=False)
    conv.weight.data = torch.tensor([1.0, 0.5]).view(2, 1, 1, 1)
    weight = torch.zeros(2, 2, HEIGHT, WIDTH)
    weight[0, 0, :, : WIDTH // 2] = 1
    weight[1, 0, :, WIDTH // 2 :] = 1
    head.weight.data = weight.flatten(1)
    return nn.Sequential(conv, nn.ReLU(), nn.Flatten(), head).double().eval()


@pytest.fixture
def images():
    return torch.rand(2, 1, HEIGHT, WIDTH).double()


def covered(images, row, column, fill):
    """Every image with one place covered, by hand."""
    found = images.clone()
    found[:, :, 3 * row : 3 * row + WINDOW, 3 * column : 3 * column + WINDOW] = fill
    return found


@pytest.mark.parametrize("fill", [0.0, 0.25])
def test_the_maps_are_the_sums_that_the_window_leaves(net, images, fill):
    sensitivity = cdn.OcclusionSensitivity(net, "1")
    maps = sensitivity.attribute(
        images, [0, 1], window=WINDOW, stride=STRIDE, fill=fill, all_classes=True
    )
    assert maps.boxes == [
        [cdn.Box(top, left, bottom + 1, right + 1) for left, right in COLUMNS]
        for top, bottom in ROWS
    ]
    assert maps.channel.tolist() == [0, 0]
    assert_close(maps.clean_activity, images.sum((1, 2, 3)))
    for row in range(2):
        for column in range(3):
            left = covered(images, row, column, fill)[:, 0, :, : WIDTH // 2].sum((1, 2))
            right = covered(images, row, column, fill)[:, 0, :, WIDTH // 2 :].sum((1, 2))
            first = 1 / (1 + torch.exp(right - left))
            assert_close(maps.activity[:, row, column], left + right)
            assert_close(maps.probabilities[:, 0, row, column], first)
            expected = torch.stack([first[0], 1 - first[1]])
            assert_close(maps.probability[:, row, column], expected)
            assert maps.label[:, row, column].tolist() == (right > left).long().tolist()


def test_the_projection_of_the_strongest_map_is_the_image_itself(net, images):
    """One by one filters of weight 1: the projection puts every activation where it came from."""
    sensitivity = cdn.OcclusionSensitivity(net, net[1])
    maps = sensitivity.attribute(
        images, 0, window=WINDOW, stride=STRIDE, other_inputs=images.flip(0)
    )
    assert_close(maps.projection, images)
    assert_close(maps.other_projections, images.flip(0).expand(2, 2, 1, HEIGHT, WIDTH))


def test_without_a_layer_and_a_target_the_most_probable_class_is_watched(net, images):
    maps = cdn.OcclusionSensitivity(net).attribute(images, window=WINDOW, stride=STRIDE)
    assert maps.activity is None
    assert maps.target.tolist() == maps.clean_label.tolist() == net(images).argmax(1).tolist()


class Deciding(nn.Module):
    """Looks at its numbers, so that it cannot be followed."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x) if x.mean() < 100 else self.net(-x)


def test_a_model_that_cannot_be_followed_gives_the_same_maps(net, images):
    arguments = {"window": WINDOW, "stride": STRIDE}
    right = cdn.OcclusionSensitivity(net, "1").attribute(images, 0, **arguments)
    found = cdn.OcclusionSensitivity(Deciding(net), "net.1").attribute(images, 0, **arguments)
    for name in ("activity", "probability", "label", "channel", "projection"):
        assert_close(getattr(found, name), getattr(right, name))


@pytest.mark.parametrize(
    ("fill", "value"),
    [
        ("mean", lambda x: x.mean((2, 3), keepdim=True)),
        (lambda x: x.flip(3), lambda x: x.flip(3)),
        (torch.full((1, 1, 1), 0.5).double(), lambda x: torch.full_like(x, 0.5)),
    ],
)
def test_a_window_may_be_filled_with_anything(net, images, fill, value):
    sensitivity = cdn.OcclusionSensitivity(net, "1")
    maps = sensitivity.attribute(images, 0, window=WINDOW, stride=STRIDE, fill=fill)
    expected = images.clone()
    box = (slice(None), slice(None), slice(3, 7), slice(0, 4))
    expected[box] = value(images).expand(images.shape)[box]
    assert_close(maps.activity[:, 1, 0], expected.sum((1, 2, 3)))


def test_a_blurred_flat_image_is_the_image(net):
    flat = torch.full((1, 1, HEIGHT, WIDTH), 0.5).double()
    sensitivity = cdn.OcclusionSensitivity(net, "1")
    maps = sensitivity.attribute(flat, 0, window=WINDOW, stride=STRIDE, fill="blur")
    assert_close(maps.activity, maps.clean_activity[:, None, None].expand(1, 2, 3))


def test_grey_is_128_before_the_transform():
    loaded = cdn.load_model("torchvision/squeezenet1_1", "random")
    fill = filled("grey", torch.zeros(1, 3, 64, 64), loaded)
    right = (128 / 255 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    assert_close(fill[0, :, 5, 7], right, rtol=1e-5, atol=1e-5)


def test_bad_arguments_are_refused(net, images):
    sensitivity = cdn.OcclusionSensitivity(net, "1")
    with pytest.raises(ImageError, match="A window of 8 does not fit"):
        sensitivity.attribute(images, 0, window=8, stride=1)
    with pytest.raises(ImageError, match="stride of 0"):
        sensitivity.attribute(images, 0, window=4, stride=0)
    with pytest.raises(ImageError, match=r"give \(N, C, H, W\)"):
        sensitivity.attribute(images[0], 0, window=4, stride=2)
    with pytest.raises(TargetError, match="not among 0 to 1"):
        sensitivity.attribute(images, 2, window=4, stride=2)
    with pytest.raises(ModelError, match="whose transform is known"):
        sensitivity.attribute(images, 0, window=4, stride=2, fill="grey")
    with pytest.raises(UnknownNameError, match="Nearest: mean"):
        sensitivity.attribute(images, 0, window=4, stride=2, fill="meen")
    with pytest.raises(UnknownNameError):
        cdn.OcclusionSensitivity(net, "9")


def covered_everywhere(net, images):
    """The net's outputs under every window, by hand: (rows, columns, N, K)."""
    return torch.stack([
        torch.stack([net(covered(images, row, column, 0.0)) for column in range(3)])
        for row in range(2)
    ]).detach()  # fmt: skip


def test_the_probability_of_a_single_logit_is_its_sigmoid(net, images):
    single = nn.Sequential(*net[:3], nn.Linear(2 * HEIGHT * WIDTH, 1)).double()
    found = cdn.OcclusionSensitivity(single).attribute(images, window=WINDOW, stride=STRIDE)
    logits = covered_everywhere(single, images)[..., 0].permute(2, 0, 1)
    assert_close(found.probability, 1 / (1 + torch.exp(-logits)))
    assert_close(found.clean_probability, 1 / (1 + torch.exp(-single(images).detach()[:, 0])))
    assert torch.equal(found.label, (logits >= 0).long())
    assert found.target.tolist() == [0, 0]


@pytest.mark.parametrize(
    "last", [nn.Softmax(1), nn.Sequential(nn.Linear(2, 1).double(), nn.Sigmoid())]
)
def test_outputs_that_are_probabilities_already_are_taken_as_they_are(net, images, last):
    ended = nn.Sequential(net, last)
    arguments = {"window": WINDOW, "stride": STRIDE, "output": "probabilities"}
    found = cdn.OcclusionSensitivity(ended).attribute(images, 0, **arguments)
    assert_close(found.probability, covered_everywhere(ended, images)[..., 0].permute(2, 0, 1))


def test_outputs_that_are_not_what_is_said_are_refused_as_by_feature_invariance(net, images):
    ended = nn.Sequential(net, nn.Softmax(1))
    with pytest.raises(ModelError, match="give output='probabilities'") as ours:
        cdn.OcclusionSensitivity(ended).attribute(images, 0, window=WINDOW, stride=STRIDE)
    with pytest.raises(ModelError) as theirs:
        cdn.FeatureInvariance(ended, ["0.1"]).attribute(images, 0, values=[0, 1])
    assert str(ours.value) == str(theirs.value)
    with pytest.raises(ModelError, match="no probabilities: give output='logits'"):
        cdn.OcclusionSensitivity(net).attribute(
            images, 0, window=WINDOW, stride=STRIDE, output="probabilities"
        )
    with pytest.raises(UnknownNameError, match="Known: logits, probabilities"):
        cdn.OcclusionSensitivity(net).attribute(
            images, 0, window=WINDOW, stride=STRIDE, output="scores"
        )


def test_no_image_is_said_so(net):
    with pytest.raises(ImageError, match="There is no image"):
        cdn.OcclusionSensitivity(net).attribute(torch.rand(0, 1, 7, 10), 0, window=4, stride=3)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 12])
@pytest.mark.parametrize("fill", [None, 0.5, "mean", "blur"])
def test_any_number_of_channels_is_covered(channels, fill):
    net = nn.Sequential(
        nn.Conv2d(channels, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
    ).double()
    images = torch.rand(2, channels, 14, 12, dtype=torch.float64)
    maps = cdn.OcclusionSensitivity(net, "1").attribute(
        images, 1, window=4, stride=2, fill=fill, all_classes=True
    )
    assert maps.projection.shape == images.shape
    assert maps.probabilities.shape == (2, 16, 6, 5)
    for part in (net, Deciding(net)):
        found = cdn.OcclusionSensitivity(part).attribute(images, 1, window=4, stride=2, fill=fill)
        assert_close(found.probability, maps.probability)


def test_dropout_in_train_mode_is_noticed(net, images):
    dropping = nn.Sequential(net, nn.Dropout(0.5)).train()
    with pytest.warns(UserWarning, match="different outputs for the same input"):
        cdn.OcclusionSensitivity(dropping).attribute(images, 0, window=WINDOW, stride=STRIDE)


class Centred(Deciding):
    """Takes the mean of the batch away."""

    def forward(self, x):
        y = self.net(x)
        return y - y.mean(0, keepdim=True)


def test_a_model_that_mixes_its_batch_is_refused(net, images):
    with pytest.raises(ModelError, match="Centred gives an image another output"):
        cdn.OcclusionSensitivity(Centred(net)).attribute(images, 0, window=WINDOW, stride=STRIDE)


@pytest.mark.parametrize("method", ["auto", "incremental", "dense"])
def test_every_method_gives_the_same_maps_and_reports_how(net, images, method):
    right = cdn.OcclusionSensitivity(net, "1").attribute(images, 0, window=WINDOW, stride=STRIDE)
    sensitivity = cdn.OcclusionSensitivity(net, "1", method=method)
    found = sensitivity.attribute(images, 0, window=WINDOW, stride=STRIDE)
    for name in ("activity", "clean_activity", "probability", "label", "channel", "projection"):
        assert_close(getattr(found, name), getattr(right, name))
    assert sensitivity.report.windows == 6
    assert method == "auto" or sensitivity.report.method == method


def test_an_unknown_method_is_refused_and_so_is_a_model_that_cannot_be_traced(net, images):
    with pytest.raises(UnknownNameError, match="Nearest: dense"):
        cdn.OcclusionSensitivity(net, method="dence")
    with pytest.raises(UnsupportedOperationError, match="Deciding cannot be recomputed in part"):
        cdn.OcclusionSensitivity(Deciding(net), method="incremental").attribute(
            images, 0, window=WINDOW, stride=STRIDE
        )


@pytest.mark.parametrize("method", ["incremental", "dense"])
def test_a_layer_is_measured_before_an_activation_changes_it_in_place(method, images):
    torch.manual_seed(0)
    head = (nn.Flatten(), nn.Linear(2 * HEIGHT * WIDTH, 2))
    net = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(inplace=True), *head).double().eval()
    found = cdn.OcclusionSensitivity(net, "0", method=method).attribute(
        images, 0, window=WINDOW, stride=STRIDE
    )
    sums = net[0](images).flatten(2).sum(2).detach()
    assert_close(found.clean_activity, sums.amax(1))
    shown = torch.stack([net[0](covered(images, 0, column, 0.0)) for column in range(3)])
    shown = shown.flatten(3).sum(3).detach().gather(2, found.channel.expand(3, 2)[..., None])
    assert_close(found.activity[:, 0], shown[..., 0].T)


def test_projections_are_those_of_the_family_that_is_asked_for(net, images):
    signed = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(2)).double()
    signed(images)
    found = cdn.OcclusionSensitivity(signed, "1", relu="guided").attribute(
        images, 0, window=WINDOW, stride=STRIDE
    )
    recording = cdn.record(signed, images, "1", relu="guided")
    right = [recording.project_map(n, "1", int(found.channel[n])) for n in range(len(images))]
    assert_close(found.projection, torch.stack(right).detach())
