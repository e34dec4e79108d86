"""Which value a tensor holds right now, through views and in-place changes.

Tensors are known by their storage and their place in it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.weak import WeakTensorKeyDictionary

from captum_deconvnet.engine.aliases.in_place_changes import Kind, Place, Storage, write
from captum_deconvnet.engine.tape.adjoint import Kept
from captum_deconvnet.engine.tape.tape import Value


class Storages:
    """All storages of one recording.

    Args:
        derive: makes the value of a place that overlaps changed places of its storage.
    """

    def __init__(self, derive: Callable[[Storage, Place], Value]) -> None:
        """Start with no storage known."""
        self._derive = derive
        self._storages: dict[int, Storage] = {}
        self._detached: WeakTensorKeyDictionary | None = None

    def read(self, tensor: Tensor) -> Value | None:
        """The value ``tensor`` holds, or ``None`` when it does not depend on the input."""
        storage = self._home(tensor).get(tensor.untyped_storage()._cdata)
        if storage is None:
            return None
        place, places = place_of(tensor), storage.latest.places
        if not places:
            return None
        if place not in places:
            places[place] = self._derive(storage, place)
        return places[place]

    def standing(self, tensor: Tensor) -> Value | None:
        """The value known to stand just where ``tensor`` lies; none is derived from others."""
        storage = self._home(tensor).get(tensor.untyped_storage()._cdata)
        return None if storage is None else storage.latest.places.get(place_of(tensor))

    def put(self, tensor: Tensor, value: Value) -> None:
        """``tensor`` is a new tensor or a new view; it holds ``value``."""
        place = place_of(tensor)
        self._storage(tensor, self._home(tensor)).latest.places[place] = value

    def write(self, tensor: Tensor, value: Value) -> None:
        """``tensor`` was changed in place to ``value``; other views of it change with it."""
        write(self._storage(tensor, self._home(tensor)), place_of(tensor), value)

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


def place_of(tensor: Tensor) -> Place:
    """Where a tensor lies in its storage; strides of single elements mean nothing."""
    shape, strides = tensor.shape, tensor.stride()
    if 1 in shape:
        sizes = zip(shape, strides, strict=True)
        strides = tuple(0 if size == 1 else stride for size, stride in sizes)
    return shape, strides, int(tensor.storage_offset()), kind_of(tensor)


def kind_of(tensor: Tensor) -> Kind:
    """How the numbers of a tensor are read: by type, conjugated, negated."""
    return tensor.dtype, tensor.is_conj(), tensor.is_neg()
