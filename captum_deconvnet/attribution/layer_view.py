"""What one layer took or gave in a recorded forward pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from captum_deconvnet.engine.output import named_tensors
from captum_deconvnet.engine.recorder.module_hooks import in_this_thread
from captum_deconvnet.engine.recorder.recorder import Recorder
from captum_deconvnet.engine.rules.call import is_signal
from captum_deconvnet.engine.tape.adjoint import Kept
from captum_deconvnet.engine.tape.tape import Value
from captum_deconvnet.errors import LayerError


class LayerView:
    """What a layer took, or gave, the last time it ran in the thread that looks.

    Args:
        layer: the module.
        at_input: look at what it takes.
        starts: let signals end at it, whether or not it depends on the input.
    """

    def __init__(self, layer: nn.Module, *, at_input: bool, starts: bool) -> None:
        """Nothing is seen yet."""
        self.layer, self.at_input, self.starts = layer, at_input, starts
        self.item: Any = None
        self._found: dict[str, tuple[Kept, Value | None]] | None = None

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The tensors, by name."""
        if self._found is None:
            raise LayerError(
                f"The layer {type(self.layer).__name__} did not run in this forward pass."
            )
        return {name: kept.tensor for name, (kept, _) in self._found.items()}

    @property
    def values(self) -> dict[str, Value]:
        """The tensors that a signal can come to, by name, as the tape knows them."""
        found = (self._found or {}).items()
        return {name: value for name, (_, value) in found if value is not None and value.flows}

    @contextmanager
    def hooked(self, recorder: Recorder) -> Iterator[None]:
        """Look at the layer after all hooks it has, in this thread alone."""

        def before(module: nn.Module, args: Any, kwargs: Any = None) -> None:
            numbered = {str(place): item for place, item in enumerate(args)}
            self._see(recorder, {**numbered, **(kwargs or {})})

        def after(module: nn.Module, args: Any, output: Any) -> None:
            self._see(recorder, output)

        handle = (
            self.layer.register_forward_pre_hook(in_this_thread(before), with_kwargs=True)
            if self.at_input
            else self.layer.register_forward_hook(in_this_thread(after))
        )
        try:
            yield
        finally:
            handle.remove()

    def _see(self, recorder: Recorder, item: Any) -> None:
        self.item, self._found = item, {}
        for name, tensor in named_tensors(item).items():
            value = recorder.storages.read(tensor)
            if self.starts and is_signal(tensor) and (value is None or not value.flows):
                value = Value(tensor.shape)
                recorder.storages.put(tensor, value)
            self._found[name] = (recorder.storages.keep(tensor), value)
