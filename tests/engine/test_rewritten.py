"""A spelling rewritten at random has the rule and scale of the torch function, or is named.

``RANDOM_SPELLINGS=2000`` runs that many, newly drawn, at night.
"""

from __future__ import annotations

import os

import rewritten
import spellings
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spellings import Skip, image

import captum_deconvnet as cdn

EXAMPLES = int(os.environ.get("RANDOM_SPELLINGS", "150"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="RANDOM_SPELLINGS" not in os.environ,
    database=None,
)
@given(
    case=st.sampled_from(spellings.CASES),
    choices=st.lists(st.integers(0, 4), min_size=1, max_size=8),
    relu=st.sampled_from(["deconvnet", "guided"]),
)
def test_a_rewritten_spelling_projects_as_the_torch_function_or_is_named(case, choices, relu):
    name, spelling = case
    function, ways = spellings.SPELLINGS[name]
    torchs, spelled = Skip(function), Skip(rewritten.rewritten(ways[spelling], choices))
    with torch.no_grad():
        torch.testing.assert_close(spelled(image()), torchs(image()), rtol=1e-4, atol=1e-4)
    found, expected = (
        cdn.DeconvNet(net, relu=relu).attribute(image(), 1) for net in (spelled, torchs)
    )
    if not torch.allclose(found, expected, rtol=1e-9, atol=1e-11):
        assert cdn.record(spelled, image(), relu=relu).receipt.fallbacks
