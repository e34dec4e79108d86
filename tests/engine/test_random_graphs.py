"""Random graphs: the engine against the independent reference for whole networks.

``RANDOM_GRAPHS=2000`` runs that many, newly drawn, at night.
"""

from __future__ import annotations

import os

import pytest
import random_graphs
import reference_network
import torch
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import captum_deconvnet as cdn

EXAMPLES = int(os.environ.get("RANDOM_GRAPHS", "200"))

WITHOUT_REFERENCE = (
    "both factors",  # of two gates, nothing says which is the signal
    "functions of one activation",  # which may spell out an activation: see test_spellings
)


def literal(graph, images, signal):
    """The reference's projection, and at how many operations it took the gradient.

    Autograd refuses to go back where a tensor it needs was changed in place: it gets copies.
    """
    with torch.autograd.graph.saved_tensors_hooks(torch.clone, lambda saved: saved):
        tape = reference_network.read(graph, images, ("top",))
        return tape.project("top", signal)


def check(graph, images, pick):
    """Output bit-identical, projection equal to 1e-9, and the receipt admits every gradient.

    It says whether the projection was compared.
    """
    with torch.no_grad():
        output = graph(images.clone())
    recording = cdn.record(graph, images, "top")
    assert torch.equal(recording.output, output)
    place = pick % output[0].numel()
    signal = torch.zeros_like(output)
    signal.flatten(1)[:, place] = 1.0
    try:
        expected, gradients = literal(graph, images, signal)
    except reference_network.NoReferenceError as reason:
        if not any(known in str(reason) for known in WITHOUT_REFERENCE):
            raise
        return f"not compared: {reason}"
    found = recording.project_signal("top", signal)
    scale = max(1.0, float(expected.abs().max()))
    torch.testing.assert_close(found / scale, expected / scale, rtol=1e-9, atol=1e-9)
    assert bool(recording.receipt.fallbacks) >= bool(gradients)
    return "compared"


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize="RANDOM_GRAPHS" not in os.environ,
    database=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(case=random_graphs.graphs(), pick=st.integers(0, 2**16))
def test_a_random_graph_projects_as_the_reference_has_it(case, pick):
    """Any operation of the table after any other."""
    event(check(*case, pick))


@pytest.mark.parametrize("name", random_graphs.OPERATIONS)
def test_every_operation_of_the_generator_is_reached(name):
    """After a stem and before a ReLU and a filter, it projects as the reference has it."""
    torch.manual_seed(0)
    images = torch.randn(2, 2, 8, 6).double()
    graph = random_graphs.Graph().double().eval()
    nodes = [random_graphs.Node(n, 0, 0, (1, 1, 1)) for n in (name, "relu", "convolution")]
    for node in nodes:
        graph.accepts(node, images)
    assert graph.nodes == nodes
    check(graph, images, 3)


def test_clipped_features_over_a_statistic_are_the_signal():
    """Found by a random graph: neither factor was held to be the gate."""
    torch.manual_seed(0)
    graph = random_graphs.Graph().double().eval()
    images = torch.randn(2, 2, 4, 4).double()
    for name, second in (("hardtanh", 0), ("convolution", 0), ("product with a power", 1)):
        graph.accepts(random_graphs.Node(name, 0, second, (1, 0, 0)), images)
    check(graph, images, 0)
    kinds = cdn.record(graph, images, "top").receipt.summary()
    assert kinds["extension", "mul", "frozen gate"] == 1


def test_a_number_added_to_a_function_without_a_rule_makes_no_activation_of_it():
    """Found by a random graph: |celu(x)| + 0.1 was held to be a rectifier, |celu(x)| was not."""
    torch.manual_seed(0)
    graph = random_graphs.Graph().double().eval()
    images = torch.randn(2, 2, 4, 4).double()
    for name, first in (("convolution", 0), ("celu", 0), ("power", 0)):
        graph.accepts(random_graphs.Node(name, first, 0, (0, 0, 0)), images)
    assert [node.name for node in graph.nodes] == ["convolution", "celu", "power"]
    check(graph, images, 0)
    fallbacks = cdn.record(graph, images, "top").receipt.fallbacks
    assert {entry.operation for entry in fallbacks} == {"abs", "pow"}


def test_an_exponential_of_a_gate_is_no_gate():
    """Found by a random graph: a bounded factor without a rule was held to be a gate."""
    torch.manual_seed(0)
    graph = random_graphs.Graph().double().eval()
    images = torch.randn(2, 2, 4, 4).double()
    for name, first in (("convolution", 0), ("sigmoid", 0), ("convolution", 0), ("exponential", 1)):
        graph.accepts(random_graphs.Node(name, first, 0, (0, 0, 0)), images)
    check(graph, images, 0)
    assert "mul" in {
        entry.operation for entry in cdn.record(graph, images, "top").receipt.fallbacks
    }


@pytest.mark.parametrize("gate", ["sigmoid", "tanh", "power"])
@pytest.mark.parametrize(
    "name", [name for name in random_graphs.ACTIVATIONS if name not in ("residual", "shared")]
)
def test_a_gate_through_an_activation_is_a_gate(gate, name):
    """Found by a random graph: celu of a reciprocal root was held to be a signal of its own."""
    torch.manual_seed(1)
    graph = random_graphs.Graph().double().eval()
    images = torch.randn(2, 2, 6, 6).double()
    for each, first in ((gate, 0), (name, 0), ("convolution", 2), ("product", 1)):
        graph.accepts(random_graphs.Node(each, first, 0, (1, 0, 0)), images)
    check(graph, images, 5)
    products = [e for e in cdn.record(graph, images, "top").receipt.entries if e.operation == "mul"]
    assert products[-1].rule == "frozen gate"


def test_a_root_of_a_function_of_two_activations_is_no_part_of_a_spelling():
    """Found by a random graph: the reference looked through the larger of two activations."""
    torch.manual_seed(0)
    graph = random_graphs.Graph().double().eval()
    images = torch.randn(2, 2, 4, 4).double()
    for each, first, second in (
        ("global maximum", 0, 0),
        ("larger of two", 0, 1),
        ("celu", 0, 0),
        ("product with a power", 1, 1),
    ):
        graph.accepts(random_graphs.Node(each, first, second, (1, 0, 0)), images)
    assert len(graph.nodes) == 4
    check(graph, images, 0)
