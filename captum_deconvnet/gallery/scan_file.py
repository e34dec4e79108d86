"""The file of a scan: saved as it goes, gone on with after a stop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from captum_deconvnet.errors import ScanError
from captum_deconvnet.gallery.top_activations import TopActivations


@dataclass(frozen=True)
class ScanFile:
    """Where a scan is kept, and the parts of it that processes of ``torchrun`` have left there.

    Args:
        path: of the safetensors file.
        every: seconds between two savings.
    """

    path: Path
    every: float

    def __post_init__(self) -> None:
        """Refuse a name that is not of a safetensors file."""
        if self.path.suffix != ".safetensors":
            raise ScanError(f"A scan is saved as .safetensors; given {self.path}.")

    def gathered(self, start: TopActivations) -> TopActivations:
        """What was saved so far, parts included; ``start`` if there is nothing.

        Raises:
            ScanError: if it is a scan of something else than ``start``.
        """
        found = self._read(self.path, start) if self.path.exists() else start
        for path in sorted(self.path.parent.glob(f"{self.path.stem}.part-*.safetensors")):
            part = self._read(path, start)
            if not bool(found.done[part.done].all()):  # else it was merged and not yet removed
                found = found.merged(part)
                found.save(self.path)
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)
        return found

    def part(self, number: int) -> ScanFile:
        """The file of one process's part."""
        return ScanFile(
            self.path.with_name(f"{self.path.stem}.part-{number}.safetensors"), self.every
        )

    def saver(self, named: Callable[[TopActivations], TopActivations]) -> Saver:
        """What saves a scan here now and then."""
        return Saver(self, named, time.monotonic())

    def _read(self, path: Path, start: TopActivations) -> TopActivations:
        found = TopActivations.load(path)
        if found.identity != start.identity:
            raise ScanError(
                f"{path} is a scan of another model, other weights, layers, images or options: "
                "remove it, or save this scan elsewhere."
            )
        return found


@dataclass
class Saver:
    """Saves a scan when the time has come."""

    file: ScanFile
    named: Callable[[TopActivations], TopActivations]
    last: float

    def __call__(self, scan: TopActivations) -> None:
        """The scan has come this far."""
        if time.monotonic() - self.last >= self.file.every:
            self.named(scan).save(self.file.path)
            self.last = time.monotonic()
