"""The names of a net's classes, as users have them: lines of text, a JSON list or dictionary."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from captum_deconvnet.errors import ModelError

Classes: TypeAlias = "str | Path | Sequence[str] | Mapping[Any, Any]"

LABELS = "id2label"
"""Where a configuration of transformers keeps its dictionary."""


def class_names(given: Classes) -> tuple[str, ...]:
    """The names in the order of the logits.

    Args:
        given: names in order; a dictionary, number to name or name to number; or a file with one
            name a line, or with such a list or dictionary in JSON. What stands for a class may be
            a list, as in ImageNet's index: its last entry is the name.

    Raises:
        ModelError: there are no names, or not one for each number from 0 on.
        OSError: the file cannot be opened.

    Example:
        >>> class_names({"cat": 1, "dog": 0})
        ('dog', 'cat')
    """
    content, owner = (_read(Path(given)), given) if isinstance(given, str | Path) else (given, "")
    what = f"The class file {owner}" if owner else "classes"
    if isinstance(content, Mapping):
        content = _in_order(content.get(LABELS, content), what)
    if not isinstance(content, Sequence) or isinstance(content, str | bytes) or not content:
        raise ModelError(f"{what} holds no names; one a line, or a JSON list, was expected.")
    return tuple(map(_name, content))


def _read(path: Path) -> Any:
    """A file's lines, or what its JSON holds."""
    try:
        text = path.expanduser().read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json" or text.lstrip()[:1] in ("[", "{"):
            return json.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"The class file {path} cannot be read: {error}.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _in_order(names: Any, what: str) -> list[Any]:
    """The names of a dictionary by number, whichever way round it is."""
    if not isinstance(names, Mapping):
        return []
    turned = all(isinstance(value, int) for value in names.values())
    pairs = [(value, key) if turned else (key, value) for key, value in names.items()]
    try:
        numbered = {int(number): name for number, name in pairs}
    except (TypeError, ValueError) as error:
        raise ModelError(f"{what} has {pairs[0][0]!r} where a class number belongs.") from error
    if sorted(numbered) != list(range(len(pairs))):
        raise ModelError(
            f"{what} names {len(pairs)} classes, which are not numbered 0 to {len(pairs) - 1}."
        )
    return [numbered[number] for number in range(len(pairs))]


def _name(entry: Any) -> str:
    return str(entry[-1]) if isinstance(entry, list | tuple) and entry else str(entry)
