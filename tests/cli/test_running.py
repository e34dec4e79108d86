"""Runs of commands: one at a time in a folder, stopped and gone on with, their own outputs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock
from PIL import Image

from captum_deconvnet.cli.output import write_figure
from captum_deconvnet.errors import OutputError
from captum_deconvnet.files import LOCK, alone_in
from captum_deconvnet.pictures.image_sets import image_files

MODEL = f"{Path(__file__).with_name('toy_nets.py')}:net_3"
OPTIONS = ("--layers", "4", "--maps", "2", "--k", "2", "--tile", "16")


@pytest.fixture
def folder(photograph, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    with Image.open(photograph) as picture:
        for number in range(3):
            picture.rotate(number).resize((60, 50)).save(folder / f"{number}.png")
    return folder


def commands(folder, out):
    return {
        "gallery": (out, ("gallery", MODEL, folder, *OPTIONS, "--out", out)),
        "invariance": (
            out,
            ("invariance", MODEL, folder, "--summary", "--transform", "rotation", "--out", out),
        ),
    }


@pytest.mark.parametrize("command", ["gallery", "invariance"])
def test_the_second_run_in_a_folder_says_why_it_stops(deconvnet, folder, tmp_path, command):
    out, words = commands(folder, tmp_path / "out")[command]
    out.mkdir()
    with FileLock(out / LOCK):
        result = deconvnet(*words)
        assert result.exit_code == 2
        assert "Another run works in" in result.stderr
        assert os.listdir(out) == [LOCK]
    result = deconvnet(*words)
    assert result.exit_code == 0, result.output
    assert LOCK not in os.listdir(out)


def test_a_lock_that_a_killed_run_left_holds_nobody_up(tmp_path):
    (tmp_path / LOCK).write_text("")
    with alone_in(tmp_path), pytest.raises(OutputError, match="Another run"), alone_in(tmp_path):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("place", [".", "gallery", "below/gallery"])
def test_a_gallery_among_its_images_is_complete_the_second_time(deconvnet, folder, place):
    command = ("gallery", MODEL, folder, *OPTIONS, "--html", "--out", folder / place)
    assert deconvnet(*command).exit_code == 0
    result = deconvnet(*command)
    assert result.exit_code == 0
    assert "is complete: nothing to do" in result.stderr
    other = deconvnet("gallery", MODEL, folder, *OPTIONS, "--out", folder / "another")
    assert other.exit_code == 0
    assert json.loads((folder / "another" / "index.json").read_text())["images"] == 3


def test_figures_of_ours_are_no_photographs(deconvnet, folder, monkeypatch):
    from matplotlib.figure import Figure

    before = sorted(image_files(folder))
    monkeypatch.chdir(folder)
    for command, options in (
        ("project", ()),
        ("occlude", ("--window", "10", "--stride", "10")),
        ("invariance", ("--transform", "rotation", "--values", "0,9")),
    ):
        assert deconvnet(command, MODEL, "0.png", *options).exit_code == 0
    write_figure(Path("chosen.png"), Figure(figsize=(1, 1)), "x")
    assert sorted(image_files(folder, [folder / "chosen.png"])) == before


@pytest.mark.parametrize("link", ["nowhere.png", "loop.png"])
@pytest.mark.parametrize("command", ["gallery", "invariance"])
def test_a_link_to_nothing_is_named_and_left_out(deconvnet, folder, tmp_path, command, link):
    (folder / "loop.png").symlink_to(folder / link)
    (folder / "parent").symlink_to(folder)
    _, words = commands(folder, tmp_path / "out")[command]
    result = deconvnet(*words)
    assert result.exit_code == 0, result.output
    assert "left out" in result.stderr
    assert "loop.png" in result.stderr


@pytest.mark.parametrize("relu", ["guided", "gradient", "adjoint"])
def test_a_gallery_by_another_rule_is_another_gallery(deconvnet, folder, tmp_path, relu):
    made = {}
    for each in ("deconvnet", relu):
        out = tmp_path / each
        result = deconvnet(
            "gallery", MODEL, folder, *OPTIONS, "--relu", each, "--html", "--out", out
        )
        assert result.exit_code == 0, result.output
        assert json.loads((out / "index.json").read_text())["relu"] == each
        made[each] = (out / "sheets" / "4.png").read_bytes()
    assert made[relu] != made["deconvnet"]


def test_occlude_draws_another_rules_projection(deconvnet, photograph, tmp_path):
    made = set()
    for relu in ("deconvnet", "guided", "gradient"):
        out = tmp_path / f"{relu}.png"
        result = deconvnet("occlude", MODEL, photograph, "--relu", relu, "--out", out)
        assert result.exit_code == 0, result.output
        made.add(out.read_bytes())
    assert len(made) == 3


def test_ctrl_c_says_how_to_go_on(folder, tmp_path):
    for number in range(3, 400):
        (folder / f"{number}.png").write_bytes((folder / "0.png").read_bytes())
    command = ["gallery", MODEL, str(folder), *OPTIONS, "--batch-size", "1", "--out", "out"]
    program = (  # a test run in the background hands an ignored signal down
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from captum_deconvnet.cli import main; main()"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", program, *command],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "out" / LOCK).exists():
        assert run.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    run.send_signal(signal.SIGINT)
    said = run.communicate()[1]
    assert run.returncode == 130, said
    assert "Traceback" not in said
    assert said.splitlines()[-1] == (
        "Stopped. The same command goes on from here: the scan and the tiles so far are in out."
    )


@pytest.mark.parametrize(
    ("count", "said"), [(1, "1 image, 1 map of 1 layer"), (3, "3 images, 2 maps of 2 layers")]
)
def test_one_thing_is_said_in_the_singular(deconvnet, folder, tmp_path, count, said):
    for path in sorted(folder.iterdir())[count:]:
        path.unlink()
    layers = "4" if count == 1 else "1,4"
    result = deconvnet(
        "gallery", MODEL, folder, "--layers", layers, "--maps", "1", "--out", tmp_path / "o"
    )
    assert said in result.stderr
