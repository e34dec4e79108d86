"""What a saved scan knows its model and its images by."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import threading

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

import captum_deconvnet as cdn
from captum_deconvnet.errors import ImageError, ScanError
from captum_deconvnet.gallery.identity import identity

SCAN = "top.safetensors"


class Own(nn.Module):
    """A net with settings and functions of its own."""

    def __init__(self, stride=1, act=torch.relu, **options):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.stride, self.act, self.options = stride, act, options

    def forward(self, x):
        return self.act(self.norm(self.conv(x))[..., :: self.stride])


class Broken(Own):
    def __repr__(self):
        return "{name}(alpha={alpha})".format(name="Broken")  # noqa: F524


class Other(Own):
    def forward(self, x):
        return self.act(self.conv(x))


def built(make, *, seed=0):
    torch.manual_seed(seed)
    return make().eval()


def changed(change):
    net = built(Own)
    with torch.no_grad():
        change(net)
    return net


SAME = {
    "built again": lambda: built(Own),
    "a copy": lambda: copy.deepcopy(built(Own)),
    "weights in another layout": lambda: built(Own).to(memory_format=torch.channels_last),
    "on its way to training": lambda: built(Own).train(),
    "looked at by hooks": lambda: changed(lambda net: net.register_forward_hook(lambda *_: None)),
}

OTHER = {
    "other weights": lambda: built(Own, seed=1),
    "one weight moved": lambda: changed(lambda net: net.conv.weight[0, 0, 0, 0].add_(1e-3)),
    "two weights changed places": lambda: changed(
        lambda net: net.conv.bias.copy_(net.conv.bias.flip(0))
    ),
    "a buffer moved": lambda: changed(lambda net: net.norm.running_mean.add_(1)),
    "another type": lambda: built(Own).double(),
    "another class": lambda: built(Other),
    "a setting of a layer of torch": lambda: changed(lambda net: setattr(net.norm, "eps", 0.1)),
    "a setting of its own": lambda: built(lambda: Own(stride=2)),
    "a nested setting": lambda: built(lambda: Own(sizes=[{"k": (3, 5)}])),
    "another function": lambda: built(lambda: Own(act=torch.tanh)),
    "another lambda": lambda: built(lambda: Own(act=lambda x: x * 2)),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_model_is_known_again(name):
    assert identity(SAME[name](), []) == identity(built(Own), [])


@pytest.mark.parametrize("name", OTHER)
def test_another_model_is_told_apart(name):
    assert identity(OTHER[name](), []) != identity(built(Own), [])


def test_lambdas_are_told_apart_by_what_they_do():
    nets = [built(lambda act=act: Own(act=act)) for act in (lambda x: x * 2, lambda x: x * 3)]
    assert identity(nets[0], []) != identity(nets[1], [])


def test_classes_of_one_name_are_told_apart_by_what_their_methods_do():
    """As when a cell of a notebook is run again, changed or not."""
    forwards = (lambda self, x: self.conv(x), lambda self, x: self.conv(x), lambda self, x: x)
    kinds = [type("Own", (Own,), {"forward": forward}) for forward in forwards]
    one, again, other = (identity(built(kind), []) for kind in kinds)
    assert one == again
    assert one != other


PROCESS = """
import sys, torch, captum_deconvnet as cdn
class Shown(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.act = torch.nn.Conv2d(3, 4, 3), lambda x: x.relu()
        self.names = {"one", "two", "three"}
    def extra_repr(self):
        return f"act={self.act}"
    def forward(self, x):
        return self.act(self.conv(x))
junk = [object() for _ in range(int(sys.argv[2]))]
torch.manual_seed(0)
net, images = Shown().eval(), torch.rand(6, 3, 10, 10)
cdn.top_activations(net, "conv", images, k=2, only=range(int(sys.argv[2])), out=sys.argv[1])
"""


def test_a_scan_goes_on_in_another_process_whatever_the_addresses(tmp_path):
    for seed, only in (("1", "3"), ("2", "6")):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PROCESS, str(tmp_path / SCAN), only]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
    assert cdn.TopActivations.load(tmp_path / SCAN).done.all()


def test_a_model_whose_repr_fails_is_scanned(tmp_path):
    net = built(Broken)
    assert cdn.top_activations(net, "conv", torch.rand(3, 3, 9, 9), out=tmp_path / SCAN).done.all()


@settings(max_examples=30, deadline=None)
@given(
    count=st.integers(1, 12),
    pick=st.integers(0, 10**6),
    change=st.sampled_from(["pixel", "order", "scaled", "type", "shape", "fewer"]),
)
def test_any_change_of_the_images_is_noticed_and_the_same_images_are_not(
    tmp_path_factory, count, pick, change
):
    images = torch.rand(count, 3, 9, 9, generator=torch.Generator().manual_seed(pick))
    other = images.clone()
    match change:
        case "pixel":
            other.flatten()[pick % other.numel()] += 1e-3
        case "order":
            other = other.roll(1, 0)
        case "scaled":
            other = other * 3
        case "type":
            other = other.double()
        case "shape":
            other = other.transpose(2, 3)[..., :8, :]
        case "fewer":
            other = other[: count // 2]
    net, path = built(Own), tmp_path_factory.mktemp("scan") / SCAN
    one = cdn.top_activations(net, "conv", images, k=2, out=path)
    if len(other) and not (other.shape == images.shape and torch.equal(other, images)):
        with pytest.raises(ScanError, match="images"):
            cdn.top_activations(net, "conv", other, k=2, out=path)
    again = cdn.top_activations(net, "conv", images.clone(), k=2, out=path)
    assert again.to_bytes() == one.to_bytes()


@pytest.fixture
def folder(tmp_path):
    """An image folder of two classes, 300 images."""
    generator = torch.Generator().manual_seed(3)
    for number in range(300):
        place = tmp_path / "in" / "ab"[number % 2] / f"{number:03}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        pixels = torch.randint(0, 256, (10, 10, 3), generator=generator, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(place)
    return tmp_path / "in"


def tensors(*more):
    return v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), *more])


def test_a_folder_is_known_by_its_pixels_and_not_by_where_it_lies(folder, tmp_path):
    net, path = built(Own), tmp_path / SCAN
    one = cdn.top_activations(net, "conv", ImageFolder(folder, tensors()), out=path)
    moved = folder.rename(tmp_path / "moved")
    for image in moved.glob("a/*"):
        os.utime(image, (1, 1))
    again = cdn.top_activations(net, "conv", ImageFolder(moved, tensors()), out=path)
    assert torch.equal(again.values, one.values)
    assert all("moved" in name for name in again.names.values())


def flipped(folder):
    return ImageFolder(folder, tensors(v2.RandomHorizontalFlip(1.0)))


def one_pixel_changed(folder):
    place = folder / "b" / "101.png"
    image = Image.open(place)
    image.putpixel((4, 4), tuple(255 - value for value in image.getpixel((4, 4))))
    image.save(place)
    return ImageFolder(folder, tensors())


def two_changed_places(folder):
    one, other = folder / "a" / "020.png", folder / "a" / "022.png"
    between = one.rename(folder / "between.png")
    other.rename(one)
    between.rename(other)
    return ImageFolder(folder, tensors())


@pytest.mark.parametrize("change", [flipped, one_pixel_changed, two_changed_places])
def test_a_changed_folder_is_noticed(folder, tmp_path, change):
    net, path = built(Own), tmp_path / SCAN
    cdn.top_activations(net, "conv", ImageFolder(folder, tensors()), out=path)
    with pytest.raises(ScanError, match="images"):
        cdn.top_activations(net, "conv", change(folder), out=path)


def test_a_part_of_a_scan_is_not_gone_on_with_for_other_images(tmp_path):
    net, path, images = built(Own), tmp_path / SCAN, torch.rand(9, 3, 9, 9)
    cdn.top_activations(net, "conv", images, only=range(3), out=path)
    other = images.clone()
    other[2] = 0  # neither first, middle nor last
    with pytest.raises(ScanError, match="image 2 is not what it was"):
        cdn.top_activations(net, "conv", other, out=path)
    whole = cdn.top_activations(net, "conv", images, out=path)
    assert whole.to_bytes() == cdn.top_activations(net, "conv", images).to_bytes()


def test_scans_of_two_sets_of_equal_size_are_not_merged():
    net = built(Own)
    one = cdn.top_activations(net, "conv", torch.rand(8, 3, 9, 9), only=range(4))
    other = cdn.top_activations(net, "conv", torch.rand(8, 3, 9, 9), only=range(4, 8))
    with pytest.raises(ScanError, match="different models, layers, images"):
        one.merged(other)


def test_images_drawn_by_chance_are_not_saved_as_if_they_would_come_again(tmp_path):
    class Drawn(torch.utils.data.Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, number):
            return torch.rand(3, 9, 9)

    with pytest.raises(ImageError, match="another image 0 each time"):
        cdn.top_activations(built(Own), "conv", Drawn(), out=tmp_path / SCAN)
    assert cdn.top_activations(built(Own), "conv", Drawn()).done.all()


def test_two_threads_scan_one_model_as_if_each_were_alone():
    net = built(Own)
    sets = [torch.rand(24, 3, 40, 40) for _ in range(4)]
    alone = [cdn.top_activations(net, ("conv", "norm"), images, batch_size=2) for images in sets]
    found = {}

    def scan(number):
        found[number] = cdn.top_activations(net, ("conv", "norm"), sets[number], batch_size=2)

    threads = [threading.Thread(target=scan, args=(number,)) for number in range(len(sets))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, expected in enumerate(alone):
        assert found[number].to_bytes() == expected.to_bytes()
    assert not any(module._forward_hooks for module in net.modules())
