"""How what belongs to one forward pass is copied, and why it is not pickled."""

from __future__ import annotations

from copy import copy
from typing import Any, TypeVar

from captum_deconvnet.errors import RecordingError

Copied = TypeVar("Copied", bound="OfOnePass")


class OfOnePass:
    """Something that holds the way back through a live model."""

    def __copy__(self: Copied) -> Copied:
        """A recording of the same pass: the model, its weights and the tape are shared."""
        copied = object.__new__(type(self))
        vars(copied).update(vars(self))
        return copied

    def __deepcopy__(self: Copied, memo: dict[int, Any]) -> Copied:
        """As a shallow copy: the way back is through the very weights that ran."""
        return copy(self)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Refuse to be pickled."""
        raise RecordingError(
            "A recording cannot be pickled or saved: it is the way back through a live model. Save "
            "what it projected, or record again where it is needed."
        )
