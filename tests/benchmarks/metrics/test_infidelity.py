from __future__ import annotations

import pytest
import torch
from captum.metrics import infidelity
from explained import LinearNet, bound, conv_net, gradient, gradient_by_input

from captum_deconvnet import errors
from captum_deconvnet_benchmarks.metrics.infidelity import InfidelityBenchmark


def scores(model, inputs, target, explainer, **choices):
    benchmark = InfidelityBenchmark(model, **choices)
    return benchmark.evaluate(bound(model, explainer), inputs, target).values


def scaled(factor):
    return lambda *call: factor * gradient(*call)


def test_a_multiple_of_a_linear_nets_gradient_errs_by_its_excess():
    model = LinearNet(torch.randn(1, 1, 4, 4, dtype=torch.float64))
    inputs = torch.rand(1, 1, 4, 4, dtype=torch.float64)
    found = scores(
        model, inputs, torch.zeros(1, dtype=torch.long), scaled(3), samples=4000, deviation=0.5
    )
    expected = (3 - 1) ** 2 * 0.5**2 * float(model.weight.detach().square().sum())
    assert float(found["infidelity"]) == pytest.approx(expected, rel=0.08)
    assert float(found["normalised"]) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("perturbation", ["gaussian", "square"])
def test_a_linear_nets_gradient_foretells_every_change(perturbation):
    model, inputs = LinearNet(torch.randn(2, 3, 8, 8)), torch.rand(2, 3, 8, 8)
    found = scores(model, inputs, torch.tensor([0, 1]), gradient, perturbation=perturbation)
    assert found["infidelity"].tolist() == pytest.approx([0, 0], abs=1e-8)


def test_a_map_of_zeros_explains_nothing():
    model, inputs = conv_net(), torch.rand(1, 3, 16, 16)
    found = scores(model, inputs, torch.tensor([1]), scaled(0))
    assert float(found["normalised"]) == 1


def test_the_values_are_captums_for_the_same_samples():
    model, inputs, target = conv_net().double(), torch.rand(2, 3, 16, 16).double(), [1, 2]
    benchmark = InfidelityBenchmark(model, samples=6, deviation=0.2)
    explainer = bound(model, gradient_by_input)
    maps = explainer(inputs, torch.tensor(target), [0, 1])
    ours = benchmark.evaluate(explainer, inputs, torch.tensor(target), seeds=[3, 4]).values
    calls = iter(range(6))

    def perturb(images):
        sample = next(calls)
        taken = torch.stack([benchmark.taken(images[n], 3 + n, sample) for n in range(2)])
        return taken, images - taken

    theirs = infidelity(
        model, perturb, inputs, maps, target=target, n_perturb_samples=6, max_examples_per_batch=2
    )
    assert torch.allclose(ours["infidelity"], theirs, rtol=1e-9)


def test_one_sample_is_refused():
    with pytest.raises(errors.ModelError, match="2 or more"):
        InfidelityBenchmark(conv_net(), samples=1)
