"""Which value a tensor holds right now, through views and in-place changes.

Tensors are known by their storage and their place in it. Every storage remembers the values
standing in it. After an in-place change the changed place is known, and those that surely share no
number with it; another view of the same storage is derived when, and only when, somebody reads it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.weak import WeakTensorKeyDictionary

from captum_deconvnet.engine.aliases.aliased_views import (
    Kind,
    Place,
    are_apart,
    covers,
    kind_of,
    overlaps_itself,
    place_of,
)
from captum_deconvnet.engine.tape.adjoint import Kept
from captum_deconvnet.engine.tape.tape import Value
from captum_deconvnet.errors import UnsupportedOperationError

Overlay = Callable[[Value | None, int, Value, Place], Value]
Excerpt = Callable[[Value, Place], Value]


@dataclass
class Layer:
    """The values known to stand in a storage after one change of it, and what stood there before.

    Without ``written`` nothing was changed yet: the places are those of new tensors.
    """

    places: dict[Place, Value] = field(default_factory=dict)
    written: Place | None = None
    below: Layer | None = None
    flat: Value | None = None


@dataclass
class Storage:
    """One storage: its values, and the tensors in it that must outlive a change.

    ``reference`` keeps the address of the storage from being used again. ``kind`` is how the
    numbers in it are read: by type, conjugated, negated.
    """

    reference: StorageWeakRef
    size: int
    kind: Kind
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
        self._detached: WeakTensorKeyDictionary | None = None
        self._overlay = overlay
        self._excerpt = excerpt

    def read(self, tensor: Tensor) -> Value | None:
        """The value ``tensor`` holds, or ``None`` when it does not depend on the input."""
        storage = self._home(tensor).get(tensor.untyped_storage()._cdata)
        if storage is None:
            return None
        place, top = place_of(tensor), storage.top
        if not top.places:
            return None
        if place not in top.places:
            _check_kind(storage, place)
            top.places[place] = self._excerpt(self._flatten(storage), place)
        return top.places[place]

    def standing(self, tensor: Tensor) -> Value | None:
        """The value known to stand just where ``tensor`` lies; none is derived from others."""
        storage = self._home(tensor).get(tensor.untyped_storage()._cdata)
        return None if storage is None else storage.top.places.get(place_of(tensor))

    def put(self, tensor: Tensor, value: Value) -> None:
        """``tensor`` is a new tensor or a new view; it holds ``value``."""
        place = place_of(tensor)
        self._storage(tensor, self._home(tensor)).top.places[place] = value

    def write(self, tensor: Tensor, value: Value) -> None:
        """``tensor`` was changed in place to ``value``; other views of it change with it."""
        place = place_of(tensor)
        storage = self._storage(tensor, self._home(tensor))
        top = storage.top
        _check_kind(storage, place)
        if value.flows and overlaps_itself(place):
            raise UnsupportedOperationError(
                "The model changes a view in place that holds the same number more than once, "
                "as unfold makes them: such a change cannot be followed. Change a copy instead."
            )
        is_last = top.written == place or not top.places.keys() - {place}
        below = None if covers(place, storage.size) else (top.below if is_last else top)
        apart = {known: held for known, held in top.places.items() if are_apart(known, place)}
        storage.top = Layer({**apart, place: value}, place, below)

    def keep(self, tensor: Tensor) -> Kept:
        """Hold on to ``tensor`` as it is now, whatever the model does to it later."""
        kept = Kept(tensor)
        self._storage(tensor, self._storages).kept.append(weakref.ref(kept))
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

    def detach(self, tensor: Tensor, home: dict[int, Storage] | None = None) -> None:
        """``tensor`` shares its memory with another, but not its history: it has its own."""
        if self._detached is None:
            self._detached = WeakTensorKeyDictionary()
        self._detached[tensor] = {} if home is None else home

    def inherit(self, tensor: Tensor, given: Sequence[Tensor]) -> None:
        """``tensor`` was made from ``given``; a view of a detached tensor is detached with it."""
        if self._detached is None or any(one is tensor for one in given):
            return
        address = tensor.untyped_storage()._cdata
        for one in given:
            if one in self._detached and one.untyped_storage()._cdata == address:
                self.detach(tensor, self._detached[one])

    def _home(self, tensor: Tensor) -> dict[int, Storage]:
        """The storages among which ``tensor`` is looked up."""
        if self._detached is None or tensor not in self._detached:
            return self._storages
        home: dict[int, Storage] = self._detached[tensor]
        return home

    def _storage(self, tensor: Tensor, home: dict[int, Storage]) -> Storage:
        untyped = tensor.untyped_storage()
        if untyped._cdata not in home:
            size = untyped.nbytes() // tensor.element_size()
            reference = StorageWeakRef(untyped)  # type: ignore[no-untyped-call]
            home[untyped._cdata] = Storage(reference, size, kind_of(tensor))
        return home[untyped._cdata]

    def _flatten(self, storage: Storage) -> Value:
        """The value of the whole storage as one flat vector."""
        layers = [storage.top]
        while layers[-1].below is not None and layers[-1].flat is None:
            layers.append(layers[-1].below)
        flat: Value | None = None
        for layer in reversed(layers):
            flat = layer.flat = self._flat(layer, flat, storage)
        assert flat is not None
        return flat

    def _flat(self, layer: Layer, below: Value | None, storage: Storage) -> Value:
        """The whole storage at one layer, from what it was at the layer below."""
        if layer.flat is not None:
            return layer.flat
        places = [layer.written] if layer.written else _apart(layer.places, storage)
        covering = [place for place in places if covers(place, storage.size)][:1]
        flat = None if covering else below
        for place in covering or places:
            flat = self._overlay(flat, storage.size, layer.places[place], place)
        assert flat is not None
        return flat


def _apart(places: Iterable[Place], storage: Storage) -> list[Place]:
    """The places from which a storage can be put together."""
    return [place for place in places if place[3] == storage.kind and not overlaps_itself(place)]


def _check_kind(storage: Storage, place: Place) -> None:
    """Raise where numbers change under a view that reads them as another type."""
    if place[3] != storage.kind:
        raise UnsupportedOperationError(
            f"The model changes a tensor in place that is also read as another type "
            f"({_named(storage.kind)} and {_named(place[3])}): such a change cannot be followed. "
            "Change a copy instead."
        )


def _named(kind: Kind) -> str:
    dtype, conjugated, negated = kind
    return f"{dtype}{', conjugated' if conjugated else ''}{', negated' if negated else ''}"
