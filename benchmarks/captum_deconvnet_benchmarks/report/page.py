"""The page of a report: one HTML file that holds its pictures and loads nothing."""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image

from captum_deconvnet import __version__
from captum_deconvnet.pictures.style import save
from captum_deconvnet_benchmarks.report.analysis import Analysis
from captum_deconvnet_benchmarks.report.figures import plot_name
from captum_deconvnet_benchmarks.report.gallery import Shown
from captum_deconvnet_benchmarks.report.pairs import smallest_p
from captum_deconvnet_benchmarks.report.plots import colour
from captum_deconvnet_benchmarks.report.ranking import ALPHA
from captum_deconvnet_benchmarks.report.summary import FEWEST_PHOTOGRAPHS, RESAMPLES
from captum_deconvnet_benchmarks.report.tables import TABLES

LONG = ("units", "explanations", "models")
"""What ``run.json`` lists at length, and a page does not repeat."""


def plain_facts(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and values, those of nested facts by their path.

    >>> plain_facts({"seed": 3, "spec": {"images": ["a", "b"]}, "units": [1, 2]})
    [('seed', '3'), ('spec: images', '["a", "b"]')]
    """
    found = []
    for name, value in facts.items():
        if name in LONG:
            continue
        if isinstance(value, dict):
            found += [(f"{name}: {inner}", text) for inner, text in plain_facts(value)]
        else:
            found.append((name, value if isinstance(value, str) else json.dumps(value)))
    return found


NOTHING = "\N{EN DASH}"


def short(value: float) -> str:
    """Four significant digits.

    >>> short(0.123456), short(1234567.0), short(3)
    ('0.1235', '1.235e+06', '3')
    """
    if not math.isfinite(value):
        return "\N{INFINITY}" if value == math.inf else NOTHING
    return f"{value:.4g}"


def p_value(value: float) -> str:
    """A p value; small ones by their bound.

    >>> p_value(0.0314159), p_value(1e-9)
    ('0.031', '< 0.0001')
    """
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def png_of_figure(figure: Figure) -> bytes:
    """A plot as PNG."""
    kept = io.BytesIO()
    save(figure, kept)
    return kept.getvalue()


def png_of_picture(picture: Image.Image) -> bytes:
    """A picture as PNG, with at most 256 colours: a third of the size."""
    kept = io.BytesIO()
    picture.quantize(256).save(kept, format="png", optimize=True)
    return kept.getvalue()


def data_uri(png: bytes) -> str:
    """A PNG as an address that holds it."""
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


BETTER, WORSE, SAME = "+", "\N{MINUS SIGN}", "\N{MIDDLE DOT}"


def verdicts(pairs: pd.DataFrame, better: str, order: list[str]) -> dict[str, dict[str, str]]:
    """For each explainer, whether it is better than each other one.

    Args:
        pairs: of ``report.pairs``.
        better: ``"higher"`` or ``"lower"``.
        order: the explainers.

    Returns:
        ``verdicts[row][column]``: ``"+"`` where the row is better than the column, a minus where it
        is worse, a dot where Wilcoxon's test with Holm's correction cannot tell.
    """
    found = {row: dict.fromkeys(order, "") for row in order}
    for pair in pairs.itertuples():
        sign = 0.0 if pair.p_holm >= ALPHA else pair.rank_biserial
        sign = -sign if better == "lower" else sign
        found[pair.a][pair.b] = _word(sign)
        found[pair.b][pair.a] = _word(-sign)
    return found


def _word(sign: float) -> str:
    if sign == 0:
        return SAME
    return BETTER if sign > 0 else WORSE


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
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"short": short, "p_value": p_value, "inlined": _inlined}
    made.globals |= {
        "text_of": _template,
        "plot_name": plot_name,
        "select": select,
        "colour": colour,
        "verdicts": verdicts,
        "smallest_p": smallest_p,
    }
    return made


def _template(name: str) -> str:
    return files(__package__).joinpath("templates", name).read_text("utf-8")


def _inlined(picture: Any) -> str:
    return data_uri(png_of_picture(picture))
