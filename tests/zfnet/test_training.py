"""Training: learns, renormalises, goes on after a kill, keeps the last good file."""

from __future__ import annotations

import csv
import math
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.registry import write_bytes_whole
from captum_deconvnet_zfnet.data.opening import open_data
from captum_deconvnet_zfnet.training.learner import renormalise
from captum_deconvnet_zfnet.training.plan import RECIPES, Plan
from captum_deconvnet_zfnet.training.run import Run
from captum_deconvnet_zfnet.training.schedule import Cosine, Plateau
from captum_deconvnet_zfnet.training.workers import Workers

ALONE = Workers(0, 1, torch.device("cpu"))


def log_of(folder):
    with (folder / "log.csv").open() as file:
        return list(csv.DictReader(file))


def weights_of(folder, epoch):
    return (folder / f"epoch-{epoch:03d}.safetensors").read_bytes()


def test_t33_a_filter_of_rms_02_goes_to_01_and_one_of_005_stays():
    conv = nn.Conv2d(3, 3, 5)
    with torch.no_grad():
        weight = torch.randn_like(conv.weight)
        wanted = torch.tensor([0.2, 0.05, 0.1]).view(3, 1, 1, 1)
        conv.weight.copy_(wanted * weight / weight.square().mean((1, 2, 3), keepdim=True).sqrt())
    before = conv.weight.detach().clone()
    renormalise(nn.Sequential(conv), 0.1)
    after = conv.weight.detach()
    torch.testing.assert_close(after[0], before[0] / 2)  # direction kept
    assert float(after[0].square().mean().sqrt()) == pytest.approx(0.1, rel=1e-6)
    assert torch.equal(after[1], before[1])


@given(st.integers(0, 10**6), st.floats(1e-3, 10))
@settings(max_examples=30, deadline=None)
def test_after_renormalisation_no_filter_is_larger_and_zeros_stay(seed, scale):
    conv = nn.Conv2d(2, 4, 3)
    with torch.no_grad():
        conv.weight.copy_(
            scale * torch.randn(conv.weight.shape, generator=torch.Generator().manual_seed(seed))
        )
        conv.weight[0] = 0
    renormalise(conv, 0.1)
    assert float(conv.weight.detach().square().mean((1, 2, 3)).sqrt().max()) <= 0.1 * (1 + 1e-6)
    assert not conv.weight[0].any()


def test_the_paper_recipe_is_the_papers():
    recipe = RECIPES["paper"]
    assert (recipe.learning_rate, recipe.momentum, recipe.epochs) == (0.01, 0.9, 70)
    assert (recipe.renormalise, recipe.schedule, recipe.scale) == (0.1, "plateau", "mean image")


def test_the_learning_rate_follows_the_batch_unless_it_is_given():
    assert Plan(batch=8).settled().learning_rate == pytest.approx(0.01 / 16)
    assert Plan(batch=8, learning_rate=0.5).settled().learning_rate == 0.5


def sgd():
    return torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)


def test_the_rate_falls_to_a_tenth_when_the_validation_error_stalls():
    optimizer = sgd()
    schedule = Plateau(optimizer, 10, 70)
    rates = []
    for error in (0.5, 0.4, 0.4, 0.41, 0.40, 0.3):
        schedule.epoch_ended(error)
        rates.append(optimizer.param_groups[0]["lr"])
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.01, 0.01])


def test_the_cosine_rises_over_five_epochs_and_falls_to_zero():
    optimizer = sgd()
    schedule = Cosine(optimizer, 4, 100)
    rates = []
    for _ in range(400):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step_ended()
    assert rates[:3] == pytest.approx([0.1 / 20, 0.1 * 2 / 20, 0.1 * 3 / 20])
    assert rates[20] == pytest.approx(0.1)
    assert rates[20 + 190] == pytest.approx(0.05)
    assert rates[399] < 1e-5
    assert sorted(rates[20:], reverse=True) == rates[20:]


@pytest.mark.parametrize("recipe", ["paper", "modern"])
def test_both_recipes_fall_below_nine_tenths_of_ln_c(striped_clothes, tmp_path, recipe):
    plan = Plan(recipe=recipe, data=str(striped_clothes), batch=16, epochs=3)
    run = Run(replace(plan, learning_rate=0.01), open_data(striped_clothes, 28), tmp_path, ALONE)
    rows = run.go()
    assert min(row.train_loss for row in rows) < 0.9 * math.log(10)
    if recipe == "paper":
        for module in run.learner.net.modules():
            if isinstance(module, nn.Conv2d):
                size = module.weight.detach().square().mean((1, 2, 3)).sqrt()
                assert float(size.max()) <= 0.1 + 1e-6


def test_a_hundred_classes_start_at_ln_100_and_are_learned(image_folder, tmp_path, deconvnet):
    out = tmp_path / "out"
    options = (
        "--net",
        "compact_bn",
        "--classes",
        100,
        "--batch",
        32,
        "--learning-rate",
        0.05,
        "--smallest-area",
        0,
    )
    result = deconvnet(
        "train", "--data", image_folder(100, 10), *options, "--epochs", 5, "--out", out
    )
    assert result.exit_code == 0, result.output
    assert "healthy at the start" in result.stdout  # where the loss is within 5 % of ln 100
    losses = [float(row["train_loss"]) for row in log_of(out)]
    assert losses[0] < 1.05 * math.log(100)
    assert losses[-1] < 0.9 * math.log(100)
    loaded = cdn.load_model("zfnet/compact_bn", weights=out / "epoch-005.safetensors")
    assert loaded.model(torch.zeros(1, 3, 28, 28)).shape == (1, 100)


DECONVNET = (sys.executable, "-c", "from captum_deconvnet.cli import main; main()")
COMMAND = ("train", "--batch", "64", "--epochs", "3", "--seed", "7", "--smallest-area", "0")


def test_a_killed_run_goes_on_to_the_weights_of_an_unbroken_one(
    striped_clothes, tmp_path, deconvnet
):
    unbroken, killed = tmp_path / "unbroken", tmp_path / "killed"
    process = subprocess.Popen(
        [*DECONVNET, *COMMAND, "--data", str(striped_clothes), "--out", str(killed)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not (killed / "log.csv").exists():
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = len(log_of(killed))
    assert done < 3

    again = deconvnet(*COMMAND, "--data", striped_clothes, "--out", killed)
    assert f"going on after epoch {done}" in again.stdout
    assert deconvnet(*COMMAND, "--data", striped_clothes, "--out", unbroken).exit_code == 0
    assert weights_of(killed, 3) == weights_of(unbroken, 3)
    timeless = [[{**row, "seconds": ""} for row in log_of(each)] for each in (killed, unbroken)]
    assert timeless[0] == timeless[1]


@pytest.fixture(scope="module")
def finished(striped_clothes, tmp_path_factory):
    """A finished run of one epoch: the run, and its folder."""
    folder = tmp_path_factory.mktemp("finished")
    plan = Plan(data=str(striped_clothes), epochs=1, batch=64)
    run = Run(plan, open_data(striped_clothes, 28), folder, ALONE)
    run.go()
    return run, folder


@pytest.fixture
def full_disk():
    """A limit of 10 kB for every file that is written: the system's own refusal."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_last_good_checkpoint(finished, full_disk):
    run, folder = finished
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(OSError, match="File too large"):
        run.save(1)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_file_is_written_whole(tmp_path):
    write_bytes_whole(tmp_path / "a", b"one")
    write_bytes_whole(tmp_path / "a", b"three")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"three"]


def test_another_plan_in_the_same_folder_is_refused(finished, striped_clothes, fails):
    _, folder = finished
    line = fails(
        "train",
        "--data",
        striped_clothes,
        "--batch",
        64,
        "--epochs",
        1,
        "--seed",
        5,
        "--out",
        folder,
    )
    assert "other settings (seed 0, not 5)" in line


def test_a_damaged_checkpoint_is_named(finished, striped_clothes, fails, tmp_path):
    (tmp_path / "last.pt").write_bytes((finished[1] / "last.pt").read_bytes()[:500])
    line = fails("train", "--data", striped_clothes, "--out", tmp_path)
    assert "last.pt is damaged" in line
    assert "remove it to start over" in line


def test_a_finished_run_says_its_test_accuracy_and_draws_its_curves(
    finished, striped_clothes, deconvnet
):
    _, folder = finished
    options = ("--data", striped_clothes, "--batch", 64, "--epochs", 1, "--out", folder)
    result = deconvnet("train", *options)
    assert result.exit_code == 0, result.output
    assert "going on after epoch 1" in result.stdout
    assert " of 50 images" in result.stdout
    assert {"curves.png", "run.json", "log.csv"} <= {path.name for path in folder.iterdir()}


def test_two_processes_train_one_net(striped_clothes, tmp_path):
    script, out = tmp_path / "main.py", tmp_path / "out"
    script.write_text("from captum_deconvnet.cli import main\nmain()\n")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [str(script), "train", "--epochs", "1", "--batch", "64", "--smallest-area", "0"]
    result = subprocess.run(
        [*command, "--data", str(striped_clothes), "--out", str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("epoch 1: train loss") == 1
    assert len(log_of(out)) == 1
    assert 0 < float(log_of(out)[0]["train_loss"]) < 1.2 * math.log(10)


def test_bad_options_are_one_line(striped_clothes, tmp_path, fails):
    data = ("--data", striped_clothes, "--out", tmp_path / "out")
    assert "a classifier needs two" in fails("train", *data, "--classes", 1)
    assert "No such folder" in fails("train", "--data", Path("absent"), "--out", tmp_path)
    assert "this net takes 224" in fails("train", *data, "--net", "zfnet")
    assert not (tmp_path / "out").exists()
