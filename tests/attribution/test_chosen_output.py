"""One of several outputs is chosen by the same rules in every class."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import OutputChoiceError


class Answer(NamedTuple):
    features: Tensor
    logits: Tensor
    count: Tensor


def tuples(answer):
    return tuple(answer)


def nests(answer):
    return {"heads": {"main": answer.logits}, "count": answer.count, "features": answer.features}


FORMS = {
    "tuple": (tuples, 1),
    "tuple, from the end": (tuples, -2),
    "named tuple": (lambda answer: answer, "logits"),
    "dictionary": (Answer._asdict, "logits"),
    "nest": (nests, "heads.main"),
    "alone in a dictionary": (lambda answer: {"logits": answer.logits}, None),
    "alone among whole numbers": (lambda answer: (answer.count, answer.logits), None),
}


class Net(nn.Module):
    """A classifier that gives its scores in some form."""

    def __init__(self, form):
        super().__init__()
        self.form = form
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

    def forward(self, x):
        maps = self.conv(x).relu()
        logits = self.head(maps.mean((2, 3)))
        return self.form(Answer(maps, logits, torch.tensor([7])))


IMAGES = torch.rand(2, 3, 10, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
CLASSES = {
    "DeconvNet": lambda net, chosen: cdn.DeconvNet(net, output=chosen).attribute(IMAGES, 1),
    "LayerDeconvNet": lambda net, chosen: cdn.LayerDeconvNet(
        net, net.conv, output=chosen
    ).attribute(IMAGES, 1),
    "Occlusion": lambda net, chosen: cdn.Occlusion(net, output=chosen).attribute(
        IMAGES, (3, 4, 4), (3, 2, 2), target=1
    ),
    "OcclusionSensitivity": lambda net, chosen: (
        cdn.OcclusionSensitivity(net, "conv", output=chosen)
        .attribute(IMAGES, 1, window=4, stride=2)
        .probability
    ),
    "OcclusionSensitivity, few windows": lambda net, chosen: (
        cdn.OcclusionSensitivity(net, output=chosen)
        .attribute(IMAGES, 1, window=10, stride=10)
        .probability
    ),
    "FeatureInvariance": lambda net, chosen: (
        cdn.FeatureInvariance(net, "conv", output=chosen)
        .attribute(IMAGES, 1, values=[-2, 1])
        .probability
    ),
}


def net(form):
    torch.manual_seed(1)
    return Net(form).double().eval()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("explain", CLASSES)
def test_the_chosen_output_is_explained_as_if_it_were_the_only_one(explain, form):
    nest, chosen = FORMS[form]
    alone = CLASSES[explain](net(lambda answer: answer.logits), None)
    assert alone.abs().sum() > 0
    assert_close(CLASSES[explain](net(nest), chosen), alone, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("form", "chosen", "says"),
    [
        (tuples, None, "of several tensors: 0 (2, 4, 8, 8), 1 (2, 5)"),
        (tuples, 3, "3 is none of its tensors"),
        (Answer._asdict, "logit", "Nearest: logits"),
        (lambda answer: answer.logits, "logits", "Leave output= out"),
        (lambda answer: {"count": answer.count}, None, "without a floating tensor"),
    ],
)
@pytest.mark.parametrize("explain", CLASSES)
def test_a_choice_that_is_missing_or_wrong_is_refused_in_the_same_words(
    explain, form, chosen, says
):
    with pytest.raises(OutputChoiceError) as raised:
        CLASSES[explain](net(form), chosen)
    message = str(raised.value)
    assert says.replace("(2,", "(1,") in message.replace("(2,", "(1,").replace("(6,", "(1,")
    assert "Net gives" in message
    assert "\n" not in message


def test_features_are_measured_without_a_choice_where_nobody_needs_the_scores():
    found = cdn.FeatureInvariance(net(tuples), "conv").attribute(IMAGES, values=[1])
    assert found.probability is None
    assert found.predicted is None
    alone = cdn.FeatureInvariance(net(nests), "conv", output="heads.main").attribute(
        IMAGES, values=[1]
    )
    assert_close(found.distance("conv"), alone.distance("conv"))
    assert alone.predicted.shape == (2, 1)
