"""Every explainer of the harness, on nets small enough to know the answer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import nn

from captum_deconvnet.errors import UnknownNameError
from captum_deconvnet_benchmarks.protocol.catalogue import (
    chosen_explainers,
    explainers,
    metrics,
    with_parameters,
)
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer, Subject

NAMES = list(explainers())
CLOSED_FORMS = {
    "gradient": lambda w, x: w,
    "deconvnet": lambda w, x: w,
    "captum/saliency": lambda w, x: w,
    "captum/smooth-grad": lambda w, x: w,
    "captum/var-grad": lambda w, x: 0 * w,
    "deconvnet-x-input": lambda w, x: w * x,
    "captum/input-x-gradient": lambda w, x: w * x,
    "captum/integrated-gradients": lambda w, x: w * x,
    "control/image": lambda w, x: x,
    "control/minus-deconvnet": lambda w, x: -w,
}


@pytest.fixture
def subject():
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 4, 3), nn.ReLU(),
        nn.Flatten(), nn.Linear(4 * 25, 5),
    )  # fmt: skip
    return Subject("tiny", net.double().eval(), "3", (3, 14, 14))


@pytest.fixture
def images():
    generator = torch.Generator().manual_seed(3)
    return torch.randn(4, 3, 14, 14, generator=generator, dtype=torch.float64)


def explain(name, subject, images, target, seeds):
    return BoundExplainer(explainers()[name], subject)(images, torch.as_tensor(target), seeds)


@pytest.mark.parametrize("name", NAMES)
def test_a_map_depends_on_its_image_target_and_seed_alone(name, subject, images):
    target, seeds = [0, 4, 2, 1], [5, 6, 7, 8]
    together = explain(name, subject, images, target, seeds)
    assert together.shape[0] == 4
    assert together.shape[1] in (1, 3)
    assert together.shape[2:] == images.shape[2:]
    assert not together.requires_grad
    order = [2, 0, 3]
    shuffled = explain(
        name, subject, images[order], [target[i] for i in order], [seeds[i] for i in order]
    )
    torch.testing.assert_close(shuffled, together[order], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_behind(name, subject, images):
    torch.manual_seed(1)
    np.random.seed(1)
    wanted = torch.rand(1), np.random.rand()
    torch.manual_seed(1)
    np.random.seed(1)
    before = images.clone()
    explain(name, subject, images, [0, 1, 2, 3], [1, 2, 3, 4])
    assert (torch.rand(1), np.random.rand()) == wanted
    assert torch.equal(images, before)
    assert not images.requires_grad
    assert all(
        not (module._forward_hooks or module._forward_pre_hooks or module._backward_hooks)
        for module in subject.model.modules()
    )
    assert all(weight.grad is None for weight in subject.model.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_seeds_matter_exactly_where_the_table_says_so(name, subject, images):
    first = explain(name, subject, images, [0] * 4, [1, 2, 3, 4])
    second = explain(name, subject, images, [0] * 4, [11, 12, 13, 14])
    assert torch.equal(first, second) != explainers()[name].stochastic


@pytest.mark.parametrize("name", sorted(CLOSED_FORMS))
def test_a_linear_model_is_explained_by_its_weights(name, images):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 14 * 14, 2, bias=False)).double()
    weights = net[1].weight.detach()[1].view(3, 14, 14)
    maps = explain(name, Subject("linear", net), images, [1] * 4, [0] * 4)
    torch.testing.assert_close(
        maps, CLOSED_FORMS[name](weights, images).expand(4, -1, -1, -1), rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("name", ["captum/feature-ablation", "occlusion", "captum/occlusion"])
def test_covering_all_parts_of_a_linear_model_accounts_for_its_output(name, images):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3 * 14 * 14, 2, bias=False)).double()
    explainer = explainers()[name]
    maps = explain(name, Subject("linear", net), images, [1] * 4, [0] * 4)
    if "windows" not in explainer.parameters:  # superpixels do not overlap: each says its own sum
        numbers = [len(each.unique()) for each in maps]
        assert min(numbers) > 10
        contributions = (net[1].weight[1].view(3, 14, 14) * images).sum(1).detach()
        for owed, shown in zip(contributions, maps[:, 0], strict=True):
            for value in shown.unique():
                assert owed[shown == value].sum() == pytest.approx(float(value))
    else:  # the first window of 2 by 2 alone covers the corner
        corner = (net[1].weight[1].view(3, 14, 14) * images)[..., :2, :2].sum((1, 2, 3)).detach()
        torch.testing.assert_close(maps[:, 0, 0, 0], corner)


def test_ours_and_captums_agree_where_captums_are_right(subject, images):
    pairs = {
        "gradient": "captum/saliency",
        "guided": "captum/guided-backprop",
        "deconvnet": "captum/deconvolution",
        "occlusion": "captum/occlusion",
    }
    for ours, theirs in pairs.items():
        first, second = (
            explain(name, subject, images, [0, 1, 2, 3], [0] * 4) for name in (ours, theirs)
        )
        torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-7)


def test_the_sobel_control_is_scipys(images, subject):
    maps = explain("control/sobel", subject, images, [0] * 4, [0] * 4)
    for found, image in zip(maps[:, 0], images.mean(1).numpy(), strict=True):
        wanted = np.hypot(*(ndimage.sobel(image, axis, mode="nearest") for axis in (0, 1)))
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-9)


def test_the_bell_falls_to_exp_of_minus_a_half_at_its_deviation(subject):
    maps = explain("control/centre-gaussian", subject, torch.zeros(1, 1, 9, 13), [0], [0])
    assert maps[0, 0, 4, 6] == maps.max() == 1
    assert float(-2 * torch.log(maps[0, 0, 4, 8])) == pytest.approx((2 / (9 / 4)) ** 2)
    assert torch.equal(maps, maps.flip(2).flip(3))


def test_minus_any_explainer_can_be_named(subject, images):
    (row,) = chosen_explainers(["control/minus-captum/smooth-grad"], explainers())
    maps = BoundExplainer(row, subject)(images, torch.zeros(4).long(), [1, 2, 3, 4])
    plain = explain("captum/smooth-grad", subject, images, [0] * 4, [1, 2, 3, 4])
    assert torch.equal(maps, -plain)
    assert (row.control, row.stochastic) == (True, True)


def test_a_name_that_no_explainer_has_brings_near_ones():
    with pytest.raises(UnknownNameError, match="Nearest: captum/saliency"):
        chosen_explainers(["captum/salency"], explainers())
    with pytest.raises(UnknownNameError, match="captum/integrated-gradients has: steps, baseline"):
        with_parameters("explainer", explainers()["captum/integrated-gradients"], {"step": 3})


def test_patterns_choose_each_explainer_once():
    rows = chosen_explainers(["control/*", "deconvnet", "*"], explainers())
    assert [row.name for row in rows[:2]] == ["control/random", "control/constant"]
    assert sorted(row.name for row in rows) == sorted(NAMES)


def test_the_catalogue_has_what_was_promised():
    assert len(NAMES) >= 25
    assert {"deconvnet", "guided", "gradient", "adjoint", "occlusion"} <= set(NAMES)
    assert sum(row.control for row in explainers().values()) == 6
    assert isinstance(metrics(), dict)
