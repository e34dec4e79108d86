"""Fetches the photographs: ``python -m captum_deconvnet_zfnet.photographs OUT``."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from captum_deconvnet_zfnet.photographs.laying import LIST, lay
from captum_deconvnet_zfnet.photographs.sources import SOURCES


@click.command()
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--packages",
    type=click.Path(path_type=Path),
    help="Where Debian's packages are kept.  [default: OUT.packages]",
)
def main(out: Path, packages: Path | None) -> None:
    """Fetch Debian's packages with photographs, and lay the photographs in the folder OUT.

    Nothing is installed. OUT/list.csv names each photograph's package, version and licence.
    """
    entries = lay(SOURCES, out, packages or out.with_name(f"{out.name}.packages"))
    for package, count in Counter(entry.package for entry in entries).items():
        click.echo(f"{count:4} {package}")
    held = sum(entry.held_out for entry in entries)
    click.echo(f"wrote {len(entries)} photographs, {held} of them held out, and {out / LIST}")


if __name__ == "__main__":
    main()
