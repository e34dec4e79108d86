"""The strongest activations over a dataset, against a full sort of everything."""

from __future__ import annotations

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.errors import (
    ImageError,
    LayerError,
    NonFiniteError,
    ScanError,
    TrainModeError,
    UnknownNameError,
)

LAYERS = ("0", "1", "3", "4")


def full_sort(maps, k, *, one_per_image):
    """The top k of every map (N, C, H, W) by sorting all activations: lists of (value, n, r, c)."""
    found = []
    for channel in range(maps.shape[1]):
        entries = [
            (-float(maps[n, channel, r, c]), n, r, c)
            for n in range(maps.shape[0])
            for r in range(maps.shape[2])
            for c in range(maps.shape[3])
        ]
        kept, seen = [], set()
        for value, n, r, c in sorted(entries):
            if not (one_per_image and n in seen):
                kept.append((-value, n, r, c))
            seen.add(n)
        found.append(kept[:k])
    return found


def as_lists(top, layer):
    return [
        [(unit.value, unit.image, unit.row, unit.column) for unit in top.units(layer, channel)]
        for channel in range(len(top[layer].values))
    ]


@pytest.mark.parametrize("one_per_image", [True, False])
@pytest.mark.parametrize("batch_size", [1, 4, 23])
def test_streaming_finds_what_a_full_sort_finds(net, images, pictures, batch_size, one_per_image):
    top = cdn.top_activations(
        net, LAYERS, images, k=5, batch_size=batch_size, one_per_image=one_per_image
    )
    for layer in LAYERS:
        expected = full_sort(pictures(net, images, layer), 5, one_per_image=one_per_image)
        assert as_lists(top, layer) == expected, layer


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_order_of_any_batches_finds_what_a_full_sort_finds(data):
    count = data.draw(st.integers(1, 12))
    k = data.draw(st.integers(1, 6))
    one = data.draw(st.booleans())
    grey = st.integers(-2, 2)
    flat = data.draw(st.lists(grey, min_size=count * 6, max_size=count * 6))
    images = torch.tensor(flat, dtype=torch.float32).view(count, 1, 2, 3)
    order = data.draw(st.permutations(range(count)))
    net = nn.Conv2d(1, 2, 1, bias=False)
    with torch.no_grad():
        net.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
    layered = nn.Sequential(net)
    size = data.draw(st.integers(1, count))
    top = cdn.top_activations(
        layered, "0", images, k=k, batch_size=size, only=order, one_per_image=one
    )
    expected = full_sort(torch.cat([images, -images], 1), k, one_per_image=one)
    assert as_lists(top, "0") == expected


def test_planted_maxima_are_found_with_value_image_and_position():
    images = torch.zeros(40, 2, 9, 7)
    planted = [(33, 0, 8, 6, 5.0), (2, 0, 0, 0, 4.0), (39, 1, 4, 3, 9.0)]
    for image, channel, row, column, value in planted:
        images[image, channel, row, column] = value
    net = nn.Sequential(nn.Conv2d(2, 2, 1, bias=False))
    with torch.no_grad():
        net[0].weight.copy_(torch.eye(2).view(2, 2, 1, 1))
    top = cdn.top_activations(net, "0", images, k=2, batch_size=7)
    assert as_lists(top, "0")[0] == [(5.0, 33, 8, 6), (4.0, 2, 0, 0)]
    assert as_lists(top, "0")[1] == [(9.0, 39, 4, 3), (0.0, 0, 0, 0)]


def test_an_activation_is_read_before_a_rectifier_overwrites_it(net, images, pictures):
    with torch.no_grad():
        net[0].bias -= 100
    top = cdn.top_activations(net, "0", images, k=1)
    maps = pictures(net, images, "0")
    assert top.values[:, 0].tolist() == maps.amax((0, 2, 3)).tolist()
    assert (top.values < 0).all()  # rectified they would be zero


def test_of_a_module_that_runs_twice_the_last_run_counts_as_in_a_recording(images):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x):
            return self.conv(self.conv(x))

    net = Twice()
    top = cdn.top_activations(net, "conv", images, k=1, batch_size=23)
    recorded = cdn.record(net, images, "conv").activations["conv"]
    assert top.values.item() == recorded.max().item()
    assert top["conv"].count == 23


def test_statistics_are_the_mean_the_maximum_and_the_share_of_active_images(net, images, pictures):
    top = cdn.top_activations(net, "4", images, k=3)
    maps = pictures(net, images, "4").double()
    torch.testing.assert_close(top["4"].mean, maps.mean((0, 2, 3)), rtol=1e-6, atol=0)
    torch.testing.assert_close(top["4"].max.double(), maps.amax((0, 2, 3)))
    assert top["4"].active_share.tolist() == (maps.amax((2, 3)) > 0).double().mean(0).tolist()
    assert top["4"].dead.tolist() == (maps.amax((0, 2, 3)) == 0).tolist()


def test_the_answer_is_the_same_to_the_byte_whatever_the_batches_workers_and_order(net, images):
    noisy = images + torch.rand(images.shape, generator=torch.Generator().manual_seed(0))
    whole = cdn.top_activations(net, LAYERS, noisy, batch_size=23).to_bytes()
    assert cdn.top_activations(net, LAYERS, noisy, batch_size=3).to_bytes() == whole
    assert cdn.top_activations(net, LAYERS, noisy, only=range(22, -1, -1)).to_bytes() == whole
    parts = [
        cdn.top_activations(net, LAYERS, noisy, only=range(n, 23, 3), batch_size=4)
        for n in (1, 0, 2)
    ]
    assert parts[0].merged(parts[1]).merged(parts[2]).to_bytes() == whole
    loaded = cdn.top_activations(net, LAYERS, noisy, num_workers=2, batch_size=5)
    assert loaded.to_bytes() == whole


def test_with_fewer_images_than_k_the_rest_is_empty(net, images):
    top = cdn.top_activations(net, "4", images[:2], k=4)
    assert top.values[:, 2:].tolist() == [[-math.inf] * 2] * 4
    assert top.images[:, 2:].unique().tolist() == [-1]
    assert top.rows[:, 2:].unique().tolist() == [-1]
    assert len(list(top.units("4", 0))) == 2


def test_logits_have_a_place_too(images):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(84, 5))
    top = cdn.top_activations(net, "2", images, k=2)
    with torch.no_grad():
        logits = net(images)
    assert top.images[:, 0].tolist() == logits.argmax(0).tolist()
    assert top.rows.unique().tolist() == [0]
    assert top.columns.unique().tolist() == [0]


def test_a_video_model_has_frames():
    clips = torch.rand(4, 1, 5, 6, 7, generator=torch.Generator().manual_seed(1))
    net = nn.Sequential(nn.Conv3d(1, 2, 2))
    top = cdn.top_activations(net, "0", clips, k=1)
    with torch.no_grad():
        maps = net(clips)
    for channel in range(2):
        (unit,) = top.units("0", channel)
        place = (unit.image, channel, unit.frame, unit.row, unit.column)
        assert maps[place] == maps[:, channel].max()


def test_units_can_be_projected_from_a_recording_of_their_images(net, images):
    top = cdn.top_activations(net, "4", images, k=1)
    (unit,) = top.units("4", 2)
    recording = cdn.record(net, images, "4")
    assert recording.activations["4"][unit.image, 2, unit.row, unit.column] == unit.value
    assert recording.project([unit]).shape == (1, 1, 8, 9)


def test_a_nan_is_refused_with_the_images_name(net, images):
    class Named(list):
        names = [f"photo-{number}.jpg" for number in range(23)]  # noqa: RUF012

    images[17, 0, 2, 2] = math.nan
    with pytest.raises(NonFiniteError, match=r"'0' gives NaN .* photo-17\.jpg"):
        cdn.top_activations(net, "0", Named(images), batch_size=4)


def test_an_image_that_cannot_be_read_is_named_and_skipped(net, images, pictures):
    class Photographs:
        names = [f"{number}.jpg" for number in range(23)]  # noqa: RUF012

        def __len__(self):
            return 23

        def __getitem__(self, number):
            if number in (3, 4):
                raise ImageError(f"{number}.jpg is cut short")
            return images[number], "a label"

    top = cdn.top_activations(net, "4", Photographs(), batch_size=1)
    assert top.skipped == {3: "3.jpg is cut short", 4: "4.jpg is cut short"}
    kept = torch.tensor([n for n in range(23) if n not in (3, 4)])
    expected = full_sort(pictures(net, images[kept], "4"), 9, one_per_image=True)
    moved = [[(v, int(kept[n]), r, c) for v, n, r, c in rows] for rows in expected]
    assert as_lists(top, "4") == moved
    assert top["4"].count == 21


def test_the_model_is_left_as_it_was_found(net, images):
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    broken = images.clone()
    broken[20] = math.nan
    with pytest.raises(NonFiniteError):
        cdn.top_activations(net, LAYERS, broken)
    assert all(not module._forward_hooks for module in net.modules())
    assert all(torch.equal(net.state_dict()[name], tensor) for name, tensor in before.items())
    assert not net.training


def test_a_saved_scan_is_read_back_whole(net, images, tmp_path):
    path = tmp_path / "top.safetensors"
    top = cdn.top_activations(net, LAYERS, images, out=path)
    assert cdn.TopActivations.load(path).to_bytes() == top.to_bytes() == path.read_bytes()
    facts = json.loads((tmp_path / "top.json").read_text())
    best = facts["layers"]["4"][1]["top"][0]
    assert best["activation"] == top["4"].values[1, 0].item()
    assert best["name"] == f"image {best['image']}"


def test_a_scan_goes_on_where_it_was_stopped(net, images, tmp_path):
    whole = tmp_path / "whole.safetensors"
    cdn.top_activations(net, LAYERS, images, batch_size=4, out=whole)

    class Stops:
        stopped = False

        def __len__(self):
            return 23

        def __getitem__(self, number):
            if number == 13 and not self.stopped:
                self.stopped = True
                raise KeyboardInterrupt
            return images[number]

    ran = []
    net.register_forward_pre_hook(lambda module, args: ran.append(len(args[0])))
    stops, path = Stops(), tmp_path / "stopped.safetensors"
    with pytest.raises(KeyboardInterrupt):
        cdn.top_activations(net, LAYERS, stops, batch_size=4, out=path, save_every=0)
    assert sum(ran) == 12  # three batches of four
    cdn.top_activations(net, LAYERS, stops, batch_size=4, out=path)
    assert sum(ran) == 23  # they were kept
    assert path.read_bytes() == whole.read_bytes()
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "stopped.json", "stopped.safetensors", "whole.json", "whole.safetensors",
    ]  # fmt: skip


def test_a_scan_of_something_else_is_not_gone_on_with(net, images, tmp_path):
    path = tmp_path / "top.safetensors"
    cdn.top_activations(net, "4", images, out=path)
    for layers, options in (("1", {}), ("4", {"k": 3}), ("4", {"tag": "newer images"})):
        with pytest.raises(ScanError, match="another model"):
            cdn.top_activations(net, layers, images, out=path, **options)
    with torch.no_grad():
        net[0].weight[0, 0, 0, 0] += 1
    with pytest.raises(ScanError, match="other weights"):
        cdn.top_activations(net, "4", images, out=path)


def test_a_damaged_scan_is_one_clear_error(net, images, tmp_path):
    path = tmp_path / "top.safetensors"
    path.write_bytes(b"half a file")
    with pytest.raises(ScanError, match="damaged"):
        cdn.top_activations(net, "4", images, out=path)


def test_scans_with_images_in_common_are_not_merged(net, images):
    one = cdn.top_activations(net, "4", images, only=[1, 2])
    two = cdn.top_activations(net, "4", images, only=[2, 3])
    with pytest.raises(ScanError, match="in common"):
        one.merged(two)


def test_several_layers_are_told_apart(net, images):
    top = cdn.top_activations(net, LAYERS, images)
    assert top.layers == LAYERS
    with pytest.raises(LayerError, match="say which"):
        _ = top.values
    with pytest.raises(UnknownNameError, match="scanned layer"):
        top["2"]


@pytest.mark.parametrize(
    ("dataset", "error", "words"),
    [
        ([], ImageError, "empty"),
        (iter([]), ImageError, "image number n"),
        ([torch.zeros(1, 8, 9), torch.zeros(1, 9, 9)], ImageError, "several sizes"),
        (["a.jpg"], ImageError, "gives a str"),
    ],
)
def test_a_dataset_that_cannot_be_scanned_is_one_clear_error(net, dataset, error, words):
    with pytest.raises(error, match=words):
        cdn.top_activations(net, "4", dataset)


def test_options_that_make_no_sense_are_refused(net, images):
    for options, words in (
        ({"k": 0}, "k is 0"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"out": "top.txt"}, "safetensors"),
    ):
        with pytest.raises(ScanError, match=words):
            cdn.top_activations(net, "4", images, **options)
    with pytest.raises(ImageError, match="no image 23"):
        cdn.top_activations(net, "4", images, only=[23])
    with pytest.raises(UnknownNameError):
        cdn.top_activations(net, "9", images)
    with pytest.raises(LayerError, match="at least one"):
        cdn.top_activations(net, [], images)


def test_a_batch_norm_in_train_mode_is_refused(images):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    with pytest.raises(TrainModeError, match="'1'"):
        cdn.top_activations(net, "1", images)


def test_a_layer_that_does_not_run_is_named(images):
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Conv2d(1, 1, 3), nn.Conv2d(1, 1, 3)

        def forward(self, x):
            return self.used(x)

    with pytest.raises(LayerError, match="'idle' did not run"):
        cdn.top_activations(Idle(), "idle", images)


def test_units_of_a_channel_that_does_not_exist_are_refused():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
    top = cdn.top_activations(net, "1", torch.rand(3, 3, 8, 8), k=2)
    for channel in (4, -1):
        with pytest.raises(cdn.errors.UnitError, match="has 4 channels, 0 to 3"):
            list(top.units("1", channel))
