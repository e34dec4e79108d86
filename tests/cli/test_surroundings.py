"""A command in poor surroundings: broken backends and settings, streams that are not there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

RUN = "from captum_deconvnet.cli import main; main()"
SHUT = "import sys; sys.{0} = None; "


@pytest.mark.parametrize(
    ("before", "variables"),
    [
        ("", {"MPLBACKEND": "module://not.there.at_all", "MATPLOTLIBRC": "settings"}),
        (SHUT.format("stderr"), {"MPLBACKEND": "nonsense", "PYTHONIOENCODING": "ascii"}),
        (SHUT.format("stdout"), {"MPLBACKEND": "TkAgg", "DISPLAY": ""}),
    ],
    ids=["settings", "stderr", "stdout"],
)
def test_the_demo_is_drawn_in_any_surroundings(tmp_path, before, variables):
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings" / "matplotlibrc").write_text("backend: TkAgg\nsavefig.dpi: 20\n")
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 40\n")
    result = subprocess.run(
        [sys.executable, "-c", before + RUN, "demo", "--out", "demo.png"],
        cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "demo.png").stat().st_size > 1000
    if "stderr" not in before:
        assert result.stderr == b"wrote demo.png\n"


@pytest.mark.parametrize("variables", [{}, {"MPLBACKEND": "nonsense"}, {"MATPLOTLIBRC": "other"}])
@pytest.mark.parametrize("settings", [b"# caf\xe9\nfont.size: 40\n", b"\xff\xfef\x00o\x00"])
def test_settings_that_are_not_utf_8_are_left_out_with_a_warning(tmp_path, settings, variables):
    (tmp_path / "matplotlibrc").write_bytes(settings)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "matplotlibrc").write_bytes(settings)
    code = (
        "import os; from captum_deconvnet import DeconvNet; import matplotlib as m; "
        "print(os.getcwd(), m.rcParams['font.size'])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [str(tmp_path), "10.0"]
    assert result.stderr.count("matplotlibrc that is not UTF-8 is left out") == 1
    assert "Traceback" not in result.stderr
