"""``deconvnet demo``: the README's pictures; the first needs no extra."""

from __future__ import annotations

import pytest
from PIL import Image


@pytest.mark.parametrize(
    "model",
    ["zfnet/fashion_mnist", pytest.param("offline/craft_vgg16_bn", marks=pytest.mark.weights)],
)
def test_the_demo_writes_its_picture_and_prints_the_receipt(deconvnet, tmp_path, model):
    out = tmp_path / "demo.png"
    result = deconvnet("demo", "--model", model, "--out", out)
    assert result.exit_code == 0, result.output
    assert f"wrote {out}\n" in result.stderr
    assert result.stdout.split()[:4] == ["kind", "operation", "rule", "count"]
    for rule in ("transposed filter", "rectify", "switches"):
        assert rule in result.stdout
    assert "fallback" not in result.stdout
    with Image.open(out) as figure:
        assert figure.width > 1500  # sharp at the width of a README on a fine screen


def test_the_demo_refuses_a_missing_folder_before_it_works(fails, tmp_path):
    assert "No such folder" in fails("demo", "--out", tmp_path / "absent" / "demo.png")


def test_a_model_without_pictures_is_refused(fails, tmp_path):
    line = fails("demo", "--model", "zfnet/compact_bn", "--out", tmp_path / "demo.png")
    assert "has no trained weights" in line
