"""How figures are drawn, the same on every machine, and the heading over them."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, wraps
from pathlib import Path
from typing import IO, Any, ParamSpec

import matplotlib
from matplotlib import font_manager, style
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

Arguments = ParamSpec("Arguments")
UNKNOWN_LETTER = "\u25a1"
"""What stands for a letter that no font here has."""

OWN_FONTS = ("DejaVu Sans Mono", "DejaVu Sans")  # these come with matplotlib
FONTS = (
    *OWN_FONTS,
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei", "Droid Sans Fallback", "Microsoft YaHei", "SimHei", "Yu Gothic",
    "Malgun Gothic", "PingFang SC", "Hiragino Sans GB", "Hiragino Sans", "Arial Unicode MS",
)  # fmt: skip
"""Where letters are looked for, in this order."""


@contextmanager
def plain_style() -> Iterator[None]:
    """Matplotlib's own defaults, and no dollar sign that starts a formula."""
    with (
        style.context("default", after_reset=True),
        matplotlib.rc_context({"text.parse_math": False}),
    ):
        yield


def in_plain_style(draw: Callable[Arguments, Figure]) -> Callable[Arguments, Figure]:
    """Let a function draw its figure in the plain style, with letters that can be drawn."""

    @wraps(draw)
    def drawn(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Figure:
        with plain_style():
            figure = draw(*args, **kwargs)
        make_legible(figure)
        return figure

    return drawn


def save(
    figure: Figure,
    file: Path | IO[bytes],
    ending: str = "png",
    about: dict[str, str] | None = None,
) -> None:
    """Write a figure in the plain style.

    Args:
        figure: what to write.
        file: where to.
        ending: of the format, such as ``"png"``.
        about: text that a PNG file carries; other formats have none.
    """
    with plain_style():
        figure.savefig(file, format=ending, metadata=about if ending == "png" else None)


def make_legible(figure: Figure) -> None:
    """Give texts that need other letters than ASCII the fonts that have them."""
    for text in figure.findobj(Text):
        words = text.get_text()
        if not words.isascii() or not words.replace("\n", "").isprintable():
            text.set_text(legible(words))
            text.set_fontfamily([*text.get_fontfamily(), *fonts()])


def legible(text: str) -> str:
    """The text with a box for every letter that no font here can draw."""
    kept = (each if each == "\n" or is_drawn(each) else UNKNOWN_LETTER for each in text)
    return "".join(kept)


def is_drawn(letter: str) -> bool:
    """Whether one of the fonts has the letter."""
    known = letter.isprintable() and not 0xD800 <= ord(letter) < 0xE000
    return known and any(font_face(name).get_char_index(ord(letter)) for name in fonts())


@lru_cache(maxsize=1)
def fonts() -> tuple[str, ...]:
    """Those of the fonts that this machine has."""
    installed = set(font_manager.get_font_names())
    return tuple(name for name in FONTS if name in installed)


@lru_cache(maxsize=len(FONTS))
def font_face(name: str) -> FT2Font:
    """A font by its name."""
    return font_manager.get_font(font_manager.findfont(name))


FONT_SIZE = 6.5  # points
LETTERING: dict[str, Any] = {"family": "monospace", "fontsize": FONT_SIZE, "color": "#222222"}
LETTER = 0.602 * FONT_SIZE / 72  # inches, as all lengths here
FIRST = 0.16
LINE = 0.13


def heading(title: str, notes: Sequence[str], width: float) -> list[str]:
    """The lines of a heading over a figure of that width."""
    room = max(int(width / LETTER) - 3, 20)
    return [line for text in (title, *notes) for line in textwrap.wrap(text, room) or [""]]


def extra_height(lines: Sequence[str]) -> float:
    """How much higher a figure is for lines after the first."""
    return LINE * max(len(lines) - 1, 0)


def draw_heading(figure: Figure, lines: Sequence[str], left: float) -> None:
    """Write the lines at the top of a figure, the first one in bold."""
    width, height = figure.get_size_inches()
    for number, line in enumerate(lines):
        weight = "normal" if number else "bold"
        place = (left / width, 1 - (FIRST + LINE * number) / height)
        figure.text(*place, line, weight=weight, **LETTERING)
