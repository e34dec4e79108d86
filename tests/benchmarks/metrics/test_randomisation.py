from __future__ import annotations

import pytest
import scipy.stats
import torch
from explained import bound, conv_net, given, gradient
from torch import nn

from captum_deconvnet import errors
from captum_deconvnet_benchmarks.metrics.randomisation import RandomisationBenchmark
from captum_deconvnet_benchmarks.metrics.randomised_model import Randomisation


def scores(model, inputs, explainer=gradient, **choices):
    target = torch.zeros(len(inputs), dtype=torch.long)
    benchmark = RandomisationBenchmark(model, **choices)
    return benchmark.evaluate(bound(model, explainer), inputs, target)


@pytest.fixture
def inputs():
    return torch.rand(2, 3, 16, 16)


def test_a_map_that_ignores_the_model_stays_the_same(inputs):
    found = scores(conv_net(), inputs, given(torch.randn(1, 3, 16, 16)))
    for curve in found.curves.values():
        assert torch.allclose(curve.y, torch.ones_like(curve.y))
    assert found.values["entropy_rise"].tolist() == [0, 0]


def test_a_linear_nets_gradients_compare_as_its_weights_do():
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 3))
    found = scores(model, torch.rand(1, 1, 8, 8))
    torch.manual_seed(0)
    (share, changed), *others = Randomisation().models(model, torch.rand(1, 1, 8, 8))
    assert (share, others) == (1, [])
    rows = [net[1].weight[0].detach().numpy() for net in (model, changed)]
    for name, measured in (("spearman", rows), ("absolute_spearman", [abs(r) for r in rows])):
        expected = scipy.stats.spearmanr(*measured).statistic
        assert float(found.values[name]) == pytest.approx(expected, abs=1e-12)
        assert found.curves[name].y.tolist() == [[1, pytest.approx(expected)]]


def test_a_cascade_keeps_what_was_randomised_and_leaves_the_model_alone(inputs):
    model = conv_net()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    changed = [
        [
            path
            for path in ("0", "3", "6")
            if (net.get_submodule(path).weight != before[f"{path}.weight"]).any()
        ]
        for _, net in Randomisation(stages=None).models(model, inputs[:1])
    ]
    assert changed == [["6"], ["3", "6"], ["0", "3", "6"]]
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("order", "expected"),
    [("bottom_up", ["0", "03", "036"]), ("independent", ["6", "3", "0"])],
)
def test_layers_are_randomised_in_order(inputs, order, expected):
    model = conv_net()
    old = model.state_dict()
    changed = [
        "".join(p for p in "036" if (net.get_submodule(p).weight != old[f"{p}.weight"]).any())
        for _, net in Randomisation(order=order, stages=None).models(model, inputs[:1])
    ]
    assert changed == expected


def test_norms_are_kept_unless_asked_for(inputs):
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(784, 2))
    model[1].running_mean += 3
    kept = list(Randomisation(stages=1).models(model.eval(), inputs[:1]))[-1][1]
    assert torch.equal(kept[1].running_mean, model[1].running_mean)
    reset = list(Randomisation(stages=1, norms="reset").models(model, inputs[:1]))[-1][1]
    assert torch.equal(reset[1].running_mean, torch.zeros(4))


def test_a_module_without_a_reset_gets_weights_of_the_same_mean_and_spread(inputs):
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(5 + torch.randn(3, 64, 64))

        def forward(self, images):
            return images * self.factor.mean((1, 2), keepdim=True)

    model = nn.Sequential(Scale())
    ((_, changed),) = Randomisation().models(model, inputs[:1])
    assert (changed[0].factor != model[0].factor).all()
    assert float(changed[0].factor.detach().mean()) == pytest.approx(5, abs=0.1)
    assert float(changed[0].factor.detach().std()) == pytest.approx(1, abs=0.1)


def test_the_global_random_numbers_are_left_alone(inputs):
    model, state = conv_net(), torch.random.get_rng_state()
    scores(model, inputs)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_noisy_copies_are_averaged(inputs):
    """The gradient of a linear net is the same for every copy, so its mean is no other."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(768, 3))
    plain, smooth = scores(model, inputs), scores(model, inputs, copies=4)
    assert torch.allclose(plain.values["ssim"], smooth.values["ssim"], atol=1e-5)


def test_a_model_without_weights_is_refused(inputs):
    with pytest.raises(errors.ModelError, match="No layer"):
        scores(nn.Flatten(), inputs)


def test_an_unknown_order_names_its_neighbours():
    with pytest.raises(errors.UnknownNameError, match="top_down"):
        RandomisationBenchmark(conv_net(), order="top-down")
