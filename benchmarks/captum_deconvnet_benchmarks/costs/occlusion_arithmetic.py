"""How much less arithmetic an occlusion map takes than running the model for every window.

Counted, not timed: the program runs on shapes alone, so that the machine does not matter. Run it as
``python -m captum_deconvnet_benchmarks.costs.occlusion_arithmetic``; with ``--write`` the table
goes into ``docs/occlusion.md``.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import click
import torch
import torchvision
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from captum_deconvnet.occlusion.incremental.interpreter import run_windows
from captum_deconvnet.occlusion.incremental.optimisation import optimised
from captum_deconvnet.occlusion.incremental.program import Program
from captum_deconvnet.occlusion.incremental.trace import program_of
from captum_deconvnet.occlusion.incremental.traced_passes import trace
from captum_deconvnet.occlusion.incremental.window_batch import WindowBatch
from captum_deconvnet.occlusion.occluder import Occluder
from captum_deconvnet.occlusion.whole_model import PICTURES
from captum_deconvnet.occlusion.window_grid import Grid
from captum_deconvnet_benchmarks.costs.occlusion import CASES, SIDE
from captum_deconvnet_benchmarks.costs.tables import markdown, write_between


class CleanShapes(dict[int, Tensor]):
    """The clean values of a program, made when asked for; they have shapes and no numbers."""

    def __init__(self, program: Program) -> None:
        """Of ``program``."""
        super().__init__()
        self.program = program

    def __missing__(self, index: int) -> Tensor:
        """The value of that number."""
        value = torch.zeros(self.program.shapes[index], device="meta")
        layout = torch.channels_last if value.dim() == 4 else torch.contiguous_format
        self[index] = value.contiguous(memory_format=layout)
        return self[index]


@click.command()
@click.option("--write", is_flag=True, help="Write the table in docs/occlusion.md.")
def main(write: bool) -> None:
    r"""Count the arithmetic of occlusion maps.

    \b
    Example:
      python -m captum_deconvnet_benchmarks.costs.occlusion_arithmetic
    """
    warnings.filterwarnings("ignore", category=UserWarning)
    cases = {case: ratio(*case) for case in CASES}
    rows = [
        {"model": name, "window, stride": f"{window}, {stride}", "less arithmetic": f"{less:.2f}x"}
        for (name, window, stride), less in cases.items()
    ]
    click.echo(markdown(rows))
    if write:
        write_between(Path("docs/occlusion.md"), "arithmetic table", markdown(rows))


@torch.no_grad()
def ratio(name: str, window: int, stride: int) -> float:
    """Multiplications of one pass a window, as a multiple of ours, the clean pass included."""
    with torch.device("meta"):
        settings = {"init_weights": False} if name == "inception_v3" else {}
        model = torchvision.models.get_model(name, weights=None, **settings).eval()
    image = torch.zeros(1, 3, SIDE, SIDE, device="meta")
    one, two = (trace(model, [image.repeat(n, 1, 1, 1)], modules={}) for n in (1, 2))
    program = optimised(program_of(one, two))
    grid = Grid(0, (3, SIDE, SIDE), (3, window, window), (3, stride, stride))
    occluder = Occluder([image], [0.0])
    with FlopCounterMode(display=False) as whole:
        model(image)
    with FlopCounterMode(display=False) as ours:
        model(image)
        for tile in grid.tiles(PICTURES):
            covered = {program.inputs[0]: occluder.covered_boxes(tile)}
            run_windows(WindowBatch(program, CleanShapes(program), len(tile), covered))
    less: float = whole.get_total_flops() * (len(grid) + 1) / ours.get_total_flops()
    return less


if __name__ == "__main__":
    main()
