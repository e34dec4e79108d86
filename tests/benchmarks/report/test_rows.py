"""Reading a run: what is refused, and what is said then."""

from __future__ import annotations

import pandas as pd
import pytest
from long_rows import lost_row, score_rows

from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.report.rows import read_run
from captum_deconvnet_benchmarks.report.summary import missing_units, outcomes


def rows(explainer="deconvnet"):
    return score_rows("net", explainer, "insertion", [0.1, 0.2])


def test_what_is_written_is_what_is_read(write_run):
    run = read_run(write_run(rows() + rows("control/random")))
    assert run.models == ["net"]
    assert run.controls == {"control/random"}
    assert run.scores["value"].tolist() == [0.1, 0.2, 0.1, 0.2]
    assert run.costs.empty
    assert run.facts == {}


def test_a_folder_without_scores_is_refused(tmp_path):
    with pytest.raises(ResultsError, match=r"holds no scores\.parquet"):
        read_run(tmp_path)


def test_a_damaged_file_is_refused(write_run):
    path = write_run(rows()) / "scores.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ResultsError, match=r"scores.parquet cannot be read: "):
        read_run(path.parent)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table.drop(columns=["cluster", "step"]), "no column cluster, step"),
        (lambda table: table.iloc[:0], "has no rows"),
        (lambda table: pd.concat([table, table]), "two rows for model net, explainer deconvnet"),
        (lambda table: table.assign(status="done"), "status is 'done', but must be one of"),
        (lambda table: table.assign(better="up"), "better is 'up', but must be one of"),
        (lambda table: table.assign(weights=["a", "b"]), "net has 2 different weights"),
        (lambda table: table.assign(metric_version=[1, 2]), "insertion of net has 2 different"),
    ],
)
def test_rows_that_no_run_writes_are_refused(write_run, change, said):
    with pytest.raises(ResultsError, match=said):
        read_run(write_run(change(pd.DataFrame(rows()))))


@pytest.mark.parametrize(("text", "said"), [("{", "is not JSON"), ("[]", "not an object")])
def test_damaged_facts_are_refused(write_run, text, said):
    folder = write_run(rows())
    (folder / "run.json").write_text(text)
    with pytest.raises(ResultsError, match=said):
        read_run(folder)


def test_units_without_a_row_are_missing(write_run):
    facts = {"units": [{"address": each} for each in ("net deconvnet insertion", "never done")]}
    assert missing_units(read_run(write_run(rows(), facts=facts))) == ["never done"]


def test_lost_pairs_are_told_with_their_reason_and_what_was_measured_all_the_same(write_run):
    lost = [
        lost_row("net", "deconvnet", "insertion", "failed", "RuntimeError: no", unit="second"),
        lost_row("net", "captum/deep-lift", "insertion", "skipped", "ReLU is used twice"),
    ]
    table = outcomes(read_run(write_run(rows() + lost)))
    assert table[["explainer", "status", "reason", "units", "images"]].to_numpy().tolist() == [
        ["captum/deep-lift", "skipped", "ReLU is used twice", 1, 0],
        ["deconvnet", "failed", "RuntimeError: no", 1, 2],
    ]
