"""Pixel flipping and parameter randomisation, ours and Quantus', at one setting.

Both sides are given the same maps of one channel and the same explainer, and run in turns in one
process. Run it as ``python -m captum_deconvnet_benchmarks.costs.metrics``; with ``--write`` the
result goes to ``benchmarks/results/metric_speed.json`` and the table into ``docs/benchmark.md``.
"""

from __future__ import annotations

import importlib
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor, nn

from captum_deconvnet_benchmarks.costs.tables import markdown, write_between, write_rows
from captum_deconvnet_benchmarks.crosscheck.quantus_metrics import quietly
from captum_deconvnet_benchmarks.measuring import SEED, random_network, seconds
from captum_deconvnet_benchmarks.metrics.deletion import DeletionInsertionBenchmark
from captum_deconvnet_benchmarks.metrics.randomisation import RandomisationBenchmark
from captum_deconvnet_benchmarks.protocol.explainer import BoundExplainer, Explainer, Subject
from captum_deconvnet_benchmarks.protocol.reproducibility import provenance
from captum_deconvnet_benchmarks.selftest.subjects import gradient

SIDE = 224
RESULTS, PAGE = Path("benchmarks/results/metric_speed.json"), Path("docs/benchmark.md")
Calls = dict[str, Callable[[], object]]


@click.command()
@click.option("--images", default=16, show_default=True)
@click.option("--steps", default=16, show_default=True, help="Of pixel flipping, in pixels.")
@click.option("--rounds", default=3, show_default=True, help="Interleaved timings.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--write", is_flag=True, help=f"Write {RESULTS} and the table in {PAGE}.")
def main(*, images: int, steps: int, rounds: int, device: str, write: bool) -> None:
    r"""Time metrics on resnet18 at 224 pixels.

    \b
    Example:
      python -m captum_deconvnet_benchmarks.costs.metrics --rounds 3 --write
    """
    if SIDE**2 % steps:
        raise click.BadParameter(f"Quantus needs a number of steps that divides {SIDE**2}.")
    setting = Setting(images, torch.device(device))
    rows = [
        _row("pixel flipping", f"{steps} steps of pixels", setting.pixel_flipping(steps), rounds),
        _row("parameter randomisation", "every layer, Spearman", setting.randomisation(), rounds),
    ]
    click.echo(markdown(rows))
    if write:
        _save(rows, device)


class Setting:
    """One net, its images and their maps."""

    def __init__(self, images: int, device: torch.device) -> None:
        """Make them from the seed."""
        self.device = device
        self.model = random_network("resnet18").to(device)
        self.images = torch.rand(images, 3, SIDE, SIDE).to(device)
        self.target = (torch.arange(images) % 1000).to(device)
        explainer = Explainer("gradient", lambda subject, x, y, seeds: _maps(subject.model, x, y))
        self.explainer = BoundExplainer(explainer, Subject("resnet18", self.model))
        self.maps = _maps(self.model, self.images, self.target)

    def pixel_flipping(self, steps: int) -> Calls:
        """Deletion alone, logits, zeros; Quantus counts each channel of a pixel as a feature."""
        ours = DeletionInsertionBenchmark(self.model, steps=steps, insertion=None, output="logit")
        theirs = importlib.import_module("quantus").PixelFlipping(
            features_in_step=SIDE**2 // steps,
            perturb_baseline=0.0,
            abs=False,
            normalise=False,
            disable_warnings=True,
        )
        return {"ours": lambda: self._ours(ours), "Quantus": lambda: self._theirs(theirs)}

    def randomisation(self) -> Calls:
        """Every layer top-down, norms included, Spearman of absolute maps."""
        ours = RandomisationBenchmark(
            self.model, stages=None, norms="reset", similarities=["absolute_spearman"]
        )
        theirs = importlib.import_module("quantus").MPRT(normalise=False, disable_warnings=True)

        def explain(model: Any, inputs: Any, targets: Any, **_: Any) -> Any:
            images = torch.as_tensor(inputs, device=self.device)
            return _maps(model, images, torch.as_tensor(targets, device=self.device)).cpu().numpy()

        return {
            "ours": lambda: self._ours(ours),
            "Quantus": lambda: self._theirs(theirs, explain_func=explain),
        }

    def _ours(self, benchmark: Any) -> None:
        scores = benchmark.evaluate(
            self.explainer, self.images, self.target, attributions=self.maps
        )
        [values.cpu() for values in scores.values.values()]

    def _theirs(self, metric: Any, **more: Any) -> None:
        with quietly(), torch.random.fork_rng():
            metric(
                model=self.model,
                x_batch=self.images.cpu().numpy(),
                y_batch=self.target.cpu().numpy(),
                a_batch=self.maps.cpu().numpy(),
                device=str(self.device),
                softmax=False,
                **more,
            )


def _maps(model: nn.Module, images: Tensor, target: Tensor) -> Tensor:
    """Gradients, absolute values summed over channels: (N, 1, H, W)."""
    return gradient(model, images, target).abs().sum(1, keepdim=True)


def _row(metric: str, setting: str, calls: Calls, rounds: int) -> dict[str, object]:
    times = [{name: seconds(call) for name, call in calls.items()} for _ in range(rounds)]
    ours, theirs = (statistics.median(each[name] for each in times) for name in calls)
    ratio = statistics.median(each["Quantus"] / each["ours"] for each in times)
    return {
        "metric": metric,
        "setting": setting,
        "ours": f"{ours:.2f} s",
        "Quantus": f"{theirs:.2f} s",
        "Quantus / ours": f"{ratio:.2f}",
    }


def _save(rows: list[dict[str, object]], device: str) -> None:
    facts = {**provenance(SEED), "device": device}
    write_rows(RESULTS, facts, rows)
    caption = (
        f"\nMeasured on {facts['machine']}, device {device}, torch {facts['torch']}, commit "
        f"{facts['commit']}, {facts['date']}, by "
        "`python -m captum_deconvnet_benchmarks.costs.metrics --write`.\n"
    )
    write_between(PAGE, "metric speed table", markdown(rows) + caption)


if __name__ == "__main__":
    main()
