"""Ours beside other people's; left out where they are not installed."""

from __future__ import annotations

import pytest
import torch
from explained import conv_net

from captum_deconvnet import errors
from captum_deconvnet_benchmarks.crosscheck.captum_and_grad_cam import (
    captum_comparisons as with_captum,
)
from captum_deconvnet_benchmarks.crosscheck.quantus_metrics import REFUSED, QuantusBenchmark
from captum_deconvnet_benchmarks.crosscheck.tensors import Comparison


@pytest.mark.parametrize("comparison", with_captum(), ids=lambda row: row.metric)
def test_values_are_captums(comparison):
    row = comparison.row()
    assert row["ok"], row


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_broken_in_quantus_is_refused_with_the_reason(name):
    with pytest.raises(errors.UnsupportedOperationError, match=REFUSED[name][:20]):
        QuantusBenchmark(conv_net(), name)


def test_an_unknown_quantus_metric_names_its_neighbours():
    with pytest.raises(errors.UnknownNameError, match="Sparseness"):
        QuantusBenchmark(conv_net(), "Sparsness")


@pytest.mark.parametrize("off", [0.0, 0.5])
def test_a_difference_above_the_tolerance_is_not_ok(off):
    values = torch.tensor([1.0, 2.0])
    row = Comparison("metric", "peer", lambda: (values + off, values), 0.1).row()
    assert row["ok"] == (off == 0)
    assert row["largest difference"] == pytest.approx(off / 2)


@pytest.mark.filterwarnings("ignore")
def test_values_are_those_of_quantus_and_grad_cam():
    pytest.importorskip("quantus")
    pytest.importorskip("pytorch_grad_cam")
    from captum_deconvnet_benchmarks.commands.checks import measured

    wrong = [row for row in measured() if not row["ok"]]
    assert not wrong
