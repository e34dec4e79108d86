"""Hooks on a model's modules during one forward pass; the modules are left as they were."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.utils.hooks import RemovableHandle

from captum_deconvnet.engine.recorder.recorder import Recorder
from captum_deconvnet.engine.recorder.torch_functions import functions_hooked
from captum_deconvnet.errors import TrainModeError


class ModuleListener:
    """Is told when modules run; an answer that is not ``None`` takes the place of what was shown.

    Attributes:
        exposed: the modules of which other people's hooks are shown something to be restored.
    """

    exposed: Collection[nn.Module] = ()

    def entered(self, path: str, module: nn.Module, args: tuple[Any, ...]) -> Any:
        """A module is about to run on positional arguments; no other hook has seen them."""

    def left(self, path: str, module: nn.Module, output: Any) -> Any:
        """A module has run; no other hook has seen its output."""

    def restored(self, path: str, module: nn.Module, item: Any) -> Any:
        """All other hooks of an exposed module have seen its arguments, or its output."""


@contextmanager
def hooked(model: nn.Module, recorder: Recorder, listener: ModuleListener) -> Iterator[None]:
    """Tell the recorder and a listener which module runs.

    All hooks are removed at the end, after an error too. Scripted modules take no hooks; what they
    run is recorded all the same.
    """
    with ExitStack() as undo:
        thread = threading.get_ident()
        handles: list[RemovableHandle] = []
        undo.callback(_remove, handles)
        undo.enter_context(functions_hooked(recorder))
        for path, module in model.named_modules():
            if isinstance(module, torch.jit.ScriptModule):
                continue
            handles += ModuleHooks(path, recorder, listener, thread).register(module)
            if type(module) in recorder.rows:
                undo.enter_context(taken_whole(module, recorder, thread))
        yield


def in_this_thread(hook: Callable[..., Any]) -> Callable[..., Any]:
    """The hook, deaf to what other threads run: they may run the same model."""
    thread = threading.get_ident()

    @wraps(hook)
    def heard(*args: Any, **kwargs: Any) -> Any:
        return hook(*args, **kwargs) if threading.get_ident() == thread else None

    return heard


@contextmanager
def layer_outputs(
    layers: Mapping[str, nn.Module], take: Callable[[str, Any], object], *, prepend: bool = False
) -> Iterator[None]:
    """Give ``take`` each layer's path and output when it has run in this thread.

    Args:
        layers: modules by path.
        take: is called before the model can change the output in place.
        prepend: whether it is called before the hooks that the modules have.
    """

    def taking(path: str) -> Callable[..., None]:
        def after(module: nn.Module, arguments: Any, output: Any) -> None:
            take(path, output)

        return after

    with ExitStack() as undo:
        for path, module in layers.items():
            hook = in_this_thread(taking(path))
            undo.enter_context(module.register_forward_hook(hook, prepend=prepend))
        yield


def _remove(handles: list[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()


@dataclass(frozen=True)
class ModuleHooks:
    """The hooks on one module; they act only in the thread that is recording."""

    path: str
    recorder: Recorder
    listener: ModuleListener
    thread: int

    def register(self, module: nn.Module) -> list[RemovableHandle]:
        """Hook the module first and, if others are shown something to be restored, last."""
        handles = [
            module.register_forward_pre_hook(self.before, prepend=True),
            module.register_forward_hook(self.after, prepend=True),
        ]
        if module in self.listener.exposed:
            handles.append(module.register_forward_pre_hook(self.last_before))
            handles.append(module.register_forward_hook(self.last_after))
        return handles

    def before(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        """The module is about to run."""
        if threading.get_ident() != self.thread:
            return None
        refuse_train_mode(self.path, module)
        self.recorder.path.append(self.path)
        return self.listener.entered(self.path, module, args)

    def after(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        """The module has run."""
        if threading.get_ident() != self.thread:
            return None
        self.recorder.path.pop()
        return self.listener.left(self.path, module, output)

    def last_before(self, module: nn.Module, args: tuple[Any, ...]) -> Any:
        """All other hooks have seen the module's input."""
        return self.last_after(module, args, args)

    def last_after(self, module: nn.Module, args: tuple[Any, ...], item: Any) -> Any:
        """All other hooks have seen the module's output."""
        if threading.get_ident() != self.thread:
            return None
        return self.listener.restored(self.path, module, item)


def refuse_train_mode(path: str, module: nn.Module) -> None:
    """Raise for a batch norm that would use the batch's own statistics, or a norm that learns."""
    if not isinstance(module, _NormBase):
        return
    has_statistics = module.running_mean is not None
    if not isinstance(module, _BatchNorm):
        if module.training and has_statistics:
            raise TrainModeError(
                f"The instance norm {path!r} runs in train mode: it would change its running "
                "statistics. Call model.eval() first."
            )
        return
    if has_statistics and not module.training:
        return
    mixes = "it mixes the images of the batch, so that no image has a projection of its own"
    if module.training:
        raise TrainModeError(
            f"The batch norm {path!r} runs in train mode: {mixes}. Call model.eval() first."
        )
    raise TrainModeError(
        f"The batch norm {path!r} has no running statistics: {mixes}. Build it with "
        "track_running_stats=True, and train it or load its statistics."
    )


class TakenWhole:
    """Stands in for a module's ``forward`` while some thread records it as one operation."""

    def __init__(self, module: nn.Module) -> None:
        """Stand in for the ``forward`` of ``module``."""
        self.module, self.forward = module, module.forward
        self.own = vars(module).get("forward")
        self.recorders: dict[int, Recorder] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the module; a thread that records it does so through its recorder."""
        run = partial(self.forward, *args, **kwargs)
        recorder = self.recorders.get(threading.get_ident())
        return recorder.take_whole(self.module, args, kwargs, run) if recorder else run()

    def remove(self) -> None:
        """Give the module its own ``forward`` back."""
        if self.own is None:
            del self.module.forward
        else:
            self.module.forward = self.own


_TAKING = threading.Lock()


@contextmanager
def taken_whole(module: nn.Module, recorder: Recorder, thread: int) -> Iterator[None]:
    """Record every call of ``module`` by this thread as one operation."""
    with _TAKING:
        present = vars(module).get("forward")
        taken = present if isinstance(present, TakenWhole) else TakenWhole(module)
        taken.recorders[thread] = recorder
        module.forward = taken
    try:
        yield
    finally:
        with _TAKING:
            del taken.recorders[thread]
            if not taken.recorders:
                taken.remove()
