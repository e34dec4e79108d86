"""Names of outputs: of model and image, never another's; any name of an image will do."""

from __future__ import annotations

import itertools
import os
import shutil
from pathlib import Path

import pytest

from captum_deconvnet.cli.output import write_figure
from captum_deconvnet.files import LONGEST, default_file, origin_of, readable

MODEL = "zfnet/fashion_mnist"
STEMS = [
    "with space & <b>", "quote'\"", "two\nlines", "\u00fcn\u00ef \u6f22\u5b57 \U0001f408", "-dash",
    "100%", "a$\\frac$b", "$5_^ and $6", os.fsdecode(b"bad\xff\x80"), "tab\tand\x1b[31m", ".dot",
    "n" * 240, "\u6f22" * 80, "{}", "a\r",
]  # fmt: skip
COMMANDS = {
    "project": ("--layers", "layer2"),
    "occlude": ("--window", "14", "--stride", "14"),
    "invariance": ("--transform", "rotation", "--values", "0,90", "--layers", "layer2"),
}


@pytest.mark.parametrize("stem", STEMS, ids=ascii)
@pytest.mark.parametrize("command", COMMANDS)
def test_an_image_of_any_name_is_taken_and_names_the_output(
    deconvnet, photograph, tmp_path, monkeypatch, command, stem
):
    folder = tmp_path / "images"
    folder.mkdir()
    shutil.copy(photograph, folder / f"{stem}.png")
    monkeypatch.chdir(tmp_path)
    before = set(os.listdir())
    result = deconvnet(command, MODEL, folder / f"{stem}.png", *COMMANDS[command])
    assert result.exit_code == 0, result.output
    written = {name for name in os.listdir() if name not in before}
    assert len([name for name in written if name.endswith(".png")]) == 1
    assert all("zfnet-fashion_mnist" in name and name[0] not in "-." for name in written)
    said = [line for line in result.stderr.splitlines() if line.startswith("wrote ")]
    assert sorted(said) == sorted(f"wrote {readable(name)}" for name in written)
    assert ".py:" not in result.stderr


def figure():
    from matplotlib.figure import Figure

    return Figure(figsize=(1, 1))


def test_no_output_takes_the_place_of_another_models_weights_or_images(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = [Path("cat.png"), Path("cat.jpg"), Path("elsewhere/cat.png")]
    models = ["a/b", "a-b", "a/b-c"]
    orders = list(itertools.product(("projections", "occlusion"), models, ("DEFAULT", "random")))
    written = set()
    for _ in range(2):  # the same order again takes its own file
        for (kind, model, weights), image in itertools.product(orders, images):
            path = default_file(kind, model, weights, [image])
            write_figure(path, figure(), origin_of(kind, model, weights, [image]))
            written.add(path)
    assert len(written) == len(orders) * len(images) == len(os.listdir())


def test_a_file_that_is_no_figure_of_ours_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cat-a-b-projections.png").write_text("mine")
    assert default_file("projections", "a/b", subjects=[Path("cat.png")]).name.endswith("-2.png")


@pytest.mark.parametrize("stem", STEMS, ids=ascii)
def test_a_name_is_said_on_one_line_and_not_too_long(stem):
    assert readable(stem).isprintable()
    assert len(os.fsencode(default_file("x", "m", subjects=[Path(f"{stem}.png")]))) < LONGEST + 20
