"""Which value a tensor holds right now, through views and in-place changes.

Tensors are known by their storage and their place in it. Every storage remembers the values
standing in it. After an in-place change only the changed place is known; another view of the
same storage is derived when, and only when, somebody reads it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from captum_deconvnet.projection.adjoint import Kept
from captum_deconvnet.projection.tape import Value

Place = tuple[torch.Size, tuple[int, ...], int]
Overlay = Callable[[Value | None, int, Value, Place], Value]
Excerpt = Callable[[Value, Place], Value]


@dataclass
class Layer:
    """The values written to a storage since the layer below it was last complete."""

    places: dict[Place, Value] = field(default_factory=dict)
    below: Layer | None = None
    flat: Value | None = None


@dataclass
class Storage:
    """One storage: its values, and the tensors in it that must outlive a change.

    ``reference`` keeps the address of the storage from being used again.
    """

    reference: StorageWeakRef
    size: int
    top: Layer = field(default_factory=Layer)
    kept: list[weakref.ref[Kept]] = field(default_factory=list)


class Storages:
    """All storages of one recording.

    Args:
        overlay: makes the value of a flat storage after a value was written to a place of it.
        excerpt: makes the value of a place of a flat storage.
    """

    def __init__(self, overlay: Overlay, excerpt: Excerpt) -> None:
        """Start with no storage known."""
        self._storages: dict[int, Storage] = {}
        self._overlay = overlay
        self._excerpt = excerpt

    def read(self, tensor: Tensor) -> Value | None:
        """The value ``tensor`` holds, or ``None`` when it does not depend on the input."""
        storage = self._storages.get(tensor.untyped_storage()._cdata)
        if storage is None:
            return None
        place, top = _place(tensor), storage.top
        if not top.places:
            return None
        if place not in top.places:
            top.places[place] = self._excerpt(self._flatten(top, storage.size), place)
        return top.places[place]

    def put(self, tensor: Tensor, value: Value) -> None:
        """``tensor`` is a new tensor or a new view; it holds ``value``."""
        self._storage(tensor).top.places[_place(tensor)] = value

    def write(self, tensor: Tensor, value: Value) -> None:
        """``tensor`` was changed in place to ``value``; other views of it change with it."""
        storage, place = self._storage(tensor), _place(tensor)
        top = storage.top
        below = top if top.places.keys() - {place} else top.below
        storage.top = Layer({place: value}, None if _covers(place, storage.size) else below)

    def keep(self, tensor: Tensor) -> Kept:
        """Hold on to ``tensor`` as it is now, whatever the model does to it later."""
        kept = Kept(tensor)
        self._storage(tensor).kept.append(weakref.ref(kept))
        return kept

    def protect(self, tensor: Tensor) -> None:
        """Copy what is kept of the storage of ``tensor``, which is about to be overwritten."""
        storage = self._storages.get(tensor.untyped_storage()._cdata)
        if storage is None:
            return
        for reference in storage.kept:
            kept = reference()
            if kept is not None:
                kept.tensor = kept.tensor.clone()
        storage.kept.clear()

    def _storage(self, tensor: Tensor) -> Storage:
        untyped = tensor.untyped_storage()
        if untyped._cdata not in self._storages:
            size = untyped.nbytes() // tensor.element_size()
            self._storages[untyped._cdata] = Storage(StorageWeakRef(untyped), size)  # type: ignore[no-untyped-call]
        return self._storages[untyped._cdata]

    def _flatten(self, layer: Layer, size: int) -> Value:
        """The value of the whole storage as one flat vector."""
        if layer.flat is None:
            covering = [place for place in layer.places if _covers(place, size)]
            flat = None if covering or layer.below is None else self._flatten(layer.below, size)
            for place in covering[:1] or layer.places:
                flat = self._overlay(flat, size, layer.places[place], place)
            assert flat is not None
            layer.flat = flat
        return layer.flat


def _place(tensor: Tensor) -> Place:
    """Where a tensor lies in its storage; strides of single elements mean nothing."""
    strides = tensor.stride()
    if 1 in tensor.shape:
        strides = tuple(
            0 if size == 1 else stride for size, stride in zip(tensor.shape, strides, strict=True)
        )
    return tensor.shape, strides, int(tensor.storage_offset())


def _covers(place: Place, size: int) -> bool:
    """Whether a place takes up its whole storage (a place that can be written never overlaps)."""
    return place[0].numel() == size
