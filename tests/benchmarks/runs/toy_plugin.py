"""A plugin with a net of whole numbers, so that sums have no rounding, and metrics of it."""

import os
import time

import torch
from torch import nn
from torchvision.transforms.functional import pil_to_tensor

from captum_deconvnet.registry import Denormalize, ImageTransform, LoadedModel, hookimpl
from captum_deconvnet_benchmarks.protocol.explainer import Explainer
from captum_deconvnet_benchmarks.protocol.metric import Curve, Metric, Scores
from captum_deconvnet_benchmarks.protocol.reproducibility import generator_of


def load(name, weights):
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(100, 3)
    )
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.randint(-3, 4, weight.shape))
    to_input = ImageTransform(lambda picture: pil_to_tensor(picture).float())
    colours = Denormalize((0.0,) * 3, (1 / 255,) * 3)
    classes = ("cat", "dog", "owl")
    return LoadedModel(f"toy/{name}", net.eval(), to_input, colours, (3, 12, 12), classes)


class Total:
    """The sum of the map, the whole number drawn for the image, and a curve of three points."""

    def __init__(self, subject, places):
        self.places = places

    def evaluate(self, explainer, inputs, target, *, attributions=None, seeds=None, regions=None):
        time.sleep(float(os.environ.get("TOY_SLEEP", "0")))
        if len(inputs) > int(os.environ.get("TOY_MEMORY", "1000")):
            raise MemoryError("the batch is too large")
        drawn = [torch.randint(9, (), generator=generator_of(seed)) for seed in seeds]
        total = attributions.double().sum((1, 2, 3))
        curve = Curve(torch.tensor([0.0, 0.5, 1.0]), total[:, None] * torch.arange(3))
        return Scores({"total": total, "drawn": torch.stack(drawn).double()}, {"curve": curve})


class Inside:
    """The share of the map's places that are in the region."""

    def __init__(self, subject):
        pass

    def evaluate(self, explainer, inputs, target, *, regions, **rest):
        return Scores({"inside": regions.double().mean((1, 2))})


class Raises:
    """Fails."""

    def __init__(self, subject):
        pass

    def evaluate(self, *given, **rest):
        if "TOY_MENDED" in os.environ:
            return Scores({"mended": torch.ones(len(given[1]), dtype=torch.float64)})
        raise ZeroDivisionError("the toy is\nbroken")


class OneTooFew(Raises):
    """Forgets an image."""

    def evaluate(self, explainer, inputs, target, **rest):
        return Scores({"few": torch.zeros(len(inputs) - 1)})


@hookimpl
def register_models(register):
    register("toy", ["net"], load)


@hookimpl
def register_metrics(register):
    register(Metric("toy/total", Total, "higher", stochastic=True, parameters={"places": 3}))
    register(Metric("toy/inside", Inside, None, needs=frozenset({"regions"})))
    register(Metric("bad/raises", Raises, "lower"))
    register(Metric("bad/few", OneTooFew, "lower"))


def flat(subject, inputs, target, seeds):
    return inputs.flatten(1)


def raises(subject, inputs, target, seeds):
    raise OSError("no such thing")


def picky(subject):
    raise KeyError("what is it?")


@hookimpl
def register_explainers(register):
    register(Explainer("bad/flat", flat))
    register(Explainer("bad/raises", raises))
    register(Explainer("bad/picky", flat, unfit=picky))
    register(Explainer("bad/unfit", flat, unfit=lambda subject: "it does not like the colour"))
