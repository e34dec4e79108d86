"""Data sets: read right, refused clearly, cropped as asked."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from captum_deconvnet.errors import DataError
from captum_deconvnet_zfnet.data.batches import (
    central_crop,
    generator_for,
    in_order,
    mean_and_deviation,
    mean_image,
    moments,
    random_crops,
    shuffled,
)
from captum_deconvnet_zfnet.data.fashion_mnist import read_fashion_mnist, read_idx
from captum_deconvnet_zfnet.data.image_folder import read_image_folder
from captum_deconvnet_zfnet.data.opening import open_data
from captum_deconvnet_zfnet.data.pictures import TensorPictures
from captum_deconvnet_zfnet.training.workers import Workers


def test_an_idx_file_is_read_byte_by_byte(tmp_path):
    path = tmp_path / "two"
    path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255]))
    assert read_idx(path).tolist() == [[1, 2, 3], [4, 5, 255]]
    packed = tmp_path / "two.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert torch.equal(read_idx(packed), read_idx(path))


@pytest.mark.parametrize(
    ("content", "trouble"),
    [
        (b"", "not an idx file"),
        (b"\x89PNG and more", "not an idx file"),
        (bytes([0, 0, 13, 1, 0, 0, 0, 1, 0]), "not an idx file"),  # floats
        (bytes([0, 0, 8, 1, 0, 0, 0, 3, 1, 2]), "2 bytes where 3 were expected"),
        (bytes([0, 0, 8, 3, 0, 0]), "0 bytes"),
    ],
)
def test_a_damaged_idx_file_is_refused_with_its_name(tmp_path, content, trouble):
    path = tmp_path / "damaged"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"damaged .*{trouble}"):
        read_idx(path)
    packed = tmp_path / "cut.gz"
    packed.write_bytes(gzip.compress(bytes(1000))[:-9])
    with pytest.raises(DataError, match=r"cut.gz is damaged"):
        read_idx(packed)


def test_fashion_mnists_files_are_split_and_padded(striped_clothes):
    data = read_fashion_mnist(striped_clothes)
    assert (len(data.train), len(data.validation), len(data.test)) == (1152, 128, 50)
    picture, label = data.train[13]
    assert (picture.shape, picture.dtype, label) == ((1, 32, 32), torch.uint8, 3)
    assert int(picture[:, 2:-2, 2:-2].sum()) == int(picture.sum()) > 0


def test_a_subset_of_the_classes_is_the_first_ones(striped_clothes, image_folder):
    data = read_fashion_mnist(striped_clothes, classes=3)
    assert data.categories == ("T-shirt/top", "Trouser", "Pullover")
    assert set(data.train.labels) == set(data.test.labels) == {0, 1, 2}
    folder = read_image_folder(image_folder(4, 10), 32, classes=2)
    assert folder.categories == ("class000", "class001")
    assert (len(folder.train), len(folder.validation)) == (18, 2)


def test_more_classes_than_there_are_are_refused(striped_clothes):
    with pytest.raises(DataError, match="has 10 classes; 11 were asked for"):
        read_fashion_mnist(striped_clothes, classes=11)


def test_one_class_is_refused(striped_clothes, image_folder):
    with pytest.raises(DataError, match="has 1 class; a classifier needs two"):
        read_fashion_mnist(striped_clothes, classes=1)
    with pytest.raises(DataError, match="has 1 class; a classifier needs two"):
        read_image_folder(image_folder(1, 20), 32)


def test_a_class_with_too_few_images_is_named(image_folder):
    folder = image_folder(3, 12)
    for path in sorted((folder / "class001").iterdir())[3:]:
        path.unlink()
    with pytest.raises(DataError, match=r"'class001' of .* has 3 images to learn from; 5 or more"):
        read_image_folder(folder, 32)


def test_a_class_without_an_image_to_validate_with_is_named(image_folder):
    folder = image_folder(2, 9)  # every tenth validates
    with pytest.raises(DataError, match=r"'class000' of .* has 0 images to validate with"):
        read_image_folder(folder, 32)


def test_folders_that_do_not_hold_data_are_refused(tmp_path, image_folder):
    with pytest.raises(DataError, match="No such folder"):
        open_data(tmp_path / "absent", 28)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="has no folder for a class"):
        open_data(tmp_path / "empty", 28)
    folder = image_folder(2, 12)
    (folder / "train").mkdir()
    (folder / "class000").rename(folder / "train" / "a")
    (folder / "val" / "b").mkdir(parents=True)
    with pytest.raises(DataError, match="differ in their classes"):
        open_data(folder, 28)


def test_missing_files_of_fashion_mnist_name_debians_package(tmp_path, striped_clothes):
    name = "train-images-idx3-ubyte.gz"
    (tmp_path / name).write_bytes((striped_clothes / name).read_bytes())
    with pytest.raises(DataError, match=r"no train-labels-idx1-ubyte .*dataset-fashion-mnist"):
        open_data(tmp_path, 28)
    with pytest.raises(DataError, match="pictures of 28 pixels, and this net takes 224"):
        open_data(striped_clothes, 224)


def test_a_corrupt_image_is_named_and_fatal_or_skipped(image_folder, capsys):
    folder = image_folder(2, 20)
    cut = folder / "class001" / "3.png"
    cut.write_bytes(cut.read_bytes()[:300])
    (folder / "class000" / "7.png").write_text("no picture at all")
    with pytest.raises(DataError, match=r"7\.png is not an image.*2 such files; --corrupt skip"):
        read_image_folder(folder, 32)
    data = read_image_folder(folder, 32, skip_corrupt=True)
    assert len(data.train) + len(data.validation) == 38
    told = capsys.readouterr()
    assert "3.png" in told.out + told.err
    assert "7.png" in told.out + told.err


def test_an_image_is_brought_to_the_shorter_side_and_its_middle_kept(tmp_path):
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = 200
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(10):
            Image.fromarray(wide).save(tmp_path / label / f"{number}.png")
    picture, _ = read_image_folder(tmp_path, 10).train[0]
    assert picture.shape == (3, 10, 10)
    assert (picture == 200).all()


@given(st.integers(1, 300), st.integers(1, 64), st.integers(0, 50), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_an_epochs_batches_hold_each_picture_once_at_most(count, batch, seed, epoch):
    batches = shuffled(count, seed, epoch, batch)
    flat = [index for each in batches for index in each]
    assert len(set(flat)) == len(flat) >= count - batch + 1
    assert set(flat) <= set(range(count))
    assert {len(each) for each in batches} == {min(batch, count)}
    assert batches == shuffled(count, seed, epoch, batch)
    assert [i for each in in_order(count, batch) for i in each] == list(range(count))


@given(st.lists(st.integers(0, 99), min_size=4), st.integers(1, 4))
def test_processes_share_a_batch_without_overlap(batch, count):
    shares = [Workers(rank, count, torch.device("cpu")).share(batch) for rank in range(count)]
    assert sorted(index for share in shares for index in share) == sorted(batch)


def test_orders_of_epochs_differ_and_so_do_seeds():
    orders = [shuffled(100, seed, epoch, 100)[0] for seed in (0, 1) for epoch in (1, 2)]
    assert len({tuple(order) for order in orders}) == 4


def test_plain_crops_are_pieces_of_the_picture_pixel_by_pixel():
    pictures = torch.randint(256, (16, 2, 10, 10), dtype=torch.uint8)
    crops = random_crops(pictures, 7, generator_for(0))
    seen = set()
    for picture, crop in zip(pictures, crops, strict=True):
        pieces = {
            (top, left, mirrored): piece.flip(-1) if mirrored else piece
            for top in range(4)
            for left in range(4)
            for mirrored in (False, True)
            for piece in [picture[:, top : top + 7, left : left + 7].float() / 255]
        }
        fits = [place for place, piece in pieces.items() if torch.allclose(crop, piece, atol=1e-4)]
        assert len(fits) == 1
        seen.add(fits[0])
    assert len(seen) > 8


@pytest.mark.parametrize("smallest_area", [0.35, 0.9])
def test_crops_by_area_keep_to_it_and_to_the_picture(smallest_area):
    ramp = torch.arange(64).float().view(1, 1, 1, 64).expand(500, 1, 64, 64)
    across, down = (
        random_crops((3 * each).to(torch.uint8), 16, generator_for(0), smallest_area) * 255 / 3
        for each in (ramp, ramp.mT)
    )
    width = (across[:, 0, 8, -1] - across[:, 0, 8, 0]).abs() * 16 / 15
    height = (down[:, 0, -1, 8] - down[:, 0, 0, 8]).abs() * 16 / 15
    area = width * height / 64**2
    assert area.min() > 0.9 * smallest_area
    assert area.max() <= 1.02
    assert (width / height).max() <= 4 / 3 * 1.05


def test_the_central_crop_is_the_middle():
    pictures = torch.arange(36, dtype=torch.uint8).view(1, 1, 6, 6)
    assert (255 * central_crop(pictures, 2))[0, 0].round().tolist() == [[14, 15], [20, 21]]


def test_moments_are_numpys():
    pictures = torch.randint(256, (600, 3, 8, 8), dtype=torch.uint8)
    mean, deviation = moments(TensorPictures(pictures, torch.zeros(600)), 6, seed=0)
    array = pictures[..., 1:7, 1:7].numpy() / 255
    np.testing.assert_allclose(mean, array.mean(0), atol=1e-6)
    np.testing.assert_allclose(deviation, array.std(0), atol=1e-5)
    colour, spread = mean_and_deviation(mean, deviation)
    np.testing.assert_allclose(colour[:, 0, 0], array.mean((0, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(spread[:, 0, 0], array.std((0, 2, 3)), atol=1e-5)
    assert torch.equal(mean_image(mean, deviation)[0], mean)
