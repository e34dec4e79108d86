"""The files of a report."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from PIL import Image

EXPLAINERS = ("deconvnet", "guided", "captum/saliency", "occlusion", "adjoint", "control/random")


def table(folder, name):
    return pd.read_csv(folder / "report" / f"{name}.csv", keep_default_na=False, na_values=[""])


def test_every_table_is_read_by_another_program_and_says_what_the_rows_do(reported):
    scores = table(reported, "scores")
    own = scores[(scores["explainer"] == "guided") & (scores["metric"] == "insertion")].iloc[0]
    assert own["low"] < own["mean"] < own["high"]
    assert (own["images"], own["photographs"], own["not_finite"]) == (8, 8, 0)
    ranks = table(reported, "ranks").set_index(["metric", "explainer"])["mean_rank"]
    assert ranks["insertion"].to_dict() == dict(zip(EXPLAINERS, [6, 5, 4, 3, 2, 1], strict=True))
    assert "sparseness" not in ranks.index.get_level_values("metric")
    tests = table(reported, "tests").set_index("metric")
    assert tests.loc["insertion", "chi_squared"] == pytest.approx(40)  # N (k - 1): all agree
    assert tests.loc["sparseness", "untested"].startswith("neither higher nor lower is better")
    pairs = table(reported, "pairs")
    assert len(pairs[pairs["metric"] == "insertion"]) == 15
    assert table(reported, "curves")["mean"].max() == 1
    (cost,) = table(reported, "costs").to_dict("records")
    assert cost["seconds_an_image"] == 1.0  # the median of 1.5 and 0.5
    assert (cost["forward_passes_an_image"], cost["peak_megabytes"]) == (1, 5)
    assert sorted(table(reported, "outcomes")["status"]) == ["failed", "skipped"]
    assert set(table(reported, "agreement")["metric"]) == {"deletion", "insertion"}


def test_every_plot_is_a_picture(reported):
    plots = sorted(path.name for path in (reported / "report" / "plots").iterdir())
    kinds = {re.sub(r"^.*&-", "", name) for name in plots}
    assert {"insertion-means.png", "insertion-critical-difference.png"} <= kinds
    assert {"agreement.png", "insertion-curve-curve.png", "sparseness-means.png"} <= kinds
    assert "sparseness-one_place-curve.png" not in kinds  # a number is no curve
    for name in plots:
        with Image.open(reported / "report" / "plots" / name) as picture:
            assert len(picture.convert("RGB").getcolors(1 << 20)) > 10


def test_what_is_missing_is_said_on_the_terminal_too(reported):
    lines = (reported / "said").read_text().splitlines()
    assert lines[0] == "the run is not complete: 1 planned units have no row"
    assert lines[1] == "2 pairs were skipped or failed: the page says why"
    assert lines[2].startswith("wrote ")
