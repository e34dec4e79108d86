"""``deconvnet bench run``: models x explainers x metrics x images, to one table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from captum_deconvnet.cli.options import DEVICES, asked_preparation, preparation_options
from captum_deconvnet.errors import SpecError

if TYPE_CHECKING:
    from captum_deconvnet_benchmarks.runs.run import RunRequest

MISSING = 1
"""The exit code when units are missing."""


@click.command(
    "run",
    epilog="""\b
Examples:
  deconvnet bench run benchmarks/first_table.yaml --out runs/first
  deconvnet bench run benchmarks/first_table.yaml --limit 10 --out runs/first
  deconvnet bench run --model zfnet/fashion_mnist --images photos/ --out runs/fashion \\
      --explainer deconvnet --explainer 'control/*' --metric 'deletion*'
  torchrun --nproc-per-node 4 -m captum_deconvnet_benchmarks.run spec.yaml --out /shared/run
""",
)
@preparation_options
@click.argument("spec", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--model", "models", multiple=True, help="A model; NAME@random has random weights.")
@click.option("--weights", metavar="TAG|FILE|random", help="Of models that say none of their own.")
@click.option("--explainer", "explainers", multiple=True, help="A name or pattern.")
@click.option("--metric", "metrics", multiple=True, help="A name or pattern.")
@click.option("--images", help="A folder, or torchvision/NAME:ROOT.")
@click.option("--target", help="The class explained: predicted, label or a number.")
@click.option("--seed", type=int, help="Of everything that is drawn.")
@click.option("--block", type=int, help="Images in a unit of work.")
@click.option("--batch", type=int, help="Images that go through together; 0 for the block.")
@click.option("--limit", type=int, help="Only so many images of each model.")
@click.option(
    "--device",
    metavar="|".join(DEVICES),
    help="Where models run; auto is cuda where there is one, else cpu.  [default: the spec's]",
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The run's folder.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(1), help="Processes.")
@click.option("--retry", is_flag=True, help="Do again what failed before.")
def bench_run(
    spec: Path | None, *, weights: str | None, out: Path, jobs: int, retry: bool, **given: Any
) -> None:
    """Score explainers on models and images, as SPEC (YAML) and the options say.

    Every unit of work is a file in the run's folder, named by what decides its numbers. A run that
    was stopped goes on where it was when the command is given again; so does one with more models,
    metrics or images. Options win over the spec; what is said of inputs and classes holds for all
    its models. The exit code is 1 if units are missing.
    """
    from captum_deconvnet_benchmarks.runs.plan.spec import read_spec, spec_of
    from captum_deconvnet_benchmarks.runs.run import RunRequest, run_benchmark

    content = read_spec(spec) if spec else {}
    content |= {key: value for key, value in given.items() if value not in (None, ())}
    content["models"] = [
        _prepared(_with_weights(each), weights) for each in _several(content.get("models", ()))
    ]
    content["target"] = _number(content.get("target", "predicted"))
    request = RunRequest(spec_of(content), out, retry)
    missing = share(request, jobs) if jobs > 1 else run_benchmark(request)
    if missing:
        sys.exit(MISSING)


def share(request: RunRequest, jobs: int) -> int:
    """Let torchrun start processes that share the run; its exit code."""
    import yaml

    from captum_deconvnet.cli.output import make_folder
    from captum_deconvnet_benchmarks.runs.plan.plan import selections
    from captum_deconvnet_benchmarks.runs.store.store import write_durably

    make_folder(request.out)
    selections(request.spec)  # a wrong name is said here, once
    path = request.out / "spec.yaml"
    text = yaml.safe_dump(request.spec.as_plain(), sort_keys=False)
    write_durably(path, lambda part: part.write_text(text, encoding="utf-8"))
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={jobs}"]
    again = ["captum_deconvnet_benchmarks.run", str(path), "--out", str(request.out)]
    command = [sys.executable, "-m", *torchrun, "-m", *again, *(["--retry"] * request.retry)]
    return subprocess.run(command, check=False).returncode


def _with_weights(given: Any) -> Any:
    """``NAME@WEIGHTS`` as a model's name and weights."""
    if not isinstance(given, str) or "@" not in given:
        return given
    name, _, weights = given.partition("@")
    if not (name and weights):
        raise SpecError(f"The model {given!r} is not NAME or NAME@WEIGHTS.")
    return {"model": name, "weights": weights}


def _several(models: Any) -> Any:
    """One model of a spec as a list of one."""
    return [models] if isinstance(models, str | dict) else models


def _prepared(given: Any, weights: str | None) -> Any:
    """A model with what the options say of its weights, inputs and classes."""
    said = {key: str(value) for key, value in asked_preparation().items()}
    if not said and weights is None:
        return given
    model = {"model": given} if isinstance(given, str) else given
    if not isinstance(model, dict):
        return given
    own = {} if weights is None else {"weights": weights}
    return {**own, **model, **said}


def _number(target: Any) -> Any:
    """A class number that came as text."""
    return int(target) if isinstance(target, str) and target.isdigit() else target
