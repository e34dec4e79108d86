"""Norms in train mode mix the images of a batch, or learn: they are refused while a model runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from captum_deconvnet.projection.watch import in_this_thread, refuse_train_mode


@contextmanager
def train_mode_refused(modules: Mapping[str, nn.Module]) -> Iterator[None]:
    """Refuse norms that run in train mode in this thread, naming them."""
    with ExitStack() as undo:
        for path, module in modules.items():
            if isinstance(module, _NormBase) and not isinstance(module, torch.jit.ScriptModule):
                hook = module.register_forward_pre_hook(
                    in_this_thread(lambda module, args, path=path: refuse_train_mode(path, module))
                )
                undo.enter_context(hook)
        yield
