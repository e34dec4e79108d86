"""Captum's own tests for Occlusion, with ours in its place.

The models are Captum's, from the wheel; the cases of its test_occlusion.py are stated again as a
table, and those that it generates for hook removal and targets are run from its configuration.
"""

# ruff: noqa: E501
from __future__ import annotations

import copy

import pytest
import torch
from captum.attr import Occlusion
from captum.testing.attr.helpers.test_config import config
from captum.testing.helpers.basic_models import (
    BasicModel3,
    BasicModel_ConvNet_One_Conv,
    BasicModel_MultiLayer,
    BasicModel_MultiLayer_MultiInput,
)
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import UnsupportedOperationError

RAMP = torch.arange(16, dtype=torch.float).view(1, 1, 4, 4)
ONE = torch.tensor([[20.0, 50.0, 30.0]])
TWO = torch.tensor([[2.0, 10.0, 3.0], [20.0, 50.0, 30.0]])
THREE = (
    torch.tensor([[23.0, 100.0, 0.0], [20.0, 50.0, 30.0]]),
    torch.tensor([[20.0, 50.0, 30.0], [0.0, 100.0, 0.0]]),
    torch.tensor([[0.0, 100.0, 10.0], [2.0, 10.0, 3.0]]),
)
MASKED = (
    [[492.0, 492.0, 492.0], [400.0, 400.0, 400.0]],
    [[80.0, 200.0, 120.0], [0.0, 400.0, 0.0]],
    [[400.0, 420.0, 440.0], [48.0, 50.0, 52.0]],
)
PAIR = torch.tensor([[-10.0], [3.0]]), torch.tensor([[-5.0], [1.0]])


def as_float(*inputs):
    return BasicModel3()(*inputs).float()


CASES = {
    "one input": (BasicModel_MultiLayer(), ONE, {"sliding_window_shapes": (1,), "target": 0}, [[80.0, 200.0, 120.0]]),
    "integers": (BasicModel3(), tuple(one.long() for one in PAIR), {"sliding_window_shapes": ((1,), (1,)), "target": 0}, ([[0.0], [1.0]], [[0.0], [-1.0]])),
    "integers to floats": (as_float, tuple(one.long() for one in PAIR), {"sliding_window_shapes": ((1,), (1,)), "target": 0}, ([[0.0], [1.0]], [[0.0], [-1.0]])),
    "two inputs": (BasicModel3(), PAIR, {"sliding_window_shapes": ((1,), (1,)), "target": 0}, ([[0.0], [1.0]], [[0.0], [-1.0]])),
    "no dimensions": (BasicModel3(), tuple(one[:, 0] for one in PAIR), {"sliding_window_shapes": ((), ())}, ([0.0, 1.0], [0.0, -1.0])),
    "a larger window": (BasicModel_MultiLayer(), ONE, {"sliding_window_shapes": (2,), "target": 0, "baselines": torch.tensor([10.0, 10.0, 10.0])}, [[200.0, 220.0, 240.0]]),
    "a stride": (BasicModel_MultiLayer(), ONE, {"sliding_window_shapes": (2,), "target": 0, "strides": 2}, [[280.0, 280.0, 120.0]]),
    "a batch": (BasicModel_MultiLayer(), TWO, {"sliding_window_shapes": (1,), "target": 0}, [[8.0, 35.0, 12.0], [80.0, 200.0, 120.0]]),
    "three inputs": (BasicModel_MultiLayer_MultiInput(), THREE, {"sliding_window_shapes": ((3,), (1,), (2,)), "target": 0, "additional_forward_args": (1,)}, MASKED),
    "an input not covered": (BasicModel_MultiLayer_MultiInput(), THREE[:2], {"sliding_window_shapes": ((3,), (1,)), "target": 0, "additional_forward_args": (THREE[2], 1)}, MASKED[:2]),
    "baselines": (
        BasicModel_MultiLayer_MultiInput(), THREE,
        {
            "sliding_window_shapes": ((3,), (1,), (2,)), "target": 0, "strides": (2, 1, 2), "additional_forward_args": (1,),
            "baselines": (torch.tensor([[1.0, 4, 7], [3.0, 6, 9]]), 3.0, torch.tensor([[4.0], [6]])),
        },
        ([[444.0, 444.0, 444.0], [328.0, 328.0, 328.0]], [[68.0, 188.0, 108.0], [-12.0, 388.0, -12.0]], [[368.0, 368.0, 24.0], [0.0, 0.0, -12.0]]),
    ),
    "filters, whole": (BasicModel_ConvNet_One_Conv(), (RAMP, torch.ones(1, 1, 4, 4)), {"sliding_window_shapes": ((1, 4, 4), (1, 4, 4)), "target": 0}, (67 * torch.ones(1, 1, 4, 4), 13 * torch.ones(1, 1, 4, 4))),
    "filters, windows": (
        BasicModel_ConvNet_One_Conv(), (RAMP, torch.ones(1, 1, 4, 4)),
        {"sliding_window_shapes": ((1, 2, 3), (1, 1, 2)), "target": 0, "strides": ((1, 2, 1), (1, 1, 2))},
        ([[[[17.0] * 4, [17.0] * 4, [64.0, 65.5, 65.5, 67.0], [64.0, 65.5, 65.5, 67.0]]]], [[[[3.0] * 4, [3.0] * 4, [3.0] * 4, [0.0] * 4]]]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("together", [None, 1, 2, 3, 7, 16])
@pytest.mark.parametrize("method", ["auto", "incremental", "dense"])
@pytest.mark.parametrize("name", CASES)
def test_a_case_of_captums(name, method, together):
    model, inputs, arguments, expected = CASES[name]
    explained = cdn.Occlusion(model, method=method)
    try:
        found = explained.attribute(inputs, **arguments, perturbations_per_eval=together)
    except UnsupportedOperationError:
        assert (method, name) in {
            ("incremental", "integers"),
            ("incremental", "integers to floats"),
        }
        return
    pairs = zip(found, expected, strict=True) if isinstance(found, tuple) else [(found, expected)]
    for one, right in pairs:
        assert_close(one, torch.as_tensor(right, dtype=torch.float), rtol=0, atol=1e-4)


BAD = {
    "too few sizes": (RAMP, {"sliding_window_shapes": ((1, 2),)}),
    "too many sizes": ((RAMP, RAMP), {"sliding_window_shapes": ((1, 1, 2), (1, 1, 1, 2))}),
    "too many windows": ((RAMP, RAMP), {"sliding_window_shapes": ((1, 1, 2),) * 3}),
    "too few strides": (RAMP, {"sliding_window_shapes": (1, 2, 2), "strides": (1, 2)}),
    "too long strides": ((RAMP, RAMP), {"sliding_window_shapes": ((1, 1, 2), (1, 2, 2)), "strides": ((1, 1, 2), (2, 1, 2, 2))}),
    "too many strides": ((RAMP, RAMP), {"sliding_window_shapes": ((1, 1, 2), (1, 2, 2)), "strides": ((1, 1, 2), (1, 2, 2), (1, 2, 2))}),
    "a large stride": (RAMP, {"sliding_window_shapes": ((1, 1, 2),), "strides": 2}),
    "one large stride": ((RAMP, RAMP), {"sliding_window_shapes": ((1, 1, 2), (1, 4, 2)), "strides": (2, (1, 2, 3))}),
    "a large window": (RAMP, {"sliding_window_shapes": ((2, 1, 2),), "strides": 2}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_captum_refuses_is_refused(name):
    inputs, arguments = BAD[name]
    with pytest.raises(AssertionError):
        cdn.Occlusion(BasicModel_ConvNet_One_Conv()).attribute(inputs, target=0, **arguments)


def test_the_progress_bar_is_captums(capsys):
    explained = cdn.Occlusion(BasicModel_MultiLayer())
    for together in (None, 1, 2, 3):
        explained.attribute(
            ONE, (1,), target=0, perturbations_per_eval=together, show_progress=True
        )
        assert "Occlusion attribution: 100%" in capsys.readouterr().err


def test_futures_are_not_implemented():
    with pytest.raises(NotImplementedError):
        cdn.Occlusion(BasicModel_MultiLayer()).attribute_future()


GENERATED = [
    pytest.param(case, id=case["name"]) for case in config if Occlusion in case["algorithms"]
]


@pytest.mark.parametrize("case", GENERATED)
@pytest.mark.parametrize("method", ["auto", "incremental"])
def test_a_generated_case_is_as_captums_and_leaves_no_hooks(case, method):
    """Of test_hook_removal.py, test_targets.py and test_jit.py: the same arguments to both."""
    model, arguments = copy.deepcopy((case["model"], case["attribute_args"]))
    expected = Occlusion(model).attribute(**arguments)
    assert_close(cdn.Occlusion(model, method=method).attribute(**arguments), expected)
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    with pytest.raises(AssertionError):
        cdn.Occlusion(model, method=method).attribute(**{**arguments, "target": (9999,) * 20})
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
