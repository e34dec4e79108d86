"""Runs in a folder, written as ``deconvnet bench run`` writes them."""

from __future__ import annotations

import json

import pandas as pd
import pytest


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
