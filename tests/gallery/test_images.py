"""Datasets of all sorts: what cannot be read or sent, and pictures of any number of channels."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

import captum_deconvnet as cdn
from captum_deconvnet.errors import ImageError

SPAWN = """
import threading, warnings, torch, captum_deconvnet as cdn
warnings.simplefilter("ignore")

class Unsendable(torch.utils.data.Dataset):
    def __init__(self):
        self.lock = threading.Lock()
    def __len__(self):
        return 4
    def __getitem__(self, number):
        return torch.full((3, 9, 9), float(number))

if __name__ == "__main__":
    torch.multiprocessing.set_start_method("spawn")
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3))
    try:
        cdn.top_activations(net, "0", Unsendable(), num_workers=1)
    except cdn.errors.ImageError as error:
        print(error)
"""


def test_a_dataset_that_cannot_be_sent_to_workers_is_one_clear_error(tmp_path):
    script = tmp_path / "scan.py"
    script.write_text(SPAWN)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.stdout.count("\n") == 1, done.stderr
    assert "cannot be sent to worker processes" in done.stdout
    assert "num_workers=0" in done.stdout


class Sizes(torch.utils.data.Dataset):
    """Images of two sizes."""

    def __len__(self):
        return 8

    def __getitem__(self, number):
        return torch.zeros(3, 9, 9 + number // 4)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_in_a_worker_is_the_line_it_is_without_workers(workers):
    net = nn.Sequential(nn.Conv2d(3, 2, 3))
    with pytest.raises(ImageError) as raised:
        cdn.top_activations(net, "0", Sizes(), num_workers=workers)
    assert str(raised.value).startswith("The images have several sizes, (3, 9, 9), (3, 9, 10)")
    assert "\n" not in str(raised.value)


def gone(place):
    place.with_name("1.png").symlink_to(place.with_name("nowhere.png"))


def around(place):
    place.with_name("1.png").symlink_to(place.with_name("1.png"))


def empty(place):
    place.with_name("1.png").write_bytes(b"")


@pytest.mark.parametrize("trouble", [gone, around, empty])
def test_a_picture_that_cannot_be_opened_is_named_and_left_out(tmp_path, trouble):
    place = tmp_path / "class" / "0.png"
    place.parent.mkdir()
    for number in (0, 2):
        Image.new("RGB", (9, 9)).save(place.with_name(f"{number}.png"))
    trouble(place)
    dataset = ImageFolder(tmp_path, v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32)]))
    assert len(dataset) == 3
    top = cdn.top_activations(nn.Sequential(nn.Conv2d(3, 2, 3)), "0", dataset)
    assert list(top.skipped) == [1]
    assert "1.png" in top.skipped[1]
    assert top["0"].count == 2


def test_a_folder_that_is_gone_stops_the_scan(tmp_path):
    """A disk that is no longer there is no reason to leave all its pictures out."""
    place = tmp_path / "class" / "0.png"
    place.parent.mkdir()
    Image.new("RGB", (9, 9)).save(place)
    dataset = ImageFolder(tmp_path, v2.ToImage())
    place.unlink()
    os.rmdir(place.parent)
    with pytest.raises(FileNotFoundError):
        cdn.top_activations(nn.Sequential(nn.Conv2d(3, 2, 3)), "0", dataset)


@pytest.mark.parametrize("channels", [1, 2, 4, 12])
@pytest.mark.parametrize("size", [(17,), (9, 8), (4, 6, 5)], ids=["1-D", "2-D", "3-D"])
def test_images_of_any_channels_and_dimensions_are_scanned(channels, size, tmp_path):
    """The strongest activation of each map, and its place, by a search of the whole."""
    torch.manual_seed(channels)
    images = torch.rand(5, channels, *size)
    filters = getattr(nn, f"Conv{len(size)}d")(channels, 3, 3).eval()
    net, path = nn.Sequential(filters), tmp_path / "top.safetensors"
    top = cdn.top_activations(net, "0", images, k=2, batch_size=1, out=path)
    with torch.no_grad():
        maps = torch.cat([filters(image[None]) for image in images]).transpose(0, 1).flatten(1)
    assert torch.equal(top.values[:, 0], maps.amax(1))
    for channel in range(3):
        (best, _) = top.units("0", channel)
        place = (best.frame, best.row, best.column)[3 - len(size) :]
        with torch.no_grad():
            assert filters(images[best.image][None])[(0, channel, *place)] == best.value
    assert cdn.top_activations(net, "0", images, k=2, out=path).done.all()
