"""``deconvnet occlude`` and ``deconvnet correspond``: figures, tables and what they refuse."""

from __future__ import annotations

import json

import pytest
from PIL import Image

MODEL = ("torchvision/squeezenet1_1", "--weights", "random")


def test_the_figure_of_five_panels_is_written(deconvnet, photograph, tmp_path):
    out = tmp_path / "occlusion.png"
    sizes = ("--window", 112, "--stride", 56, "--target", "tabby")
    result = deconvnet("occlude", MODEL[0], photograph, *MODEL[1:], *sizes, "--out", out)
    assert result.exit_code == 0, result.output
    assert f"wrote {out}\n" in result.stderr
    with Image.open(out) as figure:
        assert figure.width > 4 * figure.height


def test_an_unknown_class_is_refused_with_near_names(fails, photograph, tmp_path):
    message = fails("occlude", MODEL[0], photograph, *MODEL[1:], "--target", "tabbby")
    assert "Unknown class 'tabbby'. Nearest: tabby" in message


def test_a_window_that_does_not_fit_is_refused(deconvnet, photograph):
    result = deconvnet("occlude", MODEL[0], photograph, *MODEL[1:], "--window", 300)
    assert result.exit_code == 2
    assert "A window of 300 does not fit images of 224 by 224 pixels." in result.stderr


@pytest.fixture
def annotations(photograph):
    """A function that writes an annotations file beside the photograph."""

    def write(**changed):
        boxes = [[100, 100, 40, 60]] * 2
        given = {"images": [photograph.name] * 2, "parts": {"ring": boxes}, **changed}
        path = photograph.with_name("annotations.json")
        path.write_text(json.dumps(given))
        return path

    return write


def test_the_same_image_twice_has_no_distance(deconvnet, annotations):
    layers = ("--layers", "features.0,features.12", "--random", 2)
    result = deconvnet("correspond", MODEL[0], annotations(), *MODEL[1:], *layers)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["layer", "part", "distance", "pairs"]
    assert lines[1].split() == ["features.0", "ring", "0.000", "\u00b1", "0.000", "2"]
    assert [line.split()[1] for line in lines[1:]] == ["ring", "random"] * 2


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"parts": {}}, "at least one part"),
        ({"parts": {"eye": [[1, 2, 3, 4]]}}, "a list of 2 boxes"),
        ({"parts": {"eye": [[1, 2, 3, 4], [1, 2, 0, 4]]}}, "[1, 2, 0, 4]"),
        ({"images": "a.png"}, "a list of file names"),
        ({"parts": {"eye": [[0, 0, 2, 2]] * 2}}, "sees nothing of the box"),
    ],
)
def test_bad_annotations_are_refused_in_one_line(fails, annotations, changed, message):
    assert message in fails("correspond", MODEL[0], annotations(**changed), *MODEL[1:])


def test_a_file_that_is_not_json_is_refused(fails, photograph):
    assert "is not JSON" in fails("correspond", MODEL[0], photograph, *MODEL[1:])
