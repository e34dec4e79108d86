"""What cannot be projected is refused in the same words by every class."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet import errors


class Through(nn.Module):
    """A small conv net on ``function`` of its input."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 3)

    def forward(self, x, tokens=None):
        return self.head(torch.relu(self.conv(self.function(x))).mean((2, 3)))


class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.conv, self.head = nn.Embedding(20, 6), nn.Conv1d(6, 4, 3), nn.Linear(4, 3)

    def forward(self, tokens):
        return self.head(self.conv(self.words(tokens).transpose(1, 2)).relu().amax(2))


class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.words, self.head = nn.Conv2d(3, 4, 3), nn.Embedding(7, 3), nn.Linear(7, 3)

    def forward(self, x, tokens):
        words = self.words(tokens).mean(1)
        return self.head(torch.cat([self.conv(x).relu().mean((2, 3)), words], 1))


EXPLAINED = {
    "record": lambda model, x: cdn.record(model, x),
    "record of a layer": lambda model, x: cdn.record(model, x, "conv"),
    "DeconvNet": lambda model, x: cdn.DeconvNet(model).attribute(x, 1),
    "NeuronDeconvNet": lambda model, x: cdn.NeuronDeconvNet(model, "head").attribute(x, 1),
}
IMAGE = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))
LEAVING = {
    "numpy": lambda x: torch.from_numpy(x.numpy() * 2),
    "lists": lambda x: torch.tensor(x.tolist()),
    "detach": lambda x: x.detach(),
    "data": lambda x: x.data,
    "whole numbers": lambda x: (255 * x).to(torch.uint8).float() / 255,
    "a constant": lambda x: torch.ones_like(x),
}


def message(raised):
    text = str(raised.value)
    assert "\n" not in text
    assert len(text) < 400
    return text


@pytest.mark.parametrize("explain", EXPLAINED)
@pytest.mark.parametrize("leaving", LEAVING)
def test_a_model_that_does_not_depend_on_its_input_is_refused(explain, leaving):
    with pytest.raises(errors.CaptumDeconvnetError) as raised:
        EXPLAINED[explain](Through(LEAVING[leaving]), IMAGE)
    assert "depend" in message(raised)


@pytest.mark.parametrize("explain", EXPLAINED)
@pytest.mark.parametrize(
    ("model", "inputs"),
    [
        (Through(lambda x: x.float() / 255), (255 * IMAGE).to(torch.uint8)),
        (Text(), torch.randint(0, 20, (2, 12))),
        (Through(lambda x: x.float()), IMAGE > 0.5),
        (Both(), (IMAGE, torch.randint(0, 7, (2, 4)))),
    ],
    ids=["bytes", "tokens", "booleans", "image and tokens"],
)
def test_inputs_of_whole_numbers_are_refused_by_their_place(explain, model, inputs):
    with pytest.raises(errors.ModelError) as raised:
        EXPLAINED[explain](model, inputs)
    place = 1 if isinstance(inputs, tuple) else 0
    assert f"Input {place}" in message(raised)
    assert "float" in message(raised)


@pytest.mark.parametrize("leaving", LEAVING)
def test_signals_that_end_at_a_layer_ask_for_no_way_from_there_to_the_input(leaving):
    model = Through(LEAVING[leaving])
    found = cdn.LayerDeconvNet(model, "conv", relu="gradient").attribute(IMAGE, 1)
    maps = model.conv(LEAVING[leaving](IMAGE))
    scores = model.head(torch.relu(maps).mean((2, 3)))
    torch.testing.assert_close(found, torch.autograd.grad(scores[:, 1].sum(), maps)[0])


def test_tokens_are_taken_as_additional_arguments():
    tokens = torch.randint(0, 7, (2, 4))
    assert cdn.DeconvNet(Both()).attribute(IMAGE, 1, additional_forward_args=tokens).any()


@pytest.mark.parametrize("explain", EXPLAINED)
def test_lazy_layers_are_refused_and_stay_lazy(explain):
    model = Through(nn.Identity())
    model.conv, model.head = nn.LazyConv2d(4, 3), nn.Sequential(nn.LazyLinear(3))
    with pytest.raises(errors.ModelError) as raised:
        EXPLAINED[explain](model, IMAGE)
    assert "conv, head.0" in message(raised)
    assert "run the model once" in message(raised)
    assert all(nn.parameter.is_lazy(parameter) for parameter in model.parameters())
    model(IMAGE)
    EXPLAINED[explain](model, IMAGE)


def scripted():
    return torch.jit.script(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()))


def traced():
    return torch.jit.trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), IMAGE)


INSIDE = {
    "record": lambda model, layer: cdn.record(model, IMAGE, layer),
    "NeuronDeconvNet": lambda model, layer: cdn.NeuronDeconvNet(model, layer).attribute(
        IMAGE, (1, 2, 2)
    ),
    "LayerDeconvNet": lambda model, layer: cdn.LayerDeconvNet(model, layer).attribute(
        IMAGE, (1, 2, 2)
    ),
    "top_activations": lambda model, layer: cdn.top_activations(model, layer, IMAGE),
}


@pytest.mark.parametrize("explain", INSIDE)
@pytest.mark.parametrize("build", [scripted, traced])
@pytest.mark.filterwarnings(
    "ignore:.torch.jit:FutureWarning", "ignore:.torch.jit:DeprecationWarning"
)
def test_a_layer_inside_a_script_is_refused_and_one_beside_it_is_not(explain, build):
    inner = build()
    with pytest.raises(errors.LayerError, match="layer '0' is scripted or traced"):
        INSIDE[explain](inner, "0")
    beside = nn.Sequential(inner, nn.ReLU())
    for path in ("0", "0.1"):
        with pytest.raises(errors.LayerError, match=f"layer '{path}' is scripted or traced"):
            INSIDE[explain](beside, path)
    INSIDE[explain](beside, "1")


def test_a_batch_norm_without_statistics_is_not_told_to_go_to_eval_mode():
    model = Through(nn.BatchNorm2d(3, track_running_stats=False)).eval()
    with pytest.raises(errors.TrainModeError) as raised:
        cdn.record(model, IMAGE)
    assert "'function'" in message(raised)
    assert "no running statistics" in message(raised)
    assert "eval()" not in message(raised)
