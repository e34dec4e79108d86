"""Occlusion spelled out: one window, one forward pass, one subtraction at a time."""

from __future__ import annotations

import itertools

import torch


def starts(length, size, stride):
    """Where windows start along one dimension: until the last one reaches the edge."""
    found = [0]
    while found[-1] + size < length:
        found.append(found[-1] + stride)
    return found


@torch.no_grad()
def occlusion(model, images, size, strides, baseline, target):
    """The literal definition, one image at a time, in float64 however the model counts."""
    attributions = []
    fill = torch.as_tensor(baseline, dtype=images.dtype).expand(images.shape)
    for number in range(len(images)):
        image = images[number : number + 1]
        total = torch.zeros(image.shape, dtype=torch.float64)
        count = torch.zeros(image.shape, dtype=torch.float64)
        clean = model(image.clone())[0, target]
        axes = [starts(*axis) for axis in zip(image.shape[1:], size, strides, strict=True)]
        for corner in itertools.product(*axes):
            box = (0, *(slice(at, at + side) for at, side in zip(corner, size, strict=True)))
            covered = image.clone()
            covered[box] = fill[number : number + 1][box]
            total[box] += (clean - model(covered)[0, target]).double()
            count[box] += 1
        attributions.append(total / count)
    return torch.cat(attributions)


def relative_error(found, right):
    """The largest difference, as a part of the largest right value."""
    return float((found.double() - right.double()).abs().max() / right.double().abs().max())
