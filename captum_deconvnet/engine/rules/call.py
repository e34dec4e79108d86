"""One operation as the model called it: what a rule gets to look at, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from captum_deconvnet.engine.aliases.storages import Storages
from captum_deconvnet.engine.rules.family import Family
from captum_deconvnet.engine.tape.adjoint import Adjoint, Custom, Kept, Typed
from captum_deconvnet.engine.tape.reach import whole
from captum_deconvnet.engine.tape.tape import GateStrength, Inherited, Value

Answer = Adjoint | Callable[[Tensor], Any] | Sequence[Adjoint] | None
Rule = Callable[["Call"], Answer]


class Call:
    """One operation, about to run.

    A rule reads the arguments, keeps what the reverse needs, and returns the adjoint. The
    operation runs when ``output`` is first read, so that a rule sees the arguments of an in-place
    operation as they were before, if it looks before it reads the output.

    Attributes:
        function: the operation: an aten operation, a torch function or a module.
        args: its positional arguments.
        kwargs: its keyword arguments.
        given: every tensor among the arguments.
        inputs: the activations among the arguments through which the signal flows back; the
            adjoint returns one signal for each of them.
        sources: what is recorded of every argument that depends on the input.
        family: how rectifiers pass the signal.
        kind: what the receipt will say; a rule may change it.
        rule: the rule's name in the receipt; a rule may change it.
        gate: how surely the output only scales others, as in the table; a rule may change it.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        storages: Storages,
        family: Family,
        run: Callable[[], Any],
    ) -> None:
        """Describe a call; nothing runs yet."""
        self.function, self.args, self.kwargs = function, args, kwargs
        self.family, self.kind, self.rule = family, "", ""
        self.gate: GateStrength | Inherited = GateStrength.NONE
        self._storages, self._run = storages, run
        self._output: tuple[Any] | None = None
        self._signature: dict[str, tuple[int, Any]] | None = None
        self.given = given = tensors(args, kwargs)
        self._values = {id(tensor): storages.read(tensor) for tensor in given if is_strided(tensor)}
        self.sources = [value for tensor in given if (value := self.value(tensor))]
        self.inputs = [tensor for tensor in given if self.flows(tensor)]

    @property
    def output(self) -> Any:
        """What the operation returned; running it the first time this is read."""
        if self._output is None:
            self._output = (self._run(),)
        return self._output[0]

    @property
    def first_output(self) -> Tensor:
        """The output, or the first of several."""
        output: Tensor = self.output if isinstance(self.output, Tensor) else self.output[0]
        return output

    @property
    def functional(self) -> Callable[..., Any]:
        """The operation as a function that changes none of its arguments."""
        function = self.function
        if not (isinstance(function, OpOverload) and function._schema.is_mutable):
            return function
        return lambda changed, *args, **kwargs: function(changed.clone(), *args, **kwargs)

    def argument(self, name: str, otherwise: Any = None) -> Any:
        """One argument of an aten operation: as given, or its default, or ``otherwise``."""
        if self._signature is None:
            assert isinstance(self.function, OpOverload)
            self._signature = signature(self.function)
        place, default = self._signature.get(name, (len(self.args), otherwise))
        given = self.args[place] if place < len(self.args) else default
        return self.kwargs.get(name, given)

    def value(self, item: Any) -> Value | None:
        """What is recorded of one argument; ``None`` if it does not depend on the input."""
        return self._values.get(id(item))

    def flows(self, item: Any) -> bool:
        """Whether the signal can flow back through one argument."""
        value = self.value(item)
        return value is not None and value.flows

    def keep(self, tensor: Tensor) -> Kept:
        """Hold on to an argument as it is now, whatever the model does to it later."""
        return self._storages.keep(tensor) if is_strided(tensor) else Kept(tensor)

    def freeze(self, *constants: Any) -> None:
        """Treat activations among the arguments as recorded constants: nothing flows through."""
        frozen = {id(constant) for constant in constants}
        self.inputs = [tensor for tensor in self.inputs if id(tensor) not in frozen]


@lru_cache(maxsize=4096)
def base_name(func: OpOverload) -> str:
    """The operation without its namespace, overload and in-place mark: ``relu``."""
    name = func._schema.name.split("::")[1]
    return name[:-1] if name.endswith("_") and func._schema.is_mutable else name


def operation_name(function: Any) -> str:
    """What the receipt calls an operation."""
    if isinstance(function, OpOverload):
        name = base_name(function)
        return name if function.namespace == "aten" else f"{function.namespace}::{name}"
    return type(function).__name__ if isinstance(function, nn.Module) else function.__name__


def written_tensors(
    func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[Tensor, ...]:
    """The arguments that the operation changes in place."""
    names = _written_names(func)
    if not names:
        return ()
    given = [args[place] for place, _ in names if place < len(args)]
    given += [kwargs[name] for _, name in names if name in kwargs]
    return tuple(tensors(given))


@lru_cache(maxsize=4096)
def _written_names(func: OpOverload) -> tuple[tuple[int, str], ...]:
    return tuple(
        (place, argument.name)
        for place, argument in enumerate(func._schema.arguments)
        if argument.alias_info is not None and argument.alias_info.is_write
    )


@lru_cache(maxsize=4096)
def out_names(func: OpOverload) -> tuple[str, ...]:
    """The arguments an operation only writes to: ``out=``."""
    given = [argument for argument in func._schema.arguments if argument.kwarg_only]
    return tuple(one.name for one in given if one.alias_info and one.alias_info.is_write)


@lru_cache(maxsize=4096)
def signature(function: OpOverload) -> dict[str, tuple[int, Any]]:
    """Each argument of an aten operation: its place and its default."""
    arguments = enumerate(function._schema.arguments)
    return {argument.name: (place, argument.default_value) for place, argument in arguments}


def tensors(*items: Any) -> list[Tensor]:
    """Every tensor in a nest of arguments, in order."""
    found: list[Tensor] = []
    for item in items:
        kind = type(item)
        if kind in _WITHOUT_TENSORS:  # asking a tensor's metaclass would be slow
            continue
        if issubclass(kind, Tensor):
            found.append(item)
        elif issubclass(kind, (list, tuple)):
            if not _NUMBERS.issuperset(map(type, item)):
                found += tensors(*item)
        elif issubclass(kind, dict):
            found += tensors(*item.values())
    return found


_NUMBERS = {int, float, bool}
_WITHOUT_TENSORS = {*_NUMBERS, str, type(None)}


def per_axis(numbers: int | Sequence[int], count: int) -> tuple[int, ...]:
    """An argument that torch takes as one number or as one an axis, as one an axis."""
    given = (numbers,) if isinstance(numbers, int) else tuple(numbers)
    return given * (count if len(given) == 1 else 1)


def is_strided(tensor: Tensor) -> bool:
    """Whether a tensor is a plain block of memory: not sparse, not in another library's layout."""
    return tensor.layout is torch.strided


def is_signal(tensor: Tensor) -> bool:
    """Whether a tensor can carry a signal: integers and booleans cannot."""
    return tensor.dtype.is_floating_point or tensor.dtype.is_complex


def typed(adjoint: Adjoint, call: Call, output: Tensor) -> Adjoint:
    """An adjoint that gives each input's signal in that input's type."""
    dtypes = [tensor.dtype for tensor in call.inputs]
    if all(dtype is output.dtype for dtype in dtypes):
        return adjoint
    return Typed(adjoint.reaches, adjoint, tuple(dtypes))


def as_adjoints(answer: Answer, call: Call) -> list[Adjoint]:
    """A rule's answer as one adjoint an output."""
    if answer is None:
        return []
    if isinstance(answer, Adjoint):
        return [answer]
    if callable(answer):
        return [Custom(tuple(whole(tensor.dim()) for tensor in call.inputs), answer)]
    return list(answer)
