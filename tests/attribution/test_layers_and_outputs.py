"""Layers of every kind and outputs of every kind, in every attribution class."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.errors import LayerError, OutputChoiceError, SelectorError, TargetError

EXACT = {"rtol": 1e-10, "atol": 1e-10}


class Add(nn.Module):
    def forward(self, a, b):
        return a + b


class Concat(nn.Module):
    def forward(self, parts, dim=1):
        return torch.cat(parts, dim)


class Fusion(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(8, 4, 3, padding=1)

    def forward(self, *, high, low):
        return self.conv(torch.cat([high, low], 1)).relu()


class Gives(nn.Module):
    """A layer that gives its tensor in some nest."""

    def __init__(self, nest):
        super().__init__()
        self.conv, self.nest = nn.Conv2d(4, 4, 3, padding=1), nest

    def forward(self, x):
        return self.nest(self.conv(x))


@dataclass
class Answer:
    features: Tensor


NESTS = {
    "tuple": (lambda x: (x,), lambda nest: nest[0]),
    "dict": (lambda x: {"features": x}, lambda nest: nest["features"]),
    "dataclass": (Answer, lambda nest: nest.features),
}
LAYERS = {
    "Add": (Add, lambda layer, a, b: layer(a, b)),
    "Concat of a list": (Concat, lambda layer, a, b: layer([a, b], dim=1)),
    "called by keyword": (Fusion, lambda layer, a, b: layer(high=a, low=b)),
    "one thing twice": (Add, lambda layer, a, b: layer(a, a)),
    "used twice": (
        lambda: nn.Conv2d(4, 4, 3, padding=1),
        lambda layer, a, b: layer(layer(a).relu() + b),
    ),
    **{
        f"gives a {name}": (
            lambda nest=nest: Gives(nest),
            lambda layer, a, b, take=take: take(layer(a + b)),
        )
        for name, (nest, take) in NESTS.items()
    },
}


class Net(nn.Module):
    def __init__(self, kind):
        super().__init__()
        torch.manual_seed(3)
        make, self.call = LAYERS[kind]
        self.stem, self.layer = nn.Conv2d(3, 4, 3, padding=1), make()
        self.a, self.b = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.double().eval()

    def forward(self, x):
        x = self.stem(x).relu()
        found = self.call(self.layer, self.a(x).relu(), self.b(x))
        return found.relu().mean((2, 3))


def images():
    return torch.randn(2, 3, 9, 8, dtype=torch.float64)


@pytest.mark.parametrize("kind", LAYERS)
def test_a_neuron_of_any_layer_is_the_unit_that_record_projects(kind):
    net, batch, place = Net(kind), images(), (1, 4, 5)
    units = [cdn.Unit(image, "layer", *place) for image in range(2)]
    expected = cdn.record(net, batch, "layer").project(units, seed=1.0)
    assert_close(cdn.NeuronDeconvNet(net, net.layer).attribute(batch, place), expected, **EXACT)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_plain_gradient_of_any_layer_is_autograds(kind):
    net, batch = Net(kind), images().requires_grad_()
    found = cdn.NeuronDeconvNet(net, "layer", relu="gradient").attribute(
        batch, lambda nest: nest.sum((1, 2, 3))
    )
    seen = []
    handle = net.layer.register_forward_hook(lambda module, args, output: seen.append(output))
    net(batch)
    handle.remove()
    (tensor,) = cdn.engine.output.named_signals(seen[-1]).values()
    assert_close(found, torch.autograd.grad(tensor.sum(), batch)[0], **EXACT)


@pytest.mark.parametrize("kind", LAYERS)
def test_the_output_stopped_at_any_layer_is_autograds_gradient_there(kind):
    net, batch = Net(kind), images()
    stopped = cdn.LayerDeconvNet(net, "layer", relu="gradient").attribute(batch, 2)
    seen = []

    def noted(module, args, output):
        (tensor,) = cdn.engine.output.named_signals(output).values()
        seen.append(tensor)

    handle = net.layer.register_forward_hook(noted)
    output = net(batch)
    handle.remove()
    assert_close(stopped, torch.autograd.grad(output[:, 2].sum(), seen[-1])[0], **EXACT)


def test_the_inputs_of_a_layer_called_by_keyword_are_given_by_name():
    net, batch = Net("called by keyword"), images()
    both = cdn.LayerDeconvNet(net, "layer").attribute(batch, 1, attribute_to_layer_input=True)
    assert [tuple(one.shape) for one in both] == [(2, 4, 9, 8)] * 2
    low = cdn.NeuronDeconvNet(net, "layer").attribute(
        batch, lambda given: given["low"][:, 1, 4, 5], attribute_to_neuron_input=True
    )
    assert_close(low, cdn.NeuronDeconvNet(net, "b").attribute(batch, (1, 4, 5)), **EXACT)


def test_numbers_cannot_choose_among_several_inputs():
    net = Net("Add")
    with pytest.raises(SelectorError, match="several tensors"):
        cdn.NeuronDeconvNet(net, "layer").attribute(images(), (1, 2, 2), None, True)


def test_signals_end_at_an_embedding_of_whole_numbers():
    class Text(nn.Module):
        def __init__(self):
            super().__init__()
            self.words, self.conv = nn.Embedding(9, 4), nn.Conv1d(4, 3, 3)

        def forward(self, ids):
            return self.conv(self.words(ids).transpose(1, 2)).relu().mean(2)

    net, ids = Text().double().eval(), torch.arange(6).view(1, 6)
    stopped = cdn.LayerDeconvNet(net, "words", relu="gradient").attribute(ids, 1)
    seen = []
    net.words.register_forward_hook(lambda module, args, output: seen.append(output))
    expected = torch.autograd.grad(net(ids)[0, 1], seen[0])[0]
    assert_close(stopped, expected, **EXACT)


@pytest.mark.parametrize("explain", [cdn.NeuronDeconvNet, cdn.LayerDeconvNet])
@pytest.mark.parametrize("layer", [[nn.ReLU()], 3, None, nn.Conv2d(3, 4, 3), ("layer",)])
def test_what_is_no_layer_is_one_clear_error(explain, layer):
    with pytest.raises(LayerError, match="layer"):
        explain(Net("Add"), layer)


class Several(nn.Module):
    def __init__(self, nest):
        super().__init__()
        torch.manual_seed(1)
        self.conv, self.head, self.nest = nn.Conv2d(3, 4, 3), nn.Linear(4, 5), nest
        self.double().eval()

    def forward(self, x):
        features = self.conv(x).relu()
        return self.nest(self.head(features.mean((2, 3))), features)


OUTPUTS = {
    "tuple": (lambda logits, features: (logits, features), 0),
    "list": (lambda logits, features: [features, logits], 1),
    "dict": (lambda logits, features: {"logits": logits, "aux": features}, "logits"),
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_the_chosen_output_is_explained_and_without_a_choice_all_are_listed(kind):
    nest, chosen = OUTPUTS[kind]
    net, plain, batch = Several(nest), Several(lambda logits, features: logits), images()
    expected = cdn.DeconvNet(plain).attribute(batch, 3)
    assert_close(cdn.DeconvNet(net, output=chosen).attribute(batch, 3), expected, **EXACT)
    stopped = cdn.LayerDeconvNet(net, "conv", output=chosen).attribute(batch, 3)
    assert_close(stopped, cdn.LayerDeconvNet(plain, "conv").attribute(batch, 3), **EXACT)
    for explain in (cdn.DeconvNet(net), cdn.LayerDeconvNet(net, "conv")):
        with pytest.raises(OutputChoiceError, match=rf"(?s){kind}.*\(2, 5\).*output="):
            explain.attribute(batch, 3)


BAD_TARGETS = {
    "a mask": torch.ones(2, 5),
    "a float": 1.0,
    "a truth value": True,
    "a name": "cat",
    "floats": torch.tensor([1.0, 2.0]),
    "past the end": [1, 5],
    "too many": [1, 2, 3],
    "missing": None,
}


@pytest.mark.parametrize("target", BAD_TARGETS)
def test_a_bad_target_is_both_kinds_of_captums_error_and_says_what_a_target_is(target):
    net = Several(lambda logits, features: logits)
    for explain in (cdn.DeconvNet(net), cdn.LayerDeconvNet(net, "conv")):
        with pytest.raises(TargetError, match="target") as raised:
            explain.attribute(images(), BAD_TARGETS[target])
        assert isinstance(raised.value, IndexError)
        assert isinstance(raised.value, AssertionError)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("target", [-1, [0, -1], torch.tensor([4, 0]), torch.tensor(2).numpy()])
def test_targets_count_from_either_end_and_may_come_from_numpy(target):
    net, batch = Several(lambda logits, features: logits), images().requires_grad_()
    picked = torch.as_tensor(target).expand(2)
    expected = torch.autograd.grad(net(batch)[torch.arange(2), picked].sum(), batch)[0]
    found = cdn.DeconvNet(net, relu="gradient").attribute(batch, target)
    assert_close(found, expected, **EXACT)


def test_an_empty_batch_gives_an_empty_batch():
    net, none = Several(lambda logits, features: logits), images()[:0]
    assert cdn.DeconvNet(net).attribute(none, 1).shape == none.shape
    assert cdn.NeuronDeconvNet(net, "conv").attribute(none, (1, 2, 2)).shape == none.shape
    assert cdn.LayerDeconvNet(net, "conv").attribute(none, 1).shape == (0, 4, 7, 6)


def test_threads_that_share_a_layer_get_what_one_thread_gets():
    net, batch, wrong = Net("Add"), images(), []
    run = {
        "neuron": lambda: cdn.NeuronDeconvNet(net, "layer").attribute(batch, (1, 2, 2)),
        "layer": lambda: cdn.LayerDeconvNet(net, "layer").attribute(batch, 1),
        "model": lambda: net(batch).detach(),
    }
    expected = {name: one() for name, one in run.items()}

    def again(name):
        wrong.extend(name for _ in range(10) if not torch.equal(run[name](), expected[name]))

    threads = [threading.Thread(target=again, args=(name,)) for name in [*run, *run]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
