"""The floors: imports run downwards, and files and functions stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from inspect import isclass, ismodule, isroutine
from pathlib import Path

import pytest

import captum_deconvnet as cdn

ROOT = Path(__file__).parents[1]
FOLDERS = {"captum_deconvnet": "", "captum_deconvnet_benchmarks": "benchmarks"}
PLUGINS = {path.parent.name: "plugins" for path in ROOT.glob("plugins/*/__init__.py")}

FLOORS = (
    "errors files short_repr lazy_names renamed torch_modes",
    "registry",
    "engine.tape",
    "engine.aliases",
    "engine.output engine.rules",
    "engine.formulas",
    "engine.recorder",
    "engine.windows",
    "engine",
    "pictures",
    "cli",
    "attribution",
    "targets",
    "projections",
    "occlusion",
    "invariance",
    "gallery",
)
"""The rooms of the core from the bottom to the top; a longer name goes before a shorter one."""

LINES_OF_A_MODULE = 250
LINES_OF_A_FUNCTION = 30


@cache
def modules() -> dict[str, Path]:
    """Every module of the core, the plugins and the benchmarks, by dotted name."""
    found = {}
    for package, folder in {**FOLDERS, **PLUGINS}.items():
        base = ROOT / folder
        for path in sorted((base / package).rglob("*.py")):
            names = path.relative_to(base).with_suffix("").parts
            found[".".join(names).removesuffix(".__init__")] = path
    return found


@cache
def tree(name: str) -> ast.Module:
    """The module as a tree."""
    return ast.parse(modules()[name].read_text())


@cache
def imported(name: str) -> frozenset[str]:
    """The modules of ours that a module imports, wherever in it, TYPE_CHECKING included."""
    found = set()
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in modules() else node.module)
    return frozenset(found & modules().keys() - {name})


def floor(name: str) -> tuple[int, str] | None:
    """The number and the room of a module of the core; ``None`` for the package itself."""
    rooms = [(number, room) for number, rooms in enumerate(FLOORS) for room in rooms.split()]
    for number, room in sorted(rooms, key=lambda item: -len(item[1])):
        if f"{name}.".startswith(f"captum_deconvnet.{room}."):
            return number, room
    return None


def functions(name: str) -> Iterator[tuple[str, int]]:
    """Every function of a module, with its lines without the docstring."""
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            first = body[0].lineno if body else node.lineno
            yield node.name, (node.end_lineno or first) - first + 1


def test_no_module_imports_itself_by_way_of_others():
    list(TopologicalSorter({name: imported(name) for name in modules()}).static_order())


def test_every_room_of_the_core_has_a_floor():
    core = {name for name in modules() if name.startswith("captum_deconvnet.")}
    assert not [name for name in sorted(core) if floor(name) is None]


def test_a_module_imports_from_its_own_floor_or_below():
    upwards = [
        f"{name} imports {other}"
        for name in modules()
        for other in imported(name)
        if (here := floor(name)) and (there := floor(other)) and there[0] > here[0]
    ]
    assert not sorted(upwards)


def test_rooms_of_one_floor_do_not_import_each_other_in_turn():
    pairs = {
        (here[1], there[1])
        for name in modules()
        for other in imported(name)
        if (here := floor(name)) and (there := floor(other)) and here[0] == there[0]
    }
    assert not [pair for pair in sorted(pairs) if pair[0] != pair[1] and pair[::-1] in pairs]


def test_the_core_imports_no_plugin_and_no_benchmark():
    core = [name for name in modules() if name.split(".")[0] == "captum_deconvnet"]
    outside = {other for name in core for other in imported(name)} - {*core}
    assert not outside


def test_no_module_is_too_long():
    lengths = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    assert not {name: count for name, count in lengths.items() if count > LINES_OF_A_MODULE}


def test_no_function_is_too_long():
    long = {
        f"{name}.{function}"
        for name in modules()
        for function, count in functions(name)
        if count > LINES_OF_A_FUNCTION
    }
    assert not long


@pytest.mark.parametrize("module", [cdn, cdn.registry, cdn.rules], ids=lambda one: one.__name__)
def test_every_public_name_has_a_docstring(module):
    public = {name: getattr(module, name) for name in module.__all__}
    documented = {
        name: one for name, one in public.items() if isroutine(one) or isclass(one) or ismodule(one)
    }
    assert not [name for name, one in documented.items() if not (one.__doc__ or "").strip()]
