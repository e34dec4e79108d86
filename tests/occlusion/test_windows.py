"""Where windows go, and how boxes pass sliding windows: hand values and brute force."""

from __future__ import annotations

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from captum_deconvnet.occlusion.incremental.region import Span, fitted
from captum_deconvnet.occlusion.incremental.sliding_windows import SlidingWindow, affected_spans
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.window_grid import Grid, Window, sliding, tile_sides


def test_the_last_window_is_cut_off_by_the_edge():
    grid = Grid(0, (1, 5, 4), (1, 2, 4), (1, 2, 3))
    assert grid.counts == (1, 3, 1)
    assert grid.at((0, 2, 0)) == Window(0, (0, 4, 0), (1, 5, 4))


def test_a_tile_is_as_square_as_can_be():
    assert tile_sides((1, 13, 13), 16) == [1, 4, 4]
    assert tile_sides((1, 100, 1), 16) == [1, 15, 1]
    assert tile_sides((3, 7, 7), 1) == [1, 1, 1]


@given(
    counts=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 4)), min_size=1, max_size=3),
    most=st.integers(1, 20),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_tiles_hold_every_window_once_and_never_too_many(counts, most):
    shape = tuple(size * count for count, size in counts)
    grid = Grid(0, shape, tuple(size for _, size in counts), tuple(size for _, size in counts))
    tiles = list(grid.tiles(most))
    windows = [window for tile in tiles for window in tile]
    assert max(map(len, tiles)) <= most
    assert len(windows) == len(set(windows)) == len(grid)


@given(
    sides=st.lists(st.tuples(*[st.integers(1, 6)] * 3), min_size=0, max_size=3),
    images=st.integers(1, 2),
    is_number=st.booleans(),
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_windows_of_two_inputs_are_covered_as_slice_by_slice(sides, images, is_number):
    shape, size, strides = (
        (tuple(each) for each in zip(*sides, strict=True)) if sides else ((),) * 3
    )
    size = tuple(min(pair) for pair in zip(size, shape, strict=True))
    strides = tuple(min(pair) for pair in zip(strides, size, strict=True))
    inputs = [torch.randn(images, *shape), torch.randn(images, 3)]
    fill = 0.5 if is_number else torch.randn(images, *shape)
    grids = sliding([shape, (3,)], [size, (2,)], [strides, 1])
    windows = [Window(-1, (), ()), *grids[1].windows(), *grids[0].windows()]
    assert [grid.numbers(list(grid.windows())).tolist() for grid in grids] == [
        list(range(len(grid))) for grid in grids
    ]
    found = Occluder(inputs, [fill, 0.25]).covered_inputs(windows)
    fills = torch.as_tensor(fill).expand(inputs[0].shape), torch.full((images, 3), 0.25)
    for row, window in enumerate(windows):
        expected = [tensor.clone() for tensor in inputs]
        if window.input >= 0:
            ends = zip(window.starts, window.stops, strict=True)
            box = (slice(None), *(slice(*pair) for pair in ends))
            expected[window.input][box] = fills[window.input][box]
        for one, other in zip(found, expected, strict=True):
            assert torch.equal(one[row * images : (row + 1) * images], other)


@given(
    starts=st.lists(st.integers(-4, 12), min_size=1, max_size=4),
    size=st.integers(1, 9),
    length=st.integers(1, 12),
)
def test_a_fitted_span_lies_in_the_map_and_holds_all_of_the_box_that_does(starts, size, length):
    stops = [start + size for start in starts]
    span = fitted(starts, stops, length)
    if span is None:
        return
    for start, stop, first, last in zip(starts, stops, span.starts, span.stops, strict=True):
        assert 0 <= first < last <= length
        assert set(range(max(start, 0), min(stop, length))) <= set(range(first, last))


@given(
    kernel=st.integers(1, 4),
    stride=st.integers(1, 3),
    padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
    length=st.integers(3, 14),
    place=st.integers(0, 100),
    size=st.integers(1, 5),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_box_becomes_all_places_that_see_it(
    kernel, stride, padding, dilation, length, place, size
):
    """A box of ones under a filter of ones shows which places see it."""
    assume(dilation * (kernel - 1) < length + 2 * padding)
    start = place % length
    box = torch.zeros(1, 1, length)
    box[..., start : start + size] = 1
    seen = F.conv1d(box, torch.ones(1, 1, kernel), None, stride, padding, dilation)[0, 0]
    sliding = SlidingWindow(kernel, stride, padding, dilation, length, len(seen))
    passed = affected_spans(Span((start,), min(size, length - start)), sliding)
    reached = set(seen.nonzero().flatten().tolist())
    if passed is None:
        return
    output, needed = passed
    assert reached <= set(range(output.starts[0], output.stops[0]))
    if stride == dilation == 1 and reached:
        assert output == Span((min(reached),), len(reached))
    assert needed.starts[0] == output.starts[0] * stride - padding
    assert needed.size == (output.size - 1) * stride + dilation * (kernel - 1) + 1
