"""A training session: data opened, processes joined, curves drawn, the last word spoken."""

from __future__ import annotations

from pathlib import Path

import click

from captum_deconvnet.cli.loading import device_of
from captum_deconvnet_zfnet.data.opening import open_data
from captum_deconvnet_zfnet.data.pictures import DataSet
from captum_deconvnet_zfnet.training.checkpoint import write_facts
from captum_deconvnet_zfnet.training.evaluation import evaluate
from captum_deconvnet_zfnet.training.log import write_curves
from captum_deconvnet_zfnet.training.plan import Plan
from captum_deconvnet_zfnet.training.run import Run
from captum_deconvnet_zfnet.training.workers import workers


def train_as_planned(
    plan: Plan,
    folder: Path,
    *,
    skip_corrupt: bool = False,
    readers: int = 0,
    device: str = "auto",
) -> None:
    """Train to the end, and write weights, log, curves and ``run.json`` into the folder.

    Args:
        plan: what to train, and how.
        folder: made if need be; a run that stopped there goes on.
        skip_corrupt: leave out images that cannot be read.
        readers: processes that read ahead.
        device: what kind to compute on; auto is cuda where there is one, else the processor.

    Raises:
        ModelError: this machine has no such device.
        DataError: the data cannot be read or learned from.
        TrainingError: the run cannot learn.
    """
    device_of(device)  # said before the data are read
    size = plan.architecture().size
    data = open_data(Path(plan.data), size, plan.classes, skip_corrupt=skip_corrupt)
    with workers(device) as team:
        run = Run(plan, data, folder, team, readers=readers, say=click.echo)
        run.go()
        if not team.first:
            return
        write_facts(folder / "run.json", {**plan.facts(), **last_word(run, data)})
        write_curves(folder / "curves.png", run.rows, len(data.categories))
        click.echo(f"wrote {folder}")


def last_word(run: Run, data: DataSet) -> dict[str, object]:
    """The classes, and the share of test images that the net gets right, if there are any."""
    facts: dict[str, object] = {"categories": list(data.categories)}
    if data.test is not None:
        net, device = run.learner.net.eval(), run.workers.device
        score = evaluate(net, data.test, run.size, device=device, workers=run.readers)
        facts |= {"test_images": score.count, "test_right": score.right}
        click.echo(f"test accuracy {1 - score.error:.2%} of {score.count} images")
    return facts
