"""``deconvnet bench run``: models x explainers x metrics x images, to one table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from captum_deconvnet.errors import SpecError

if TYPE_CHECKING:
    from captum_deconvnet_benchmarks.runs.run import Order

MISSING = 1
"""The exit code when units are missing."""


@click.command(
    epilog="""\b
Examples:
  deconvnet bench run benchmarks/first_table.yaml --out runs/first
  deconvnet bench run benchmarks/first_table.yaml --limit 10 --out runs/first
  deconvnet bench run --model zfnet/fashion_mnist --images photos/ --out runs/fashion \\
      --explainer deconvnet --explainer 'control/*' --metric 'deletion*'
  torchrun --nproc-per-node 4 -m captum_deconvnet_benchmarks.run spec.yaml --out /shared/run
"""
)
@click.argument("spec", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--model", "models", multiple=True, help="A model; NAME@random has random weights.")
@click.option("--explainer", "explainers", multiple=True, help="A name or pattern.")
@click.option("--metric", "metrics", multiple=True, help="A name or pattern.")
@click.option("--images", help="A folder, or torchvision/NAME:ROOT.")
@click.option("--target", help="The class explained: predicted, label or a number.")
@click.option("--seed", type=int, help="Of everything that is drawn.")
@click.option("--block", type=int, help="Images in a unit of work.")
@click.option("--batch", type=int, help="Images that go through together; 0 for the block.")
@click.option("--limit", type=int, help="Only so many images of each model.")
@click.option("--device", help="As torch names it: cpu, cuda.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The run's folder.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--retry", is_flag=True, help="Do again what failed before.")
def run(spec: Path | None, *, out: Path, jobs: int, retry: bool, **given: Any) -> None:
    """Score explainers on models and images, as SPEC (YAML) and the options say.

    Every unit of work is a file in the run's folder, named by what decides its numbers. A run that
    was stopped goes on where it was when the command is given again; so does one with more models,
    metrics or images. Options win over the spec. The exit code is 1 if units are missing.
    """
    from captum_deconvnet_benchmarks.runs.plan.spec import read_spec, spec_of
    from captum_deconvnet_benchmarks.runs.run import Order
    from captum_deconvnet_benchmarks.runs.run import run as run_order

    content = read_spec(spec) if spec else {}
    content |= {key: value for key, value in given.items() if value not in (None, ())}
    content["models"] = [_with_weights(each) for each in content.get("models", ())]
    content["target"] = _number(content.get("target", "predicted"))
    order = Order(spec_of(content), out, retry)
    missing = share(order, jobs) if jobs > 1 else run_order(order)
    if missing:
        sys.exit(MISSING)


def share(order: Order, jobs: int) -> int:
    """Let torchrun start processes that share the run; its exit code."""
    import yaml

    from captum_deconvnet.cli.output import make_folder
    from captum_deconvnet_benchmarks.runs.plan.planning import selections
    from captum_deconvnet_benchmarks.runs.store.files import write_durably

    make_folder(order.out)
    selections(order.spec)  # a wrong name is said here, once
    path = order.out / "spec.yaml"
    text = yaml.safe_dump(order.spec.as_plain(), sort_keys=False)
    write_durably(path, lambda part: part.write_text(text, encoding="utf-8"))
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={jobs}"]
    again = ["captum_deconvnet_benchmarks.run", str(path), "--out", str(order.out)]
    command = [sys.executable, "-m", *torchrun, "-m", *again, *(["--retry"] * order.retry)]
    return subprocess.run(command, check=False).returncode


def _with_weights(given: Any) -> Any:
    """``NAME@WEIGHTS`` as a model's name and weights."""
    if not isinstance(given, str) or "@" not in given:
        return given
    name, _, weights = given.partition("@")
    if not (name and weights):
        raise SpecError(f"The model {given!r} is not NAME or NAME@WEIGHTS.")
    return {"model": name, "weights": weights}


def _number(target: Any) -> Any:
    """A class number that came as text."""
    return int(target) if isinstance(target, str) and target.isdigit() else target
