"""Which tensor of a model's output is explained: the only one, or the one that was chosen."""

from __future__ import annotations

import re
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from captum_deconvnet.engine.output import named_tensors, select_output
from captum_deconvnet.errors import CaptumDeconvnetError, OutputChoiceError

LOGITS, FEATURES = torch.rand(2, 5), torch.rand(2, 8, 3, 4)
IDS = torch.tensor([1, 2])

Pair = namedtuple("Pair", ["logits", "features"])


@dataclass
class Answer:
    logits: Any
    features: Any = None


class ModelOutput(OrderedDict):
    """As transformers has it: a dictionary whose keys are attributes too."""

    def __getattr__(self, name):
        return self[name]


SINGLE = {
    "a tensor": LOGITS,
    "a tuple of one": (LOGITS,),
    "a list of one": [LOGITS],
    "a dictionary of one": {"logits": LOGITS},
    "a named tuple with nothing beside": Pair(LOGITS, None),
    "a dataclass": Answer(LOGITS),
    "an object": SimpleNamespace(logits=LOGITS, name="net"),
    "a ModelOutput": ModelOutput(logits=LOGITS, hidden_states=None),
    "with integers beside": {"logits": LOGITS, "labels": IDS},
    "nested": {"main": [(LOGITS,)], "number": 3.0},
    "the same tensor twice": {"logits": LOGITS, "out": LOGITS},
}


@pytest.mark.parametrize("form", SINGLE)
def test_the_only_floating_tensor_is_taken(form):
    assert select_output(SINGLE[form]) is LOGITS


SEVERAL = {
    "tuple": ((LOGITS, FEATURES), ["0", 0, -2]),
    "list": ([FEATURES, LOGITS], ["1", 1, -1]),
    "dict": ({"logits": LOGITS, "features": FEATURES}, ["logits", 0]),
    "dict of numbers": ({7: LOGITS, 9: FEATURES}, [7, "7"]),
    "named tuple": (Pair(LOGITS, FEATURES), ["logits", 0]),
    "dataclass": (Answer(LOGITS, FEATURES), ["logits", 0]),
    "object": (SimpleNamespace(features=FEATURES, logits=LOGITS), ["logits", 1]),
    "ModelOutput": (ModelOutput(logits=LOGITS, features=FEATURES), ["logits", 0]),
    "nested": ({"out": [LOGITS], "aux": [FEATURES, FEATURES + 1]}, ["out", "out.0", 0]),
    "deep": ({"aux": [FEATURES, LOGITS]}, ["aux.1"]),
    "dots in a key": ({"a.b": LOGITS, "a.c": FEATURES}, ["a.b"]),
}


@pytest.mark.parametrize("form", SEVERAL)
def test_of_several_the_chosen_one_is_taken(form):
    output, names = SEVERAL[form]
    for name in names:
        assert select_output(output, name) is LOGITS


@pytest.mark.parametrize("form", SEVERAL)
def test_without_a_choice_the_error_lists_every_tensor_with_its_shape(form):
    output, _ = SEVERAL[form]
    with pytest.raises(OutputChoiceError, match=r"output=") as raised:
        select_output(output, model="The model Net")
    message = str(raised.value)
    assert type(output).__name__ in message
    assert "\n" not in message
    for name, tensor in named_tensors(output).items():
        assert f"{name} {tuple(tensor.shape)}" in message


@pytest.mark.parametrize("form", SEVERAL)
def test_the_choice_that_the_error_proposes_works(form):
    output, _ = SEVERAL[form]
    with pytest.raises(OutputChoiceError) as raised:
        select_output(output)
    proposed = re.search(r"output=(.+)\.$", str(raised.value)).group(1)
    assert select_output(output, proposed.strip("'")) in [*named_tensors(output).values()]


WRONG = {
    "an unknown key": ({"logits": LOGITS, "features": FEATURES}, "logit", "logits"),
    "an index past the end": ((LOGITS, FEATURES), 2, "none of its tensors"),
    "a part of several": ({"aux": [LOGITS, FEATURES], "out": LOGITS}, "aux", "aux.0"),
    "an integer tensor": ({"logits": LOGITS, "labels": IDS}, "labels", "logits"),
    "one tensor": (LOGITS, "logits", "one tensor"),
    "no tensor": (None, None, "without a floating tensor"),
    "no floating tensor": ([IDS], None, "without a floating tensor"),
}


@pytest.mark.parametrize("form", WRONG)
def test_what_is_not_there_is_said(form):
    output, chosen, word = WRONG[form]
    with pytest.raises(CaptumDeconvnetError, match=re.escape(word)):
        select_output(output, chosen)


def test_an_object_that_holds_itself_has_an_end():
    answer = SimpleNamespace(logits=LOGITS)
    answer.itself = answer
    assert select_output(answer) is LOGITS
