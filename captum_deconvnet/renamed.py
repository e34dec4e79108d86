"""Arguments that have a new name: the old one is refused, and the error says the new one."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from captum_deconvnet.errors import RenamedArgumentError

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


def renamed(
    **names: str,
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """A decorator that refuses old keywords of a function.

    Args:
        names: the new name of each old keyword.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        @wraps(function)
        def checked(*args: Parameters.args, **keywords: Parameters.kwargs) -> Result:
            for old in names.keys() & keywords.keys():
                raise RenamedArgumentError(
                    f"{function.__qualname__} has no argument {old!r}: it is {names[old]!r} now."
                )
            return function(*args, **keywords)

        return checked

    return decorate
