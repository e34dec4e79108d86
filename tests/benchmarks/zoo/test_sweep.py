"""The sweep's machinery, with children that are quick."""

from __future__ import annotations

import os
import time

import pytest
import torch
from click.testing import CliRunner
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.cli import main
from captum_deconvnet_benchmarks.zoo.provenance import circumstances
from captum_deconvnet_benchmarks.zoo.reasons import broken_promises
from captum_deconvnet_benchmarks.zoo.report import report
from captum_deconvnet_benchmarks.zoo.row import (
    CRASHED,
    PROJECTED,
    TIMEOUT,
    SweepRow,
    append,
    read_rows,
    rows_path,
)
from captum_deconvnet_benchmarks.zoo.subject import smallest_picture
from captum_deconvnet_benchmarks.zoo.sweep import HEAVY, Sweep, work
from captum_deconvnet_benchmarks.zoo.weights import calibrate, enliven


def right_row(name="timm/net", **changes):
    values = {
        "family": "net",
        "status": PROJECTED,
        "parameters": 12,
        "forward": "identical",
        "strict_agrees": True,
        "finite": True,
        "zero": 0,
        "fallback": 0,
        "gradient_error": 1e-7,
        "reference_error": 2e-7,
        "captum_error": 0.5,
        "captum_is_gradient": False,
        "norm_ratio": 1.5,
        "seconds": 1.25,
    }
    return SweepRow(name, **(values | changes))


def quick_task(name, pipe):
    pipe.send(HEAVY + 1 if "heavy" in name else 1)
    if not pipe.recv():
        return
    if name == "crash":
        os._exit(3)
    started = time.perf_counter()
    time.sleep(60 if name == "slow" else 0.2)
    pipe.send(SweepRow(name, status=PROJECTED, reason=f"{started} {time.perf_counter()}"))


def test_a_crash_and_a_timeout_are_rows_and_the_others_go_on():
    sweep = Sweep(["crash", "slow", "a", "b"], quick_task, jobs=2, timeout=1.5)
    rows = {row.model: row for row in sweep.rows()}
    assert {name: row.status for name, row in rows.items()} == {
        "crash": CRASHED,
        "slow": TIMEOUT,
        "a": PROJECTED,
        "b": PROJECTED,
    }
    assert "exit code 3" in rows["crash"].reason


def test_two_heavy_models_never_run_side_by_side():
    sweep = Sweep(["heavy 1", "heavy 2", "light"], quick_task, jobs=2, timeout=30)
    rows = {row.model: row for row in sweep.rows()}
    spans = sorted(tuple(map(float, rows[f"heavy {n}"].reason.split())) for n in (1, 2))
    assert len(rows) == 3
    assert spans[0][1] <= spans[1][0]


def test_a_sweep_that_is_left_early_leaves_no_child_behind():
    sweep = Sweep(["slow", "a"], quick_task, jobs=2, timeout=30)
    rows = sweep.rows()
    next(rows)
    children = [job.process for job in sweep.running.values()]
    rows.close()
    assert children
    assert not any(child.is_alive() for child in children)


def test_a_net_that_cannot_be_built_is_a_row():
    sweep = Sweep(["timm/no_such_net"], lambda name, pipe: work(name, pipe, 0), 1, 60)
    (row,) = sweep.rows()
    assert row.status == "failed"
    assert "no_such_net" in row.reason


def test_rows_come_back_as_they_were_written(tmp_path):
    row = right_row(fallbacks="a.b:mul c:bmm", zero=None)
    append(rows_path(tmp_path, (1, 1)), row)
    assert read_rows(tmp_path) == {"timm/net": row}


def test_of_two_rows_for_a_model_the_later_counts(tmp_path):
    path = rows_path(tmp_path, (2, 3))
    append(path, right_row(status="failed"))
    append(path, right_row())
    assert read_rows(tmp_path)["timm/net"].status == PROJECTED


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({"status": "timeout", "reason": "more than 5 s"}, "timeout"),
        ({"forward": "different"}, "forward"),
        ({"finite": False}, "finite"),
        ({"zero": 1}, "zero"),
        ({"gradient_error": 2e-5}, "autograd"),
        ({"reference_error": 2e-5}, "reference"),
        ({"reference_error": float("nan")}, "reference"),
        ({"reference_error": None, "no_reference": "Fft"}, "Fft"),
        ({"fallback": 1, "fallbacks": "a:mul"}, "no rule"),
        ({"strict_agrees": False}, "strict"),
    ],
)
def test_every_broken_promise_is_named(changes, broken):
    assert broken_promises(right_row()) == []
    (said,) = broken_promises(right_row(**changes))
    assert broken in said


def test_the_page_counts_what_the_rows_say(tmp_path):
    path = rows_path(tmp_path, (1, 1))
    append(path, right_row("timm/right"))
    append(path, right_row("timm/wrong", reference_error=1.0))
    append(path, right_row("timm/small", status="few convolutions"))
    append(path, right_row("torchvision/plain", captum_error=1e-7, captum_is_gradient=True))
    page = report(tmp_path)
    assert "| timm | **1 of 2** |" in page
    assert "| torchvision | **1 of 1** |" in page
    assert "| torchvision | 1 | 1 | 1 | 0 |" in page
    assert "`timm/wrong`: the projection differs from the reference" in page
    assert "timm/small" not in page


def test_the_circumstances_name_commit_machine_and_versions():
    facts = circumstances(seed=3, jobs=2, timeout=5)
    assert facts["seed"] == 3
    assert facts["versions"]["torch"] == torch.__version__.partition("+")[0]
    assert facts["machine"]["cores"] == os.cpu_count()


def test_no_branch_is_left_dead_and_activations_have_unit_scale():
    norm = nn.BatchNorm2d(8)
    nn.init.zeros_(norm.weight)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), norm).eval()
    images = 100 * torch.randn(2, 3, 16, 16)
    enliven(net)
    calibrate(net, images)
    scaled = (net(images) - norm.bias.view(1, -1, 1, 1)) / norm.weight.view(1, -1, 1, 1)
    assert torch.allclose(scaled.std(dim=(0, 2, 3)), torch.ones(8), atol=1e-2)
    assert norm.weight.min() >= 0.5
    assert norm.training is False
    assert norm.momentum == 0.1


def test_the_smallest_picture_is_the_first_the_net_takes():
    loaded = cdn.load_model("torchvision/inception_v3", "random")
    image = smallest_picture(loaded, torch.Generator().manual_seed(0))
    assert image.shape == (1, 3, 96, 96)


def test_the_command_writes_rows_once_and_then_the_page(tmp_path):
    arguments = ["bench", "zoo", "timm/test_resnet", "--out", str(tmp_path)]
    for _ in range(2):
        assert CliRunner().invoke(main, arguments).exit_code == 0
    lines = (tmp_path / "zoo.csv").read_text().splitlines()
    page = tmp_path / "coverage.md"
    ran = CliRunner().invoke(
        main, ["bench", "zoo-report", "--out", str(tmp_path), "--page", str(page)]
    )
    assert ran.exit_code == 0
    assert len(lines) == 2
    assert "| timm | **1 of 1** |" in page.read_text()


@pytest.mark.parametrize("shard", ["0/2", "3/2", "2", "a/b"])
def test_a_shard_that_does_not_exist_is_one_clear_line(shard):
    ran = CliRunner().invoke(main, ["bench", "zoo", "--shard", shard])
    assert ran.exit_code == 2
    assert f"{shard} is not i/n" in ran.output
