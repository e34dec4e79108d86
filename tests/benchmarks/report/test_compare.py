"""Two runs compared: values by hand, refusals, and the command."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from long_rows import lost_row, score_rows

from captum_deconvnet.cli import main
from captum_deconvnet.errors import ResultsError
from captum_deconvnet_benchmarks.report.compare import compare, notes
from captum_deconvnet_benchmarks.report.rows import read_run

BEFORE = np.arange(8.0)


def pair(values, explainer="guided", metric="insertion", model="net", **changes):
    return score_rows(model, explainer, metric, values, **changes)


@pytest.fixture
def compared(write_run):
    """The verdicts' table of two lists of rows."""

    def call(before, after):
        folders = write_run(before, name="a"), write_run(after, name="b")
        return compare(*map(read_run, folders))

    return call


@pytest.mark.parametrize(
    ("better", "change", "verdict"),
    [
        ("higher", 0.5, "better"),
        ("higher", -0.5, "worse"),
        ("lower", 0.5, "worse"),
        ("lower", -0.5, "better"),
        ("", 0.5, "other"),
    ],
)
def test_a_change_on_every_photograph_is_seen_and_told_by_what_is_better(
    compared, better, change, verdict
):
    (row,) = compared(pair(BEFORE, better=better), pair(BEFORE + change, better=better)).to_dict(
        "records"
    )
    assert (row["a"], row["b"]) == (3.5, 3.5 + change)
    assert (row["low"], row["high"]) == pytest.approx((change, change))
    assert row["p_holm"] == 2 / 2**8  # every sign alike, two-sided
    assert row["rank_biserial"] == np.sign(change)
    assert row["verdict"] == verdict


def test_equal_runs_are_equal_and_chance_is_no_difference(compared):
    wobble = BEFORE + np.array([0.1, -0.2, 0.3, -0.4, 0.5, -0.6, 0.7, -0.8])
    table = compared(
        pair(BEFORE) + pair(BEFORE, "adjoint"), pair(BEFORE) + pair(wobble, "adjoint")
    ).set_index("explainer")
    assert table["verdict"].to_dict() == {"guided": "equal", "adjoint": "no difference shown"}
    assert table.loc["guided", "p"] == 1


def test_the_correction_is_for_the_whole_table(compared):
    names = ["a", "b", "c"]
    before = [row for name in names for row in pair(BEFORE, name)]
    after = [row for name in names for row in pair(BEFORE + 1, name)]
    assert compared(before, after)["p_holm"].tolist() == [3 * 2 / 2**8] * 3


def test_images_of_one_photograph_are_one_difference(compared):
    clusters = list("aabbccdd")
    (row,) = compared(pair(BEFORE, cluster=clusters), pair(BEFORE + 1, cluster=clusters)).to_dict(
        "records"
    )
    assert (row["images"], row["photographs"]) == (8, 4)
    assert row["verdict"] == "too few photographs"
    assert np.isnan(row["p"])


def test_images_without_a_value_in_one_run_are_left_out(compared):
    gone = BEFORE.copy()
    gone[0] = np.nan
    (row,) = compared(pair(gone), pair(BEFORE + 1)).to_dict("records")
    assert (row["images"], row["a"], row["b"]) == (7, 4.0, 5.0)


@pytest.mark.parametrize(
    "gone",
    [
        [lost_row("net", "adjoint", "insertion", "failed", "RuntimeError")],
        pair([np.nan] * 8, "adjoint"),
    ],
)
def test_a_pair_without_values_in_the_second_run_is_lost(compared, gone):
    table = compared(pair(BEFORE) + pair(BEFORE, "adjoint"), pair(BEFORE) + gone)
    assert table.set_index("explainer")["verdict"].to_dict() == {
        "guided": "equal",
        "adjoint": "lost",
    }


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"weights": "others"}, "weights of net is weights of net in .*a and others in .*b"),
        ({"metric_parameters": "{}"}, r"metric parameters of insertion of net is .*8.* and \{\}"),
        ({"metric_version": 2}, "metric version of insertion of net is 1 in .* and 2 in"),
        ({"target": 9}, "other images of net. In one only: number 0, 0.png of photograph 0, class"),
        ({"cluster": list("abcdefgh")}, "other images of net"),
        ({"model": "other"}, "no model, explainer and metric in common"),
    ],
)
def test_runs_that_measured_other_things_are_refused_and_what_differs_is_named(
    compared, change, said
):
    with pytest.raises(ResultsError, match=said):
        compared(pair(BEFORE), pair(BEFORE, **change))


def test_what_may_differ_is_noted(write_run):
    before = write_run(pair(BEFORE), name="a", facts={"spec": {"seed": 1}})
    changed = pair(BEFORE, explainer_parameters='{"steps": 5}') + pair(BEFORE, "adjoint")
    after = write_run(changed, name="b", facts={"spec": {"seed": 2}})
    assert notes(read_run(before), read_run(after)) == [
        "guided of net has other parameters in B",
        "1 pairs of explainer and metric are in B only",
        "the seeds are 1 and 2: random draws differ too",
    ]


def call(*arguments):
    return CliRunner().invoke(main, ["bench", "compare", *map(str, arguments)])


def test_the_command_prints_writes_and_fails_when_asked(write_run, tmp_path):
    before = write_run(pair(BEFORE) + pair(BEFORE, "adjoint"), name="a")
    after = write_run(pair(BEFORE - 1) + pair(BEFORE, "adjoint"), name="b")
    out = tmp_path / "changes.csv"
    result = call(before, after, "--out", out)
    assert result.exit_code == 0
    assert "1 equal, 1 worse" in result.stdout
    assert pd.read_csv(out).set_index("explainer").loc["guided", "difference"] == -1
    assert call(before, after, "--fail-on-worse").exit_code == 1
    assert call(before, before, "--fail-on-worse").exit_code == 0


def test_what_cannot_be_read_is_one_line(write_run, tmp_path):
    run = write_run(pair(BEFORE))
    for command in (["compare", run, tmp_path / "none"], ["report", tmp_path]):
        result = CliRunner().invoke(main, ["bench", *map(str, command)])
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        assert "holds no scores.parquet" in result.stderr
