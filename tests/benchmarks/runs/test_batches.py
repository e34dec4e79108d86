"""Batches, estimates and addresses: the small parts of a run."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.protocol.catalogue import explainers
from captum_deconvnet_benchmarks.protocol.metric import Curve, Metric, Scores
from captum_deconvnet_benchmarks.runs.plan.identity import BlockIdentity
from captum_deconvnet_benchmarks.runs.progress import Estimate
from captum_deconvnet_benchmarks.runs.work.batches import in_batches, joined

PLACE = BlockIdentity("net", "ab", "4", 10, ("a", "b"), "cd", (1, 2), 0, (("torch", "2"),))


@given(count=st.integers(1, 40), batch=st.integers(1, 50), capacity=st.integers(1, 50))
def test_every_image_is_done_once_in_order_and_never_too_many(count, batch, capacity):
    def call(part):
        if part.stop - part.start > capacity:
            raise MemoryError
        return list(range(part.start, part.stop))

    parts, last = in_batches(count, batch, call)
    assert list(itertools.chain(*parts)) == list(range(count))
    assert last <= max(capacity, 1)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_torchs_own_refusals_count_and_other_errors_do_not(error):
    def call(part):
        if part.stop - part.start > 1:
            raise error
        return part.start

    assert in_batches(5, 4, call) == ([0, 1, 2, 3, 4], 1)
    with pytest.raises(RuntimeError, match="shape"):
        in_batches(2, 2, lambda part: (_ for _ in ()).throw(RuntimeError("shape")))


def test_torch_itself_says_so_when_the_system_refuses():
    with pytest.raises(RuntimeError):
        in_batches(1, 1, lambda part: torch.empty(2**48))
    sizes = []

    def call(part):
        sizes.append(part.stop - part.start)
        if len(sizes) == 1:
            torch.empty(2**48)

    in_batches(2, 2, call)
    assert sizes == [2, 1, 1]


def scores(values, x=(0.0, 1.0)):
    y = torch.tensor(values)[:, None].expand(-1, len(x))
    return Scores({"a": torch.tensor(values)}, {"c": Curve(torch.tensor(x), y)})


def test_scores_of_batches_are_joined_and_must_be_alike():
    whole = joined([scores([1.0, 2.0]), scores([3.0])])
    assert whole.values["a"].tolist() == [1, 2, 3]
    assert whole.curves["c"].y.shape == (3, 2)
    for other in (Scores({"b": torch.ones(1)}), scores([3.0], (0.0, 0.5))):
        with pytest.raises(ResultsError, match="other scores for another batch"):
            joined([scores([1.0]), other])


def test_an_address_changes_with_all_that_decides_a_number_and_with_nothing_else():
    explainer = explainers()["captum/smooth-grad"]
    metric = Metric("m", dict, "lower", parameters={"steps": 3})
    first = PLACE.unit(explainer, metric)
    assert first == replace(PLACE).unit(replace(explainer), replace(metric, better="higher"))
    changes = {
        "model": "other", "weights": "x", "layer": "3", "start": 0, "names": ("a", "c"),
        "digest": "ef", "targets": (1, 3), "seed": 1, "versions": (("torch", "3"),),
    }  # fmt: skip
    others = [
        replace(PLACE, **{key: value}).unit(explainer, metric) for key, value in changes.items()
    ]
    others += [PLACE.unit(replace(explainer, **{key: value}), metric) for key, value in
               {"name": "x", "version": 2, "parameters": {"samples": 9}}.items()]  # fmt: skip
    others += [PLACE.unit(explainer, replace(metric, **{key: value})) for key, value in
               {"name": "x", "version": 2, "parameters": {"steps": 4}}.items()]  # fmt: skip
    assert len({first, *others}) == 1 + len(changes) + 6
    assert PLACE.explanation(explainer) not in {first, *others}


def test_an_estimate_uses_the_most_special_times_it_knows():
    estimate = Estimate()
    assert estimate.of([("a",)]) == 0
    estimate.add(("deletion", "vgg", "ours"), 4.0)
    estimate.add(("deletion", "vgg", "theirs"), 6.0)
    estimate.add(("entropy", "vgg", "ours"), 2.0)
    assert estimate.of([("deletion", "vgg", "ours")]) == 4
    assert estimate.of([("deletion", "vgg", "new")]) == 5
    assert estimate.of([("deletion", "net", "ours"), ("road", "net", "ours")]) == 5 + 4
