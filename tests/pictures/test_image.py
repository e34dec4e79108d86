"""Every kind of image file becomes the picture that a viewer would show."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from captum_deconvnet.errors import ImageError
from captum_deconvnet.pictures.reading import read_image

STEPS = np.arange(0, 256, 17, dtype=np.uint8).reshape(4, 4)


def read(path):
    image = read_image(path)
    assert image.mode == "RGB"
    return np.asarray(image)


def saved(tmp_path, picture, name="picture.png", **options):
    path = tmp_path / name
    picture.save(path, **options)
    return path


def test_a_colour_image_is_read_as_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read(saved(tmp_path, Image.fromarray(pixels))), pixels)


def test_a_grey_image_gets_three_equal_channels(tmp_path):
    grey = read(saved(tmp_path, Image.fromarray(STEPS)))
    for channel in range(3):
        np.testing.assert_array_equal(grey[..., channel], STEPS)


def test_sixteen_bit_grey_is_scaled_and_not_clipped(tmp_path):
    deep = STEPS.astype(np.uint16) * 257
    np.testing.assert_array_equal(read(saved(tmp_path, Image.fromarray(deep)))[..., 0], STEPS)


def test_a_sixteen_bit_tiff_is_scaled_too(tmp_path):
    deep = STEPS.astype(np.uint16) * 257
    path = saved(tmp_path, Image.fromarray(deep), "picture.tif")
    np.testing.assert_array_equal(read(path)[..., 1], STEPS)


def test_transparent_parts_show_white_whatever_colour_they_hide(tmp_path):
    pixels = np.zeros((1, 3, 4), dtype=np.uint8)
    pixels[0] = [[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 51]]
    shown = read(saved(tmp_path, Image.fromarray(pixels)))
    assert shown[0].tolist() == [[10, 20, 30], [255, 255, 255], [204, 204, 204]]


def test_grey_with_transparency_shows_white_too(tmp_path):
    pixels = np.array([[[7, 255], [7, 0]]], dtype=np.uint8)
    shown = read(saved(tmp_path, la(pixels)))
    assert shown[0].tolist() == [[7, 7, 7], [255, 255, 255]]


def la(pixels):
    grey, alpha = (Image.fromarray(pixels[..., i]) for i in (0, 1))
    return Image.merge("LA", (grey, alpha))


def test_a_palette_image_shows_its_palette_and_not_its_indices(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([200, 100, 50, 1, 2, 3])
    picture.putdata([0, 1])
    assert read(saved(tmp_path, picture))[0].tolist() == [[200, 100, 50], [1, 2, 3]]


def test_a_transparent_palette_entry_shows_white(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([200, 100, 50, 1, 2, 3])
    picture.putdata([0, 1])
    shown = read(saved(tmp_path, picture, transparency=1))
    assert shown[0].tolist() == [[200, 100, 50], [255, 255, 255]]


def test_black_and_white_bits_become_black_and_white(tmp_path):
    picture = Image.fromarray(np.array([[0, 255]], dtype=np.uint8)).convert("1")
    assert read(saved(tmp_path, picture))[0].tolist() == [[0, 0, 0], [255, 255, 255]]


def test_a_photograph_is_turned_the_way_its_camera_was_held(tmp_path):
    pixels = np.zeros((8, 16, 3), dtype=np.uint8)
    pixels[:, :8] = 255  # left half white
    tags = Image.Exif()
    tags[0x0112] = 6  # the camera stood on its side: turn clockwise, left becomes top
    upright = read(saved(tmp_path, Image.fromarray(pixels), "p.png", exif=tags))
    assert upright.shape == (16, 8, 3)
    assert (upright[:8] == 255).all()
    assert (upright[8:] == 0).all()


def test_of_an_animation_the_first_frame_is_read(tmp_path):
    frames = [Image.new("RGB", (2, 2), shade) for shade in ("red", "blue")]
    path = saved(tmp_path, frames[0], "p.gif", save_all=True, append_images=frames[1:])
    assert read(path)[0, 0].tolist() == [255, 0, 0]


def test_a_text_file_is_no_image(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not an image")
    with pytest.raises(ImageError, match=r"notes\.txt is not an image"):
        read_image(path)


def test_an_empty_file_is_no_image(tmp_path):
    path = tmp_path / "empty.png"
    path.touch()
    with pytest.raises(ImageError, match="not an image"):
        read_image(path)


def test_a_file_cut_short_is_refused_and_not_half_shown(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for name in ("p.png", "p.jpg"):
        path = saved(tmp_path, Image.fromarray(noise), name)
        path.write_bytes(path.read_bytes()[:3000])
        with pytest.raises(ImageError, match="cannot be read as an image"):
            read_image(path)


def test_floating_point_pixels_are_refused_because_their_range_is_unknown(tmp_path):
    path = saved(tmp_path, Image.fromarray(np.ones((2, 2), dtype=np.float32)), "p.tif")
    with pytest.raises(ImageError, match="floating point"):
        read_image(path)


def test_a_missing_file_is_the_systems_own_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "absent.png")


def test_a_photograph_of_a_hundred_million_pixels_is_read(tmp_path):
    path = tmp_path / "survey.png"
    Image.new("1", (10000, 9100), 1).save(path)
    assert read_image(path).size == (10000, 9100)


def test_a_picture_too_large_to_be_one_is_refused(tmp_path):
    path = tmp_path / "bomb.png"
    Image.new("1", (20000, 9000)).save(path)
    with pytest.raises(ImageError, match=r"bomb.png cannot be read as an image: Image size .*k\.$"):
        read_image(path)
