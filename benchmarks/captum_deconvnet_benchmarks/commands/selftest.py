"""``deconvnet bench selftest``: every metric where the answer is known."""

from __future__ import annotations

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
    from captum_deconvnet_benchmarks.selftest.closed_forms import closed_forms
    from captum_deconvnet_benchmarks.selftest.theory import theory
    from captum_deconvnet_benchmarks.tables import markdown

    cases = [*closed_forms(), *theory()]
    known = {case.metric for case in cases}
    for name in wanted:
        if name not in known:
            raise unknown_name("metric", name, known)
    outcomes = [case.run() for case in cases if not wanted or case.metric in wanted]
    click.echo(markdown([outcome.row for outcome in outcomes]), nl=False)
    failed = sum(not outcome.ok for outcome in outcomes)
    click.echo(f"{len(outcomes) - failed} of {len(outcomes)} cases are as expected.", err=True)
    raise SystemExit(1 if failed else 0)
