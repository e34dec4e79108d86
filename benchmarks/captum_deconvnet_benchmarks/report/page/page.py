"""The page, from what was worked out and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd

from captum_deconvnet import __version__
from captum_deconvnet_benchmarks.report.analysis import Analysis
from captum_deconvnet_benchmarks.report.figures import plot_name
from captum_deconvnet_benchmarks.report.gallery import Shown
from captum_deconvnet_benchmarks.report.intervals import FEWEST_PHOTOGRAPHS, RESAMPLES
from captum_deconvnet_benchmarks.report.page.facts import plain_facts
from captum_deconvnet_benchmarks.report.page.numbers import p_value, short
from captum_deconvnet_benchmarks.report.page.pictures import data_uri, png_of_picture
from captum_deconvnet_benchmarks.report.page.verdicts import verdicts
from captum_deconvnet_benchmarks.report.pairs import smallest_p
from captum_deconvnet_benchmarks.report.plots.colours import colour
from captum_deconvnet_benchmarks.report.ranking import ALPHA
from captum_deconvnet_benchmarks.report.tables import TABLES


def page(
    analysis: Analysis,
    plots: Mapping[str, bytes],
    galleries: Mapping[str, Sequence[Shown]],
) -> str:
    """The whole page as HTML; it loads nothing.

    Args:
        analysis: what the run says.
        plots: PNG by the names of ``figures``.
        galleries: the images of each model with their maps.
    """
    template = _environment().get_template("report.html")
    return template.render(
        analysis=analysis,
        run=analysis.run,
        version=__version__,
        facts=plain_facts(analysis.run.facts),
        tables=TABLES,
        plots={name: data_uri(png) for name, png in plots.items()},
        galleries=galleries,
        fewest=FEWEST_PHOTOGRAPHS,
        resamples=RESAMPLES,
        alpha=ALPHA,
    )


def select(table: pd.DataFrame, **wanted: str) -> pd.DataFrame:
    """The rows that have these words in these columns."""
    for column, word in wanted.items():
        table = table[table[column] == word]
    return table


def _environment() -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FunctionLoader(_part),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"short": short, "p_value": p_value, "inlined": _inlined}
    made.globals |= {
        "part": _part,
        "plot_name": plot_name,
        "select": select,
        "colour": colour,
        "verdicts": verdicts,
        "smallest_p": smallest_p,
    }
    return made


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text("utf-8")


def _inlined(picture: Any) -> str:
    return data_uri(png_of_picture(picture))
