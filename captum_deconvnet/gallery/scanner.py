"""Running a scan: batch after batch, alone or under torchrun, saved as it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.engine.consistency import (
    check_batch_independence,
    check_determinism,
    decides,
    drew_since,
    generator_states,
)
from captum_deconvnet.errors import ScanError
from captum_deconvnet.gallery.identity import check_images, with_contents
from captum_deconvnet.gallery.image_batches import Batch, Name, batches
from captum_deconvnet.gallery.layer_scan import LayerScan, scanned
from captum_deconvnet.gallery.shared_work import SharedWork, under_torchrun
from captum_deconvnet.gallery.top_activations import TopActivations, empty_scan

Numbers = tuple[int, ...]


@dataclass(frozen=True)
class Scanner:
    """What to look at, and what to keep of it; see ``top_activations``."""

    model: nn.Module
    layers: tuple[str, ...]
    dataset: Any
    k: int
    one_per_image: bool
    name: Name
    workers: int
    show_progress: bool
    further: tuple[Any, ...] = ()

    def run(
        self, chunks: Sequence[Numbers], start: TopActivations, file: ScanFile | None
    ) -> TopActivations:
        """Look at the images of all chunks that are not yet done."""
        shared = under_torchrun(start.identity)
        if shared is not None:
            return self._share(shared, chunks, start, file)
        before = self._before(file, start) if file else start
        found = self.look(before, pending(chunks, before), file)
        if file is not None and found.tops:
            found.save(file.path)
        return found

    def _share(
        self,
        shared: SharedWork,
        chunks: Sequence[Numbers],
        start: TopActivations,
        file: ScanFile | None,
    ) -> TopActivations:
        """Look at the chunks that no other process takes; in the end all are put together."""
        if file is None:
            raise ScanError("Under torchrun, give out=FILE on a disk that all processes see.")
        if shared.is_leader:
            self._before(file, start).save(file.path)
            shared.announce("gathered")
        shared.wait_for("gathered")
        mine = file.of_process(shared.rank)
        left = pending(chunks, TopActivations.load(file.path))
        empty = empty_scan(len(start.done), start.identity)
        self.look(empty, shared.take(left), mine).save(mine.path)
        shared.wait_for_all("looked")
        if shared.is_leader:
            self.named(file.gathered(start)).save(file.path)
            shared.announce("merged")
        shared.wait_for("merged")
        return TopActivations.load(file.path)

    def _before(self, file: ScanFile, start: TopActivations) -> TopActivations:
        """What was saved so far, if it is of these images."""
        saved = file.gathered(start)
        try:
            check_images(saved, self.dataset, self.name, self.workers)
        except ScanError as error:
            raise ScanError(f"{file.path} {error}") from None
        return saved

    def look(
        self, start: TopActivations, chunks: Iterable[Numbers], file: ScanFile | None
    ) -> TopActivations:
        """Run the images of some chunks, and add what is found to ``start``."""
        scan = LayerScan(start.tops, self.k, one_per_image=self.one_per_image, name=self.name)
        saver = file.saver(self.named) if file else None
        found = start
        total, done = len(start.done), int(start.done.sum())
        silent = None if self.show_progress else True
        bar = tqdm(desc="scanning", unit="image", total=total, initial=done, disable=silent)
        with bar, torch.no_grad(), scanned(self.model, self.layers, scan):
            for batch in batches(self.dataset, chunks, self.workers):
                self._forward(batch, scan)
                found = self._after(found, batch, scan)
                bar.update(len(batch.asked))
                if saver is not None:
                    saver(found)
        return self.named(found)

    def _forward(self, batch: Batch, scan: LayerScan) -> None:
        if batch.inputs is None:
            return
        inputs = batch.inputs.to(next(self.model.parameters(), batch.inputs))
        if scan.is_checked:
            with scan.batch(self.layers, batch.images):
                self.model(inputs, *self.further)
            return
        before = generator_states()
        with scan.batch(self.layers, batch.images), scan.operations:
            self.model(inputs, *self.further)
        drew, decided = drew_since(before), decides(scan.operations.seen)
        self._check(inputs, batch.images, scan, drew=drew, decided=decided)
        scan.is_checked = True

    def _check(
        self,
        inputs: Tensor,
        images: Sequence[int],
        scan: LayerScan,
        *,
        drew: bool,
        decided: bool,
    ) -> None:
        """Warn of chance, and raise if what the first image gives depends on the others."""
        together = scan.first(self.layers)

        def run(given: Tensor) -> list[Tensor]:
            with scan.means_only(images[: len(given)]):
                self.model(given, *self.further)
            return scan.first(self.layers)

        if drew:
            check_determinism(together, lambda: run(inputs))
        elif decided and len(inputs) > 1:
            check_batch_independence(
                type(self.model).__name__,
                together,
                run(inputs[:1]),
                lambda: run(inputs[:1]),
                lambda: run(inputs[:1].repeat_interleave(len(inputs), 0)),
                "give batch_size=1",
            )

    def _after(self, found: TopActivations, batch: Batch, scan: LayerScan) -> TopActivations:
        done = found.done.clone()
        done[list(batch.asked)] = True
        tops = {path: scan.tops[path] for path in self.layers if path in scan.tops}
        contents, stamps = with_contents(found, batch, self.name)
        skipped = {**found.skipped, **batch.skipped}
        return replace(
            found, tops=tops, done=done, contents=contents, stamps=stamps, skipped=skipped
        )

    def named(self, scan: TopActivations) -> TopActivations:
        """The scan with the names of the images that it mentions."""
        return scan.named(self.name)


def pending(chunks: Sequence[Numbers], scan: TopActivations) -> list[Numbers]:
    """The chunks with images that were not looked at, less those that were."""
    done = scan.done.tolist()
    left = (tuple(number for number in chunk if not done[number]) for chunk in chunks)
    return [chunk for chunk in left if chunk]


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

    def of_process(self, rank: int) -> ScanFile:
        """The file of one process's part."""
        return ScanFile(
            self.path.with_name(f"{self.path.stem}.part-{rank}.safetensors"), self.every
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
