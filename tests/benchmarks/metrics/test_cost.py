from __future__ import annotations

import time

import captum.attr
import pytest
import torch
from explained import bound, conv_net

import captum_deconvnet as cdn
from captum_deconvnet_benchmarks.metrics.cost import CostBenchmark, passes_of, peak_bytes


@pytest.fixture
def image():
    return torch.rand(1, 3, 16, 16), torch.tensor([1])


def test_an_explainer_that_sleeps_50_ms_takes_50_ms(image):
    def sleeper(model, inputs, target, seeds):
        time.sleep(0.05)
        return inputs

    model = conv_net()
    found = CostBenchmark(model, calls=3, warm_up=0).evaluate(bound(model, sleeper), *image).values
    assert 0.05 <= float(found["seconds"]) < 0.3
    assert float(found["forward_passes"]) == float(found["backward_passes"]) == 0


def test_a_tensor_of_known_size_is_seen():
    size = 2**26
    found = peak_bytes(lambda: torch.ones(size, dtype=torch.uint8), torch.device("cpu"))
    assert 0.98 * size < found < 1.5 * size  # pages that were held already count for nothing


@pytest.mark.parametrize(
    ("call", "forward", "backward"),
    [
        (lambda m, x, y: captum.attr.Saliency(m).attribute(x.requires_grad_(), y), 1, 1),
        (lambda m, x, y: captum.attr.IntegratedGradients(m).attribute(x, 0, y, n_steps=50), 50, 50),
        (lambda m, x, y: captum.attr.Occlusion(m).attribute(x, (3, 4, 4), (3, 4, 4), 0, y), 17, 0),
        (lambda m, x, y: cdn.DeconvNet(m).attribute(x, y), 1, 1),
    ],
    ids=["saliency", "integrated gradients", "occlusion", "deconvnet"],
)
def test_passes_are_counted(image, call, forward, backward):
    model = conv_net()
    found = passes_of(model, lambda: call(model, *image))
    assert (found.forward, found.backward) == (forward, backward)


def test_arithmetic_is_that_of_the_layers(image):
    model = conv_net()
    found = passes_of(model, lambda: model(image[0]))
    convolutions = 2 * (8 * 27 * 256 + 8 * 72 * 64)
    assert found.arithmetic == convolutions + 2 * 8 * 64 * 5


def test_incremental_occlusion_needs_less_arithmetic_than_passes(image):
    model = conv_net()
    ours = passes_of(
        model,
        lambda: cdn.Occlusion(model, method="incremental").attribute(
            image[0], (3, 4, 4), (3, 4, 4), 0, 1
        ),
    )
    theirs = passes_of(
        model, lambda: captum.attr.Occlusion(model).attribute(image[0], (3, 4, 4), (3, 4, 4), 0, 1)
    )
    assert ours.arithmetic < theirs.arithmetic
