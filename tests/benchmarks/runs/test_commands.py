"""The lists of explainers and metrics, and a run's command line."""

from __future__ import annotations

from click.testing import CliRunner

from captum_deconvnet.cli import main


def call(*words):
    return CliRunner().invoke(main, ["bench", *words])


def test_explainers_are_listed_with_flags_parameters_and_fitness(toy):
    lines = call("explainers", "c*", "--model", "torchvision/mobilenet_v2@random").stdout
    rows = {line.split("  ")[0]: line for line in lines.splitlines()}
    assert rows["control/random"].split() == [
        "control/random",
        "control,",
        "stochastic",
        "{}",
        "yes",
    ]
    assert rows["captum/saliency"].endswith("yes")
    assert "hardtanh in features.0.2 is none" in rows["captum/deconvolution"]
    assert "deconvnet" not in rows


def test_metrics_are_listed_with_what_they_need(toy):
    rows = [line.split("  ") for line in call("metrics", "toy/*").stdout.splitlines()]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["metric", "better", "flags", "parameters"],
        ["toy/total", "higher", "stochastic", '{"places": 3}'],
        ["toy/inside", "-", "needs regions", "{}"],
    ]


def test_unknown_names_end_in_one_line(toy):
    for words, wanted in {
        ("explainers", "deconvnets"): "Nearest: deconvnet",
        ("metrics", "toy/totals"): "Nearest: toy/total",
        ("run", "--out=/nowhere/x", "--model=a", "--images=b", "--seed=-1"): "seed is -1",
        ("run", "--out=/nowhere/x", "--model=@", "--images=b"): "'@' is not NAME or NAME@WEIGHTS",
    }.items():
        result = call(*words)
        assert result.exit_code == 2, result.output
        assert wanted in result.stderr
        assert result.stderr.count("\n") == 1


def test_every_command_shows_examples():
    for name in ("run", "explainers", "metrics"):
        assert "deconvnet bench " + name in call(name, "--help").stdout.split("Example")[1]
