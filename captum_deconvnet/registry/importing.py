"""An object by its import path: ``package.module:name`` or ``path/to/file.py:name``."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from captum_deconvnet.errors import ModelError, unknown_name

FILE = re.compile(r"(?P<place>.+\.py):(?P<name>[^:/\\]*)")
MODULE = re.compile(r"(?P<place>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^:/\\]*)")
FORMS = "file.py:function or package.module:function"

Result = TypeVar("Result")


@dataclass(frozen=True)
class ImportPath:
    """Where an object of the user's own is.

    Args:
        place: a Python file, or the name of a module.
        name: the object's name in it, with dots for what is inside a class.
    """

    place: str
    name: str

    def __str__(self) -> str:
        """As the user wrote it."""
        return f"{self.place}:{self.name}"

    @property
    def is_file(self) -> bool:
        """Whether the place is a file, not a module's name."""
        return self.place.endswith(".py")

    def module(self) -> ModuleType:
        """The module, imported; a file is run anew at each call.

        The file's folder, or the current one for a module, can be imported from meanwhile, and
        comes last in ``sys.path`` afterwards, for what is imported late and in other processes.

        Raises:
            ModelError: there is no such file or module, or it cannot be imported; says why.
        """
        if not self.is_file:
            with _importable(Path.cwd()):
                return guarded(lambda: importlib.import_module(self.place), f"import {self.place}")
        path = Path(self.place).expanduser()
        if not path.is_file():
            raise ModelError(f"There is no file {path}, which was to be imported from.")
        root, dotted = _package(path.resolve())
        with _importable(root):
            return guarded(lambda: _run(path.resolve(), dotted), f"import {path}")

    def object(self) -> Any:
        """What the path leads to.

        Raises:
            ModelError: the module cannot be imported, or the path names nothing in it.
            UnknownNameError: the module has nothing of that name; says the nearest.
        """
        module = self.module()
        if not self.name:
            names = ", ".join(_own_names(module)[:8]) or "nothing"
            raise ModelError(f"{self.place} is no function; give {FORMS}. It has: {names}.")
        found: Any = module
        for part in self.name.split("."):
            if not hasattr(found, part):
                raise unknown_name(f"name in {self.place}", self.name, _own_names(module))
            found = getattr(found, part)
        return found


def import_path(text: str) -> ImportPath | None:
    """The import path that ``text`` is, or ``None`` if it is none.

    A file without a name (``net.py``) is one too, so that the error can list what is in it.
    """
    match = FILE.fullmatch(text) or MODULE.fullmatch(text)
    if match:
        return ImportPath(match["place"], match["name"])
    return ImportPath(text, "") if text.endswith(".py") else None


def guarded(call: Callable[[], Result], doing: str) -> Result:
    """Run code of the user's own; what it raises becomes one line, what it prints goes to stderr.

    Args:
        call: runs it.
        doing: what is being done, for the error: ``import net.py``.

    Raises:
        ModelError: it raised, or tried to end the process.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return call()
    except (Exception, SystemExit) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"Could not {doing}: {reason.rstrip('.')}{_line(error)}.") from error


def _line(error: BaseException) -> str:
    """Where it was raised, if Python knows."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = ("<frozen", importlib.__file__, __file__)
    where = [frame for frame in frames if not frame.filename.startswith(ours)][-1:]
    if isinstance(error, SyntaxError) or not where:
        return ""
    return f" ({Path(where[0].filename).name}, line {where[0].lineno})"


@contextlib.contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Imports look in ``folder`` first for a while, and last from then on."""
    entry = os.fspath(folder)
    sys.path.insert(0, entry)
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(entry)
        if entry not in sys.path:
            sys.path.append(entry)


def _package(path: Path) -> tuple[Path, str]:
    """The folder to import from, and the dotted name of a file that may lie in packages."""
    folder, parts = path.parent, [path.stem.replace(".", "_")]
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(parts)


def _run(path: Path, dotted: str) -> ModuleType:
    """The module of a file, run anew; under a name of its own if another module has the name."""
    package = dotted.rpartition(".")[0]
    if package:
        importlib.import_module(package)
    known = sys.modules.get(dotted)
    if known is not None and Path(getattr(known, "__file__", None) or "").resolve() != path:
        dotted += "_" + hashlib.blake2b(os.fsencode(path), digest_size=4).hexdigest()
    spec = importlib.util.spec_from_file_location(dotted, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[dotted] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(dotted, None)
        if known is not None:
            sys.modules[known.__name__] = known
        raise
    return module


def _own_names(module: ModuleType) -> list[str]:
    """The functions and classes that a module defines, then its other names."""
    public = [name for name in vars(module) if not name.startswith("_")]
    own = [
        name
        for name in public
        if getattr(getattr(module, name), "__module__", None) == module.__name__
    ]
    return own + [
        name
        for name in public
        if name not in own and not isinstance(getattr(module, name), ModuleType)
    ]
