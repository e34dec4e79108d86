"""The torch functions that are more to a recording than the operations inside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.overrides import TorchFunctionMode

from captum_deconvnet.projection.recorder import Recorder
from captum_deconvnet.projection.tensor_hooks import instead


class FunctionRecorder(TorchFunctionMode):
    """Takes whole the torch functions that have a rule; answers for those that need autograd."""

    def __init__(self, recorder: Recorder) -> None:
        """Report to ``recorder``."""
        super().__init__()
        self.recorder = recorder

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run one torch function."""
        kwargs = kwargs or {}
        replacement = instead(self.recorder, func, args, kwargs)
        if replacement is not None:
            return replacement(self.recorder, *args, **kwargs)
        if func not in self.recorder.rows:
            return func(*args, **kwargs)
        return self.recorder.take_whole(func, args, kwargs, lambda: func(*args, **kwargs))
