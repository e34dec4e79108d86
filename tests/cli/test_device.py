"""Every command that runs a model takes ``--device``, and what is said of a net's inputs."""

from __future__ import annotations

from importlib.util import find_spec

import click
import pytest
from click.testing import CliRunner

from captum_deconvnet.cli.group import main
from captum_deconvnet.cli.loading import available

needs_bench = pytest.mark.skipif(find_spec("pyarrow") is None, reason="the extra bench")
RUNNING = (
    "project", "gallery", "evolution", "occlude", "invariance", "correspond", "layers", "demo",
    "train", "distil", "evaluate", "filters", "bench run", "bench explainers",
)  # fmt: skip
PREPARED = (
    "project", "gallery", "evolution", "occlude", "invariance", "correspond", "layers",
    "bench run", "bench explainers",
)  # fmt: skip


def command(name):
    found, context = main, click.Context(main)
    for part in name.split():
        found = found.get_command(context, part)
    return found


def options(name):
    return [option for each in command(name).params for option in each.opts]


@pytest.mark.parametrize("name", RUNNING)
def test_every_command_that_runs_a_model_lets_one_choose_where(name):
    assert options(name).count("--device") == 1
    (device,) = (each for each in command(name).params if "--device" in each.opts)
    assert device.metavar == "auto|cpu|cuda|mps"


@pytest.mark.parametrize("name", PREPARED)
def test_every_command_with_a_model_takes_what_is_said_of_its_inputs(name):
    said = options(name)
    for option in ("--input-size", "--mean", "--std", "--transform", "--classes"):
        assert said.count(option) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["filters"],
        ["evaluate"],
        ["train", "--data", "no-such-folder", "--out", "runs"],
        ["distil", "no-such-folder", "--out", "runs"],
        pytest.param(
            ["bench", "run", "--model", "zfnet/fashion_mnist", "--images", ".", "--out", "runs"],
            marks=needs_bench,
        ),
        ["bench", "explainers", "--model", "zfnet/fashion_mnist"],
        ["layers", "zfnet/fashion_mnist"],
    ],
)
@pytest.mark.parametrize(("device", "says"), [("mps", "this machine has"), ("tpu", "tpu")])
def test_a_device_that_is_not_there_is_one_line(arguments, device, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if device in available():
        pytest.skip("this machine has it")
    ran = CliRunner().invoke(main, [*arguments, "--device", device])
    assert ran.exit_code == 2
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr
