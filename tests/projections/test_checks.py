"""``deconvnet project --checks`` and ``--select both``."""

from __future__ import annotations

import json

import pytest
from PIL import Image

MODEL = "torchvision/squeezenet1_1"


@pytest.fixture
def run(deconvnet, photograph, tmp_path):
    def call(*options):
        return deconvnet(
            "project", MODEL, photograph, "--weights", "random", "--layers", "features.5",
            "--out", tmp_path / "figure.png", "--json", tmp_path / "facts.json", *options,
        )  # fmt: skip

    return call


def test_four_checks_of_each_unit_are_printed_and_drawn(run, tmp_path):
    result = run("--checks", "--units", 2)
    assert result.exit_code == 0, result.output
    checks = json.loads((tmp_path / "facts.json").read_text())["checks"]
    assert len(checks) == 2
    for check in checks:
        assert check["pools"] == 2
        assert list(check["changed"]) == [
            "other image", "random switches", "random weights", "other unit",
        ]  # fmt: skip
        for each in check["changed"].values():
            assert -1 <= each["correlation"] <= 1
            printed = f"{each['correlation']:+.2f}"
            assert printed in result.stderr
    with Image.open(tmp_path / "figure-checks.png") as figure:
        assert figure.width > figure.height


def test_the_same_image_as_the_other_has_the_same_switches(run, photograph, tmp_path):
    assert run("--checks", "--other", photograph).exit_code == 0
    (check,) = json.loads((tmp_path / "facts.json").read_text())["checks"]
    assert check["changed"]["other image"]["correlation"] == pytest.approx(1)
    assert check["changed"]["random switches"]["correlation"] < 0.99


def test_both_shows_the_strongest_map_and_then_the_strongest_unit(run, tmp_path):
    assert run("--select", "both").exit_code == 0
    facts = json.loads((tmp_path / "facts.json").read_text())
    assert facts["select"] == "both"
    whole, unit = facts["layers"][0]["shown"]
    assert "sum" in whole
    assert "activation" in unit


def test_checks_need_units_and_another_image_needs_checks(run, photograph):
    for options, words in (
        (("--checks", "--select", "strongest-map"), "single units"),
        (("--other", photograph), "is for --checks"),
    ):
        result = run(*options)
        assert result.exit_code == 2
        assert words in result.stderr
