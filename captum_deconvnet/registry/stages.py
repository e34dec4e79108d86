"""Stages: the ordered layers that the paper calls layer 1 to n, found by one forward pass.

The paper's net has five layers: a convolution, its rectifier and, after most, a pool. Deeper nets
repeat convolutions at one resolution; there a layer is all that happens at one resolution, and the
pool that ends it. A layer is named by the outermost module that returns its last map.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from torch import Tensor, nn

from captum_deconvnet.registry.call_tree import ModuleCall, call_tree

FEW_CONVOLUTIONS = 5
"""As many as the paper's net has: in a net with no more, each convolution is a layer."""

STAGE_RATIO = 1.5
"""Sizes further apart than this are two resolutions; a convolution without padding is not."""

BLOCK_RATIO = 3
"""A module that shrinks the map more than by the one halving of a block holds several layers."""

POOLS = (
    nn.modules.pooling._MaxPoolNd,
    nn.modules.pooling._AvgPoolNd,
    nn.modules.pooling._LPPoolNd,
    nn.FractionalMaxPool2d,
    nn.FractionalMaxPool3d,
)
SUMMARIES = (nn.modules.pooling._AdaptiveAvgPoolNd, nn.modules.pooling._AdaptiveMaxPoolNd)

Holds = Callable[[ModuleCall], bool]


def find_stages(
    model: nn.Module, example_input: Tensor, preferred: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Find the layers of any convolutional net by one forward pass, without gradient.

    The model runs in eval mode and is left as found: hooks off, training flags as they were.

    Args:
        model: the net.
        example_input: one input it takes: (N, C, H, W), or (N, C, T, H, W) for clips.
        preferred: module paths to return if every one of them gives a map.

    Returns:
        The module paths of the layers, from the input up. Empty if no convolution's map is
        larger than one position.

    Raises:
        ModelError: the model does not run on that input.
    """
    root = call_tree(model, example_input)
    maps = {call.path for call in root.descendants() if call.size is not None}
    if preferred and maps.issuperset(preferred):
        return preferred
    if root.convolutions <= FEW_CONVOLUTIONS:
        groups = _by_convolution(_trunk(root, lambda call: call.convolutions > 1))
    else:
        groups = _by_resolution(_trunk(root, _shrinks_much))
    runs = Counter(call.path for call in root.descendants())
    ends = [_end(group, runs) for group in groups if any(call.convolutions for call in group)]
    ends = _one_a_resolution(ends) if _zigzags(ends) else ends
    return tuple(_outermost(end, ends).path for end in ends)


def _trunk(call: ModuleCall, holds_several: Holds) -> Iterator[ModuleCall]:
    """The calls that return a map, opening the modules that hold several layers."""
    for child in call.children:
        if child.convolutions and child.children and (child.size is None or holds_several(child)):
            yield from _trunk(child, holds_several)
        elif child.size is not None and not isinstance(child.module, SUMMARIES):
            yield child


def _shrinks_much(call: ModuleCall) -> bool:
    sizes = [call.incoming, call.size, *(child.size for child in call.children)]
    areas = [size[0] * size[1] for size in sizes if size is not None]
    return max(areas) >= BLOCK_RATIO**2 * min(areas)


def _by_convolution(trunk: Iterable[ModuleCall]) -> list[list[ModuleCall]]:
    """Cut before each convolution."""
    groups: list[list[ModuleCall]] = [[]]
    for call in trunk:
        if call.convolutions:
            groups.append([])
        groups[-1].append(call)
    return groups


def _by_resolution(trunk: Iterable[ModuleCall]) -> list[list[ModuleCall]]:
    """Cut where the resolution changes; a pool ends the group before it."""
    groups: list[list[ModuleCall]] = [[]]
    resolution: tuple[int, int] | None = None
    for call in trunk:
        if resolution is None or _differ(call.size, resolution):
            resolution = call.size
            if isinstance(call.module, POOLS):
                groups[-1].append(call)
                groups.append([])
                continue
            groups.append([])
        groups[-1].append(call)
    return groups


def _zigzags(ends: list[ModuleCall]) -> bool:
    """Whether resolutions run side by side: one that only falls and then rises is a decoder's."""
    areas = [_area(end) for end in ends]
    steps = [after > before for before, after in itertools.pairwise(areas) if after != before]
    return sum(step != next_step for step, next_step in itertools.pairwise(steps)) > 1


def _one_a_resolution(ends: list[ModuleCall]) -> list[ModuleCall]:
    """The last map at each resolution, from the largest down."""
    last = {_area(end): end for end in ends}
    return [last[area] for area in sorted(last, reverse=True)]


def _area(call: ModuleCall) -> int:
    assert call.size is not None
    return call.size[0] * call.size[1]


def _differ(size: tuple[int, int] | None, other: tuple[int, int]) -> bool:
    assert size is not None
    ratio = (size[0] * size[1]) / (other[0] * other[1])
    return not STAGE_RATIO**-2 < ratio < STAGE_RATIO**2


def _end(group: list[ModuleCall], runs: Mapping[str, int]) -> ModuleCall:
    """The last call of the group; if its module runs more than once, the last that does not."""
    once = [call for call in group if runs[call.path] == 1]
    return once[-1] if once else group[-1]


def _outermost(end: ModuleCall, ends: list[ModuleCall]) -> ModuleCall:
    """The outermost call that returns the end's own map and holds no other layer."""
    caller = end.caller
    if caller is None or caller.caller is None or caller.passes_on is not end:
        return end
    if sum(call in ends for call in caller.descendants()) > 1:
        return end
    ends = [caller if call is end else call for call in ends]
    return _outermost(caller, ends)
