"""Watching a model's modules during one forward pass, and leaving them as they were."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.hooks import RemovableHandle

from captum_deconvnet.errors import TrainModeError
from captum_deconvnet.projection.recorder import Recorder

OUR_HOOKS = 2
"""How many hooks a module carries while it is watched and nobody else has hooked it."""

Arrived = Callable[[str, nn.Module, Any], Any]


@contextmanager
def watched(
    model: nn.Module,
    recorder: Recorder,
    *,
    entered: Arrived,
    left: Arrived,
    restored: Arrived | None = None,
) -> Iterator[None]:
    """Tell the recorder which module runs, and call ``entered`` and ``left`` around each.

    ``entered`` gets the module's positional arguments and ``left`` its output, before any other
    hook of the module; what they return, if anything, takes their place. ``restored`` gets both
    after all other hooks. All hooks are removed at the end, after an error too.
    """
    with ExitStack() as undo:
        thread = threading.get_ident()
        for path, module in model.named_modules():
            watch = Watch(path, recorder, thread, entered, left, restored)
            for handle in watch.register(module):
                undo.callback(handle.remove)
            if type(module) in recorder.rows:
                undo.enter_context(taken_whole(module, recorder, thread))
        yield


@dataclass(frozen=True)
class Watch:
    """The hooks on one module; they act only in the thread that is recording."""

    path: str
    recorder: Recorder
    thread: int
    entered: Arrived
    left: Arrived
    restored: Arrived | None

    def register(self, module: nn.Module) -> list[RemovableHandle]:
        """Hook the module: first and, if others have hooked it and may need undoing, last."""
        others = len(module._forward_pre_hooks) + len(module._forward_hooks)
        handles = [
            module.register_forward_pre_hook(self.before, prepend=True),
            module.register_forward_hook(self.after, prepend=True),
        ]
        if self.restored is not None and others:
            handles.append(module.register_forward_pre_hook(self.last_before))
            handles.append(module.register_forward_hook(self.last_after))
        return handles

    def before(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        """The module is about to run."""
        if threading.get_ident() != self.thread:
            return None
        refuse_train_mode(self.path, module)
        self.recorder.path.append(self.path)
        return self.entered(self.path, module, args)

    def after(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        """The module has run."""
        if threading.get_ident() != self.thread:
            return None
        self.recorder.path.pop()
        return self.left(self.path, module, output)

    def last_before(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        """All other hooks have seen the module's input."""
        return self.last_after(module, args, args)

    def last_after(self, module: nn.Module, args: tuple[Any, ...], item: Any) -> Any:
        """All other hooks have seen the module's output."""
        if self.restored is None or threading.get_ident() != self.thread:
            return None
        return self.restored(self.path, module, item)


def refuse_train_mode(path: str, module: nn.Module) -> None:
    """Raise for a batch norm that would use the batch's own statistics."""
    if isinstance(module, _BatchNorm) and (module.training or module.running_mean is None):
        raise TrainModeError(
            f"The batch norm {path!r} runs in train mode: it mixes the images of the batch, so "
            "that no image has a projection of its own. Call model.eval() first."
        )


@contextmanager
def taken_whole(module: nn.Module, recorder: Recorder, thread: int) -> Iterator[None]:
    """Record every call of ``module`` as one operation."""
    own = vars(module).get("forward")
    forward = module.forward

    def record(*args: Any, **kwargs: Any) -> Any:
        run = partial(forward, *args, **kwargs)
        if threading.get_ident() != thread:
            return run()
        return recorder.take_whole(module, args, kwargs, run)

    module.forward = record
    try:
        yield
    finally:
        if own is None:
            del module.forward
        else:
            module.forward = own
