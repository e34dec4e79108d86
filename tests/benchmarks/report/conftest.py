"""Runs in a folder, written as ``deconvnet bench run`` writes them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from long_rows import cost_row, curve_rows, lost_row, score_rows
from PIL import Image
from safetensors.numpy import save_file

from captum_deconvnet.cli import main

EXPLAINERS = ("deconvnet", "guided", "captum/saliency", "occlusion", "adjoint", "control/random")
MODEL = "net <b>&"
PHOTOGRAPHS = 8


def scored(generator, explainer, number):
    """Insertion is better with the explainer's number, deletion is noise, sparseness neither."""
    noise = generator.normal(size=(3, PHOTOGRAPHS))
    rows = score_rows(MODEL, explainer, "insertion", number + 0.1 * noise[0], score="auc")
    rows += score_rows(MODEL, explainer, "deletion", noise[1], better="lower", score="auc")
    rows += score_rows(MODEL, explainer, "sparseness", noise[2], better="", score="gini")
    x = [0, 0.5, 1]
    heights = [[0, number / 9, 1]] * PHOTOGRAPHS
    rows += curve_rows(
        MODEL, explainer, "sparseness", "one place", [0.5], [[number / 9]] * PHOTOGRAPHS
    )
    return rows + curve_rows(MODEL, explainer, "insertion", "curve", x, heights)


@pytest.fixture(scope="session")
def reported(tmp_path_factory):
    """A run of one model with a skipped and a failed pair, maps and pictures, and its report."""
    folder = tmp_path_factory.mktemp("runs") / "small"
    generator = np.random.default_rng(0)
    rows, explanations = [], []
    (folder / "explanations").mkdir(parents=True)
    for number, explainer in enumerate(EXPLAINERS):
        rows += scored(generator, explainer, number)
        maps = generator.normal(size=(PHOTOGRAPHS, 3, 12, 12)).astype(np.float32)
        maps[1] = np.nan
        save_file({"maps": maps}, folder / "explanations" / f"{number}.safetensors")
        images = [f"{n}.png" for n in range(PHOTOGRAPHS)]
        explanations.append(
            {
                "model": MODEL,
                "explainer": explainer,
                "start": 0,
                "images": images,
                "address": f"{number}",
            }
        )
    rows.append(lost_row(MODEL, "captum/deep-lift", "insertion", "skipped", "a ReLU is used twice"))
    rows.append(lost_row(MODEL, "occlusion", "road", "failed", "RuntimeError: <no memory>"))
    (folder / "images" / "net").mkdir(parents=True)
    for number in range(PHOTOGRAPHS):
        Image.new("RGB", (12, 12), "grey").save(folder / "images" / "net" / f"{number:04d}.png")
    facts = {
        "spec": {"seed": 5},
        "models": [{"model": MODEL, "images": "net"}],
        "explanations": explanations,
        "units": [{"address": "never done"}],
    }
    (folder / "run.json").write_text(json.dumps(facts))
    pd.DataFrame(rows).to_parquet(folder / "scores.parquet")
    spent = [
        cost_row(MODEL, "guided", "", 3.0, 2, 2, 2, None),
        cost_row(MODEL, "guided", "", 1.0, 2, 2, 2, 5e6),
    ]
    pd.DataFrame(spent).to_parquet(folder / "costs.parquet")
    result = CliRunner().invoke(main, ["bench", "report", str(folder), "--images", "3"])
    assert result.exit_code == 0, result.output
    (folder / "said").write_text(result.stderr)
    return folder


@pytest.fixture
def write_run(tmp_path):
    """Write rows as a run: ``write_run(rows, costs=[...], facts={...}, name="b") -> folder``."""

    def write(rows, *, costs=(), facts=None, name="run"):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        pd.DataFrame(rows).to_parquet(folder / "scores.parquet", index=False)
        if costs:
            pd.DataFrame(costs).to_parquet(folder / "costs.parquet", index=False)
        if facts is not None:
            (folder / "run.json").write_text(json.dumps(facts))
        return folder

    return write
