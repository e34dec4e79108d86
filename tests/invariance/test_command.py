"""``deconvnet invariance``: figure, table, summary, and clear errors."""

from __future__ import annotations

import csv
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import captum_deconvnet as cdn

MODEL = ("torchvision/alexnet", "--weights", "random")
QUICK = (*MODEL[1:], "--transform", "translation", "--values", "-8,0,8")


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def album(tmp_path, photograph):
    """A folder of two classes, three photographs."""
    picture = Image.open(photograph)
    for name, angle in (("flat/one.png", 0), ("flat/two.png", 90), ("round/three.png", 180)):
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.rotate(angle, expand=True).save(path)
    return tmp_path / "album"


def test_every_point_is_in_the_table_and_the_figure_is_a_picture(deconvnet, photograph, tmp_path):
    out = tmp_path / "curves.png"
    result = deconvnet("invariance", MODEL[0], photograph, photograph, *QUICK, "--out", out)
    assert result.exit_code == 0, result.output
    found = rows(tmp_path / "curves.csv")
    assert len(found) == 2 * 3 * 2  # images, values, layers
    assert {row["layer"] for row in found} == {"features.2", "features.12"}
    assert all(float(row["euclidean"]) == 0 for row in found if float(row["value"]) == 0)
    assert all(float(row["euclidean"]) > 0 for row in found if float(row["value"]) != 0)
    assert all(0 < float(row["probability"]) < 1 for row in found)
    near, _, *heights = result.stdout.splitlines()[1].split()
    own = [float(row["euclidean"]) for row in found if row["layer"] == "features.2"][:3]
    assert near == "translation"
    # Two trapezoids of width 8 between -8, 0 and 8, over the range of 16.
    assert np.isclose(float(heights[0]), (own[0] + 2 * own[1] + own[2]) / 4, rtol=1e-3)
    with Image.open(out) as figure:
        assert min(figure.size) > 500


def test_filled_borders_give_what_the_class_gives(deconvnet, photograph, tmp_path):
    out = tmp_path / "curves.png"
    deconvnet(
        "invariance", MODEL[0], photograph, *QUICK, "--border", "fill", "--fill", "0.5",
        "--target", "7", "--layers", "features.5", "--out", out,
    )  # fmt: skip
    torch.manual_seed(0)
    network = cdn.load_model(MODEL[0], "random")
    image = network.transform(Image.open(photograph)).unsqueeze(0)
    curves = cdn.FeatureInvariance(network.model, "features.5").attribute(
        image, 7, values=[-8, 0, 8], fill=0.5
    )
    found = rows(tmp_path / "curves.csv")
    distances = [float(row["euclidean"]) for row in found]
    assert np.allclose(distances, curves.distance("features.5", "euclidean")[0], rtol=1e-5)
    assert [row["target"] for row in found] == ["7"] * 3


def test_a_summary_ranks_layers_and_classes(deconvnet, album, tmp_path):
    out = tmp_path / "ranks"
    result = deconvnet("invariance", MODEL[0], album, *QUICK, "--summary", "--out", out)
    assert result.exit_code == 0, result.output
    layers, classes = rows(out / "layers.csv"), rows(out / "classes.csv")
    assert [row["photographs"] for row in layers] == ["3", "3"]
    areas = [float(row["area"]) for row in layers]
    assert areas == sorted(areas)
    assert {(row["class"], row["photographs"]) for row in classes} == {
        ("flat", "2"),
        ("round", "1"),
    }
    assert "features.12" in result.stdout
    parts = [json.loads(line) for line in (out / "images.jsonl").read_text().splitlines()[1:]]
    points = [point for part in parts for point in part["result"]["points"]]
    for row in layers:
        own = [point["area"] for point in points if point["layer"] == row["layer"]]
        assert np.isclose(float(row["area"]), sum(own) / 3)


def test_a_stopped_summary_goes_on_where_it_was(deconvnet, album, tmp_path):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    deconvnet("invariance", MODEL[0], album, *QUICK, "--summary", "--out", whole)
    stopped.mkdir()
    lines = (whole / "images.jsonl").read_text().splitlines(keepends=True)
    (stopped / "images.jsonl").write_text("".join(lines[:2]) + lines[2][:40])  # killed mid-line
    result = deconvnet("invariance", MODEL[0], album, *QUICK, "--summary", "--out", stopped)
    assert "3 photographs, 1 measured before" in result.stderr
    for name in ("layers.csv", "classes.csv"):
        assert (stopped / name).read_text() == (whole / name).read_text()


def test_a_new_photograph_is_all_that_is_measured_again(deconvnet, album, tmp_path):
    out = tmp_path / "ranks"
    deconvnet("invariance", MODEL[0], album, *QUICK, "--summary", "--out", out)
    shutil.copy(album / "flat/one.png", album / "round/four.png")
    result = deconvnet("invariance", MODEL[0], album, *QUICK, "--summary", "--out", out)
    assert "4 photographs, 3 measured before" in result.stderr


def test_results_of_another_run_are_not_mixed_in(deconvnet, fails, album, tmp_path):
    out = tmp_path / "ranks"
    deconvnet("invariance", MODEL[0], album, *QUICK, "--summary", "--out", out)
    line = fails(
        "invariance", MODEL[0], album, *MODEL[1:], "--transform", "rotation", "--summary",
        "--out", out,
    )  # fmt: skip
    assert "results of another run" in line
    assert "rotation" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--transform", "rotate"), "rotation"),
        (("--transform", "translation", "--values", "224"), "smaller than the image"),
        (("--transform", "scale", "--values", "0"), "greater than 0"),
        (("--layers", "features.99"), "features.99"),
        (("--target", "1000"), "0 to 999"),
        (("--out", "absent/curves.png"), "No such folder"),
    ],
)
def test_bad_input_is_one_line(fails, photograph, arguments, says):
    border = ("--border", "fill")
    assert says in fails("invariance", MODEL[0], photograph, *MODEL[1:], *border, *arguments)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--values", "1:2:1"), "exactly one"),
        (("--transform", "scale", "--values", "2:1:1"), "FIRST:LAST:STEP"),
        (("--transform", "scale", "--values", "1:2:0"), "FIRST:LAST:STEP"),
        (("--transform", "scale", "--values", "1:x"), "FIRST:LAST:STEP"),
        (("--target", "1", "--target", "2"), "2 times for 1 images"),
        (("--out", "curves.txt"), ".png"),
        (("--summary",), "folder of photographs"),
        (("--summary", "--target", "1"), "one folder"),
    ],
)
def test_options_that_do_not_fit_are_explained(deconvnet, photograph, arguments, says):
    result = deconvnet("invariance", MODEL[0], photograph, *MODEL[1:], *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "Traceback" not in result.output


def test_a_missing_photograph_is_named(fails, tmp_path):
    assert "absent.jpg" in fails("invariance", MODEL[0], tmp_path / "absent.jpg", *MODEL[1:])


@pytest.mark.parametrize(("count", "is_said"), [(1, False), (2, True), (3, False)])
def test_a_band_of_two_curves_is_said_to_be_none(deconvnet, album, tmp_path, count, is_said):
    images = sorted(album.glob("*/*.png"))[:count]
    options = (*QUICK, "--layers", "features.2", "--out", tmp_path / "curves.png")
    result = deconvnet("invariance", MODEL[0], *images, *options)
    assert result.exit_code == 0, result.output
    assert ("a band of 2 curves is no band: none is drawn" in result.stderr) == is_said
    assert "no band" not in result.stdout
