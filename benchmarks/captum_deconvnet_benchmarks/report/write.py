"""Writing a report: tables, plots, the page."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
from tqdm import tqdm  # type: ignore[import-untyped]

from captum_deconvnet.cli.output import make_folder
from captum_deconvnet.files import write_whole
from captum_deconvnet_benchmarks.report.analysis import Analysis, analyse
from captum_deconvnet_benchmarks.report.figures import figures
from captum_deconvnet_benchmarks.report.gallery import gallery
from captum_deconvnet_benchmarks.report.page import page, png_of_figure
from captum_deconvnet_benchmarks.report.rows import read_run
from captum_deconvnet_benchmarks.report.tables import tables


def write_report(folder: Path, out: Path, *, images: int) -> Analysis:
    """Read a run and write its report; every file is whole or not there.

    Args:
        folder: the run's.
        out: gets ``index.html``, ``plots/`` and the tables as CSV.
        images: how many the gallery shows of each model.

    Raises:
        ResultsError: the run cannot be read.
        OSError: the report cannot be written.
    """
    run = read_run(folder)
    make_folder(out)
    make_folder(out / "plots")
    analysis = analyse(run)
    for name, table in tables(analysis).items():
        write_whole(out / f"{name}.csv", partial(_csv, table))
    plots = _plots(analysis, out / "plots")
    galleries = {model: gallery(run, model, images) for model in run.models}
    text = page(analysis, plots, galleries)
    write_whole(out / "index.html", lambda file: file.write_text(text, encoding="utf-8"))
    return analysis


def _plots(analysis: Analysis, folder: Path) -> dict[str, bytes]:
    bar = tqdm(figures(analysis), desc="plots", unit="plot", leave=False, disable=None)
    plots = {}
    for name, figure in bar:
        plots[name] = png_of_figure(figure)
        write_whole(folder / f"{name}.png", partial(_bytes, plots[name]))
    return plots


def _csv(table: pd.DataFrame, path: Path) -> None:
    table.to_csv(path, index=False)


def _bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)
