"""A run over a net of the user's own, prepared as the spec says."""

from __future__ import annotations

import json

from click.testing import CliRunner

from captum_deconvnet.cli import main
from captum_deconvnet_benchmarks.runs.plan.spec import ModelChoice, spec_of

NET = """
from torch import nn

def build():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    )
"""


def test_a_spec_names_a_net_in_a_file_and_says_how_it_is_shown_pictures(tmp_path, toy, photos):
    (tmp_path / "own.py").write_text(NET)
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "models:\n"
        f"- model: {tmp_path}/own.py:build\n"
        "  label: own\n"
        "  input_size: [3, 10, 9]\n"
        "  mean: 0.5\n"
        "  std: [0.25, 0.25, 0.5]\n"
        f"  classes: {tmp_path}/names.txt\n"
        f"images: {photos}\n"
        "explainers: [gradient]\n"
        "metrics: [toy/total]\n"
    )
    result = CliRunner().invoke(main, ["bench", "run", str(spec), f"--out={tmp_path / 'run'}"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "run" / "scores.csv").stat().st_size > 0


def test_what_is_said_of_inputs_survives_the_plain_form():
    given = {"model": "a", "input_size": [3, 8, 8], "std": 0.5}
    spec = spec_of({"models": [given, "b"], "images": "folder"})
    again = spec_of(json.loads(json.dumps(spec.as_plain())))
    assert again == spec
    assert spec.models[0].prepared == {"input_size": "3,8,8", "std": "0.5"}
    assert spec.as_plain()["models"][1].keys().isdisjoint({"input_size", "mean", "classes"})
    assert ModelChoice("b").prepared == {}
