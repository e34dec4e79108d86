"""``deconvnet bench selftest`` and ``crosscheck``: is every metric what it should be?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--metric", "wanted", multiple=True, help="Only this metric; may be repeated.")
def selftest(wanted: tuple[str, ...]) -> None:
    r"""Score what is known beforehand: closed forms of every metric, and checks of theory.

    Prints a table of metric, case, expected, obtained, ok. The exit code is 1 if any case fails.

    \b
    Examples:
      deconvnet bench selftest
      deconvnet bench selftest --metric road --metric infidelity
    """
    from captum_deconvnet.errors import unknown_name
    from captum_deconvnet_benchmarks.costs.tables import markdown
    from captum_deconvnet_benchmarks.selftest.cases import closed_forms, theory

    cases = [*closed_forms(), *theory()]
    known = {case.metric for case in cases}
    for name in wanted:
        if name not in known:
            raise unknown_name("metric", name, known)
    outcomes = [case.outcome() for case in cases if not wanted or case.metric in wanted]
    click.echo(markdown([outcome.row for outcome in outcomes]), nl=False)
    failed = sum(not outcome.ok for outcome in outcomes)
    click.echo(f"{len(outcomes) - failed} of {len(outcomes)} cases are as expected.", err=True)
    raise SystemExit(1 if failed else 0)


RESULTS = Path("benchmarks/results/crosscheck.json")
PAGE = Path("docs/benchmark.md")


@click.command()
@click.option("--write", is_flag=True, help=f"Write {RESULTS} and the table in {PAGE}.")
def crosscheck(*, write: bool) -> None:
    r"""Compare with captum.metrics, Quantus and pytorch-grad-cam on the same tensors.

    Needs the extra: pip install 'captum-deconvnet[crosscheck]'. The exit code is 1 if any
    difference is larger than its tolerance.

    \b
    Example:
      deconvnet bench crosscheck --write
    """
    from captum_deconvnet_benchmarks.costs.tables import markdown

    rows = measured()
    text = markdown([shown(row) for row in rows])
    click.echo(text, nl=False)
    if write:
        save(rows, text)
    raise SystemExit(0 if all(row["ok"] for row in rows) else 1)


def measured() -> list[dict[str, Any]]:
    """A row for every comparison.

    Raises:
        MissingPackageError: a peer is not installed.
    """
    import importlib.util

    from captum_deconvnet.errors import MissingPackageError

    for package in ("quantus", "pytorch_grad_cam"):
        if importlib.util.find_spec(package) is None:
            raise MissingPackageError(
                f"{package} is not installed: pip install 'captum-deconvnet[crosscheck]'."
            )
    from captum_deconvnet_benchmarks.crosscheck import against_quantus, captum_and_grad_cam

    compared = [
        *captum_and_grad_cam.captum_comparisons(),
        *against_quantus.comparisons(),
        *captum_and_grad_cam.grad_cam_comparisons(),
    ]
    return [comparison.row() for comparison in compared]


def shown(row: dict[str, Any]) -> dict[str, str]:
    """A row with its numbers in few digits."""
    texts = {key: f"{row[key]:.6g}" for key in ("ours", "theirs", "values")}
    return {
        "metric": row["metric"],
        "peer": row["peer"],
        "first of ours": texts["ours"],
        "first of theirs": texts["theirs"],
        "values": texts["values"],
        "largest difference": f"{row['largest difference']:.1e}",
        "tolerance": f"{row['tolerance']:.0e}",
        "ok": "yes" if row["ok"] else "NO",
        "remark": row["remark"],
    }


def save(rows: list[dict[str, Any]], text: str) -> None:
    """Write the result file, and the table where the page marks its place."""
    from importlib.metadata import version

    from captum_deconvnet_benchmarks.costs.tables import write_between, write_rows
    from captum_deconvnet_benchmarks.crosscheck.tensors import SEED
    from captum_deconvnet_benchmarks.protocol.reproducibility import provenance

    peers = {name: version(name) for name in ("quantus", "grad-cam")}
    facts = {**provenance(SEED), **peers}
    write_rows(RESULTS, facts, rows)
    caption = (
        f"\ntorch {facts['torch']}, captum {facts['captum']}, quantus {facts['quantus']}, grad-cam "
        f"{facts['grad-cam']}, commit {facts['commit']}, {facts['date']}, by "
        "`deconvnet bench crosscheck --write`.\n"
    )
    write_between(PAGE, "crosscheck table", text + caption)
