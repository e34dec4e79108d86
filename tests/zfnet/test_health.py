"""Doomed runs are stopped, and what dooms them is named."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from captum_deconvnet.errors import TrainingError
from captum_deconvnet_zfnet.architecture import COMPACT, ZFNET
from captum_deconvnet_zfnet.health.activity import Activity, check_activity, observe
from captum_deconvnet_zfnet.health.checks import (
    check_epoch,
    check_overfit,
    check_start,
    check_step,
    stop_on,
)
from captum_deconvnet_zfnet.network import build
from captum_deconvnet_zfnet.training.beginning import initialise, require_fit


@pytest.fixture
def pictures():
    return torch.rand(32, 1, 28, 28)


@pytest.fixture
def labels():
    return torch.arange(32) % 10


@pytest.fixture
def net():
    """A sound net: He's weights, a small last layer."""
    net = build(COMPACT, 10, 1)
    initialise(net, "he", seed=0)
    return net


def names(findings):
    return {finding.check for finding in findings}


def test_a_sound_net_passes_and_is_left_as_found(net, pictures, labels):
    before = {key: value.clone() for key, value in net.state_dict().items()}
    require_fit(net, pictures, labels, 10)
    assert net.training
    assert not any(module._forward_hooks for module in net.modules())
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


def test_weights_that_start_as_one_constant_are_caught(net, pictures, labels):
    """The earlier system's first fault: every weight 0.01."""
    for weight in net.parameters():
        nn.init.constant_(weight, 0.01)
    assert "filters differ" in names(check_start(net, pictures, labels, 10))
    with pytest.raises(TrainingError, match=r"all 24 filters of layer1\.conv are equal"):
        require_fit(net, pictures, labels, 10)


def test_a_softmax_before_the_loss_is_caught(net, pictures, labels):
    """The earlier system's second fault: the cross-entropy takes logits."""
    doubled = nn.Sequential(net, nn.Softmax(dim=1))
    assert names(check_start(doubled, pictures, labels, 10)) == {"logits"}
    with pytest.raises(TrainingError, match="double softmax"):
        require_fit(doubled, pictures, labels, 10)


@pytest.fixture
def small():
    """A net that overfits in seconds."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))


def test_a_double_softmax_cannot_overfit_one_batch_either(small, pictures, labels):
    """The loss of a one-hot output through another softmax is no less than ln(1 + 9/e) = 1.46."""
    assert list(check_overfit(small, pictures, labels)) == []
    (finding,) = check_overfit(nn.Sequential(small, nn.Softmax(dim=1)), pictures, labels)
    assert finding.check == "overfit one batch"
    assert "the loss is " in finding.trouble


def test_small_batches_at_the_large_batches_learning_rate_are_caught():
    """The earlier system's third setting: 8 images a step, rate 0.01, He's start, no warm-up."""
    classes, images = 10, 8
    net = build(replace(ZFNET, size=96, hidden=(1024, 1024)), classes)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight)
    chance = torch.Generator().manual_seed(0)
    pictures = torch.randn(images, 3, 96, 96, generator=chance)
    labels = torch.randint(classes, (images,), generator=chance)
    assert "loss at start" in names(check_start(net, pictures, labels, classes))

    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9)
    facts = {"classes": classes, "learning_rate": 0.01, "batch": images}

    def train():
        for step in range(1, 11):
            loss = F.cross_entropy(net(pictures), labels)
            stop_on(check_step(loss.item(), step=step, **facts))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    with pytest.raises(TrainingError, match=r"divergence: .* 0\.01 is too high for batches of 8;"):
        train()


def test_a_loss_that_is_no_number_is_a_divergence():
    facts = {"step": 1, "classes": 10, "learning_rate": 1.0, "batch": 128}
    assert names(check_step(math.nan, **facts)) == {"divergence"}
    assert names(check_step(10 * math.log(10) + 1e-6, **facts)) == {"divergence"}
    assert names(check_step(10 * math.log(10) - 1e-6, **facts)) == set()


def test_a_loss_at_start_off_ln_c_is_caught(net, pictures, labels):
    net.layer8.weight.data.mul_(300)
    assert names(check_start(net, pictures, labels, 10)) == {"loss at start"}


@pytest.mark.parametrize(("factor", "word"), [(1e-4, "vanish"), (1e4, "explode")])
def test_activations_out_of_bounds_are_caught(net, pictures, factor, word):
    net.layer3.conv.weight.data.mul_(factor)
    found = [finding for finding in check_activity(net, pictures) if "layer3.relu" in str(finding)]
    assert [finding.check for finding in found] == ["activations"]
    assert word in str(found[0])


def test_dead_units_are_caught(net, pictures):
    net.layer4.conv.bias.data[:40] = -1e3  # of 64
    (finding,) = [f for f in check_activity(net, pictures) if "layer4.relu" in str(f)]
    assert str(finding).startswith("dead units: ")
    assert observe(net, pictures)["layer4.relu"].dead >= 40 / 64


def test_the_share_of_dead_units_counts_units_that_fire_nowhere():
    maps = torch.zeros(2, 4, 3, 3)
    maps[1, 2, 0, 1] = 1e-9
    activity = Activity(torch.zeros(4, dtype=torch.bool))
    activity.see(maps)
    assert activity.dead == 0.75
    maps[0, 0] = 5
    activity.see(maps)
    assert activity.dead == 0.5
    both = torch.cat([torch.where(maps == 5, 0, maps), maps])
    assert activity.deviation == pytest.approx(float(both.std(correction=0)), rel=1e-5)


def test_a_run_that_stays_near_ln_c_is_stopped_after_three_epochs_and_a_thousand_steps():
    stuck = {"lowest_loss": 0.91 * math.log(100), "classes": 100}
    assert names(check_epoch(**stuck, epoch=3, steps=500)) == {"learning"}
    assert names(check_epoch(**stuck, epoch=2, steps=500)) == set()
    assert names(check_epoch(**stuck, epoch=3, steps=100)) == set()  # too few steps to tell
    assert names(check_epoch(**stuck, epoch=10, steps=100)) == {"learning"}
    learns = {"lowest_loss": 0.89 * math.log(100), "classes": 100}
    assert names(check_epoch(**learns, epoch=3, steps=500)) == set()


def test_equal_pictures_with_different_labels_cannot_be_overfitted(small, labels):
    same = torch.rand(1, 1, 28, 28).expand(32, -1, -1, -1)
    (finding,) = check_overfit(small, same, labels)
    assert "two equal pictures have two labels" in finding.trouble
