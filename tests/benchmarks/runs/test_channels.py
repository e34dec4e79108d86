"""A run and its report on nets for pictures of 1, 2, 3, 4 and 12 channels."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from captum_deconvnet.cli import main

NETS = Path(__file__).parents[2] / "cli" / "toy_nets.py"


@pytest.mark.parametrize(
    ("channels", "mode"), [(1, "L"), (2, "L"), (3, "RGB"), (4, "RGB"), (12, "RGB")]
)
def test_a_run_and_its_report_show_pictures_of_any_number_of_channels(
    tmp_path, photos, channels, mode
):
    out = tmp_path / "run"
    options = ["deconvnet", "occlusion", "control/random"]
    explainers = [f"--explainer={name}" for name in options]
    metrics = ["--metric=deletion*", "--metric=complexity", "--metric=infidelity"]
    command = ["bench", "run", f"--model={NETS}:net_{channels}@random", f"--images={photos}"]
    ran = CliRunner().invoke(main, [*command, *explainers, *metrics, "--limit=2", f"--out={out}"])
    assert ran.exit_code == 0, ran.output
    drawn = sorted((out / "images").rglob("*.png"))
    assert [mode_of(path) for path in drawn] == [mode] * 2
    reported = CliRunner().invoke(main, ["bench", "report", str(out)])
    assert reported.exit_code == 0, reported.output
    assert (out / "report" / "index.html").exists()


def mode_of(path):
    with Image.open(path) as picture:
        return picture.mode
