from __future__ import annotations

import pytest
import torch
from explained import LinearNet, bound, conv_net, given, gradient, gradient_by_input

from captum_deconvnet import errors
from captum_deconvnet_benchmarks.metrics.occlusion import OcclusionBenchmark
from captum_deconvnet_benchmarks.metrics.table import METRICS


def scores(model, inputs, target, explainer, **choices):
    choices = {"window": 64, "stride": 32} | choices
    return OcclusionBenchmark(model, **choices).evaluate(bound(model, explainer), inputs, target)


@pytest.fixture
def linear():
    return LinearNet(torch.randn(3, 2, 28, 28))


@pytest.mark.parametrize(("factor", "expected"), [(1, 1), (-1, -1), (7, 1)])
def test_a_linear_nets_contributions_foretell_every_fall(linear, factor, expected):
    inputs, target = torch.rand(2, 2, 28, 28), torch.tensor([0, 2])

    def explainer(*call):
        return factor * gradient_by_input(*call)

    found = scores(linear, inputs, target, explainer, window=32, stride=16).values
    assert found["spearman"].tolist() == pytest.approx([expected] * 2, abs=1e-4)
    assert found["pearson"].tolist() == pytest.approx([expected] * 2, abs=1e-5)


def test_contributions_are_counted_from_the_fill(linear):
    inputs, target = torch.rand(1, 2, 28, 28), torch.tensor([1])

    def explainer(model, images, *rest):
        return gradient(model, images, *rest) * (images - 0.5)

    assert float(
        scores(linear, inputs, target, explainer, fill=0.5).values["pearson"]
    ) == pytest.approx(1, abs=1e-5)


def test_a_constant_map_over_windows_of_one_size_has_no_correlation():
    model, inputs = conv_net(), torch.rand(1, 3, 16, 16)
    found = scores(
        model, inputs, torch.tensor([1]), given(torch.ones(1, 1, 16, 16)), window=56, stride=56
    )
    assert torch.isnan(found.values["spearman"]).all()


def test_falls_and_labels_are_those_of_whole_forward_passes():
    model, inputs, target = conv_net(), torch.rand(2, 3, 16, 16), torch.tensor([0, 3])
    maps = torch.rand(2, 3, 16, 16)
    found = scores(model, inputs, target, lambda *_: maps, window=56, stride=56).values
    for number in range(2):
        covered = inputs[number].expand(16, -1, -1, -1).clone()
        sums = []
        for place in range(16):
            box = (..., slice(place // 4 * 4, place // 4 * 4 + 4), slice(place % 4 * 4, None))
            box = (*box[:2], slice(place % 4 * 4, place % 4 * 4 + 4))
            covered[(place, *box)] = 0
            sums.append(maps[(number, *box)].sum())
        outputs = model(covered).detach()
        clean = model(inputs[number : number + 1]).detach()
        falls = clean[0, target[number]] - outputs[:, target[number]]
        expected = torch.corrcoef(torch.stack([torch.stack(sums), falls]))[0, 1]
        assert float(found["pearson"][number]) == pytest.approx(float(expected), abs=1e-4)
        lowest = torch.softmax(outputs, 1)[:, target[number]].min()
        assert float(found["lowest_probability"][number]) == pytest.approx(float(lowest), abs=1e-6)
        changes = (outputs.argmax(1) != clean.argmax(1)).double().mean()
        assert float(found["label_changes"][number]) == float(changes)


def test_a_stride_larger_than_the_window_is_refused():
    with pytest.raises(errors.ModelError, match="between 1 and the window"):
        OcclusionBenchmark(conv_net(), window=8, stride=9)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_scores_an_image_alike_alone_and_among_others(metric):
    model, inputs, target = conv_net(), torch.rand(3, 3, 16, 16), torch.tensor([0, 2, 4])
    explainer = bound(model, gradient)
    regions = torch.zeros(3, 16, 16, dtype=torch.bool)
    regions[:, 3:9, 2:11] = True
    benchmark, seeds = metric.on(explainer.subject), [5, 6, 7]
    together = benchmark.evaluate(explainer, inputs, target, seeds=seeds, regions=regions)
    one = slice(1, 2)
    alone = benchmark.evaluate(
        explainer, inputs[one], target[one], seeds=seeds[one], regions=regions[one]
    )
    assert list(together.values) == list(alone.values)
    for name, values in together.values.items():
        assert values.dtype == torch.float64
        assert torch.allclose(values[one], alone.values[name], rtol=1e-5, equal_nan=True)
    for name, curve in together.curves.items():
        assert curve.y.shape == (3, len(curve.x))
        assert torch.allclose(curve.y[one], alone.curves[name].y, rtol=1e-5, equal_nan=True)
