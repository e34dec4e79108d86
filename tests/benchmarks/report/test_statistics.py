"""The statistics, against published examples, values worked out by hand, and coverage."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from long_rows import score_rows
from scipy import stats

from captum_deconvnet_benchmarks.report.pairs import holm, pairs, signed_rank, smallest_p
from captum_deconvnet_benchmarks.report.ranking import (
    Blocks,
    blocks,
    concordance,
    friedman,
    mean_ranks,
    rank_correlations,
    why_not,
)
from captum_deconvnet_benchmarks.report.rows import read_run
from captum_deconvnet_benchmarks.report.summary import interval_of_mean, summary

DEMSAR = """\
0.763 0.768 0.771 0.798
0.599 0.591 0.590 0.569
0.954 0.971 0.968 0.967
0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898
0.936 0.931 0.916 0.931
0.661 0.668 0.609 0.685
0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875
1.000 1.000 1.000 1.000
0.940 0.962 0.965 0.962
0.619 0.666 0.614 0.669
0.972 0.981 0.9751 0.9749
0.957 0.978 0.946 0.970"""
"""Demsar 2006, Table 6: AUC of four learners on 14 data sets. His ranks tell 0.975 from 0.975."""
LEARNERS = ["C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf"]


def as_blocks(values, better="higher", names=None):
    names = names or [f"explainer {n}" for n in range(np.shape(values)[1])]
    return Blocks(pd.DataFrame(values, columns=names), better, {}, 0)


@pytest.fixture
def demsar():
    return as_blocks([[float(cell) for cell in line.split()] for line in DEMSAR.splitlines()])


def test_mean_ranks_are_those_of_demsars_example(demsar):
    ranks = mean_ranks(demsar)
    assert ranks.index.tolist() == ["explainer 3", "explainer 1", "explainer 2", "explainer 0"]
    assert ranks.to_numpy() == pytest.approx([1.964, 2.000, 2.893, 3.143], abs=5e-4)


def test_friedmans_statistic_is_that_of_demsars_example_but_for_the_ties(demsar):
    """He has 9.28, uncorrected; ties of 2, 2, 4 and 2 take 78 / 840 off the denominator."""
    found = friedman(demsar)
    assert found.statistic == pytest.approx(9.28 / (1 - 78 / 840), abs=0.01)
    assert found.p == pytest.approx(stats.chi2.sf(found.statistic, 3))
    assert found.f == pytest.approx(13 * found.statistic / (14 * 3 - found.statistic))
    assert found.f_p < 0.05


def test_the_critical_difference_is_that_of_demsars_example(demsar):
    found = friedman(demsar)
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)
    gaps = np.abs(np.subtract.outer(*[demsar.ranks.mean().to_numpy()] * 2))
    assert ((found.pairs.to_numpy() < 0.05) == (gaps > found.critical_difference)).all()


def test_ranks_follow_what_is_better():
    values = [[1.0, 2.0, 3.0]] * 6
    assert mean_ranks(as_blocks(values, "lower")).tolist() == [1, 2, 3]
    assert mean_ranks(as_blocks(values, "lower")).index[0] == "explainer 0"
    assert mean_ranks(as_blocks(values, "higher")).index[0] == "explainer 2"
    assert mean_ranks(as_blocks(values, "")).empty


def test_photographs_that_agree_completely_have_an_infinite_f():
    found = friedman(as_blocks([[1.0, 2.0, 3.0]] * 6))
    assert found.statistic == pytest.approx(12)  # N (k - 1), its largest value
    assert found.f == np.inf
    assert found.f_p == 0


@pytest.mark.parametrize(
    ("values", "better", "said"),
    [
        (np.zeros((9, 2)), "higher", "2 explainers have values, and the test needs 3"),
        (np.zeros((5, 3)), "higher", "5 photographs have a value of every explainer"),
        (np.zeros((9, 3)), "higher", "all explainers score the same"),
        (np.zeros((9, 3)), "", "nothing to rank"),
    ],
)
def test_what_cannot_be_tested_says_why(values, better, said):
    assert said in why_not(as_blocks(values, better))


def test_what_can_be_tested_has_nothing_against_it(demsar):
    assert why_not(demsar) == ""


def test_holms_correction_is_the_one_worked_out_by_hand():
    """Sorted: 0.005 x 4, 0.011 x 3, 0.02 x 2, 0.04 x 1; never below the one before."""
    p = holm(np.array([0.011, 0.04, 0.005, 0.02]))
    assert p == pytest.approx([0.033, 0.04, 0.02, 0.04])
    assert holm(np.array([0.6, 0.7])).tolist() == [1, 1]
    assert holm(np.array([])).size == 0


def test_the_signed_rank_test_counts_the_subsets_of_ranks():
    """Ranks 1 to 6, of which -1 has rank 1: sums of 0 or 1 at one end, 2 of 64 subsets; twice."""
    p, correlation = signed_rank(np.array([-1.0, 2, 3, 4, 5, 6]))
    assert p == pytest.approx(2 * 2 / 64)
    assert correlation == pytest.approx((20 - 1) / 21)
    assert signed_rank(np.arange(1.0, 7.0))[0] == smallest_p(6, 1)


def test_equal_explainers_cannot_be_told_apart():
    assert signed_rank(np.zeros(9)) == (1.0, 0.0)


def test_every_two_explainers_are_a_pair_and_the_correction_is_for_all_of_them():
    better = np.arange(1.0, 9.0)[:, None] * [1.0, 2.0, 3.0]
    table = pairs(as_blocks(better, names=["a", "b", "c"]))
    assert table[["a", "b"]].to_numpy().tolist() == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert table["difference"].tolist() == [-4.5, -9.0, -4.5]
    assert table["rank_biserial"].tolist() == [-1, -1, -1]
    assert table["p"].tolist() == [2 / 256] * 3
    assert table["p_holm"].tolist() == [6 / 256] * 3
    assert smallest_p(8, 3) == 6 / 256


def test_the_interval_of_single_images_is_scipys():
    values = np.random.default_rng(1).exponential(size=20)
    low, high = interval_of_mean(pd.Series(values), pd.Series(range(20)), "a", resamples=4000)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval
    assert low == pytest.approx(theirs.low, abs=0.02)
    assert high == pytest.approx(theirs.high, abs=0.02)


def clustered(generator, photographs=25, images=8):
    """Images of a photograph share most of their value: the mean of all is 0."""
    shared = generator.normal(size=(photographs, 1))
    values = (shared + 0.3 * generator.normal(size=(photographs, images))).ravel()
    return pd.Series(values), pd.Series(np.repeat(np.arange(photographs), images))


def covers(interval):
    return interval.low <= 0 <= interval.high


def test_intervals_by_photograph_cover_and_intervals_by_image_do_not():
    """Of 150 intervals that should cover 95 %, binomially 136 to 148 do (99 %); we allow a little
    for 25 photographs being few. By image they are sqrt(7.6) too narrow: about half cover."""
    generator = np.random.default_rng(3)
    runs = [clustered(generator) for _ in range(150)]
    by_photograph = [interval_of_mean(*run, str(n), resamples=400) for n, run in enumerate(runs)]
    by_image = [
        interval_of_mean(values, pd.Series(range(len(values))), str(n), resamples=400)
        for n, (values, _) in enumerate(runs)
    ]
    assert 130 <= sum(map(covers, by_photograph)) <= 149
    assert sum(map(covers, by_image)) < 100


def test_an_interval_is_the_same_in_any_order_of_rows():
    values, clusters = clustered(np.random.default_rng(4))
    order = np.random.default_rng(5).permutation(len(values))
    same = interval_of_mean(values, clusters, "a", resamples=500)
    turned = interval_of_mean(values.iloc[order], clusters.iloc[order], "a", resamples=500)
    assert turned == pytest.approx(same, rel=1e-12)


def test_too_few_photographs_have_no_interval_and_equal_values_an_exact_one():
    assert np.isnan(interval_of_mean(pd.Series(np.arange(9.0)), pd.Series([1, 2, 3] * 3), "a").low)
    values, clusters = pd.Series([0.1] * 12), pd.Series([0, 1, 2, 3, 4, 5] * 2)
    assert interval_of_mean(values, clusters, "a") == pytest.approx((0.1, 0.1))


@given(hnp.arrays(np.float64, (8, 5), elements=st.integers(0, 3).map(float)))
def test_concordance_is_the_textbook_formula_with_ties(scores):
    """W = 12 S / (m^2 (k^3 - k) - m T): Kendall and Babington Smith, ties corrected."""
    table = pd.DataFrame(scores)
    found, explainers = concordance(table)
    ranks = stats.rankdata(scores, axis=0)
    spread = ((ranks.sum(axis=1) - ranks.sum(axis=1).mean()) ** 2).sum()
    counts = [np.unique(column, return_counts=True)[1] for column in scores.T]
    ties = sum(float((count**3 - count).sum()) for count in counts)
    below = 5**2 * (8**3 - 8) - 5 * ties
    assert explainers == 8
    if below == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(12 * spread / below)


def test_metrics_that_rank_alike_agree_and_few_explainers_say_nothing():
    up = np.arange(6.0)
    ranks = pd.DataFrame({"a": up, "b": up * 2, "c": -up, "d": [*up[:4], np.nan, np.nan]})
    found = rank_correlations(ranks)
    assert found.loc["a", "b"] == pytest.approx(1)
    assert found.loc["a", "c"] == pytest.approx(-1)
    assert np.isnan(found.loc["a", "d"])
    assert concordance(ranks[["a", "b"]]) == (pytest.approx(1), 6)
    assert concordance(ranks[["a", "c"]]) == (pytest.approx(0), 6)
    assert np.isnan(concordance(ranks)[0])


def pair(explainer, values, **changes):
    return score_rows("net", explainer, "insertion", values, **changes)


def test_the_table_counts_what_has_no_value(write_run):
    values = [1.0, 2.0, 6.0, np.nan, np.inf]
    rows = pair("deconvnet", values, cluster=["a", "a", "b", "b", "c"])
    (row,) = summary(read_run(write_run(rows))).to_dict("records")
    assert (row["mean"], row["median"]) == (3.0, 2.0)
    assert (row["images"], row["photographs"], row["not_finite"]) == (3, 2, 2)
    assert np.isnan(row["low"])


def test_only_a_headline_is_said_to_be_better_at_one_end(write_run):
    rows = pair("guided", [1, 2], score="gain") + pair(
        "guided", [3, 4], score="deletion", headline=False
    )
    found = summary(read_run(write_run(rows))).set_index("score")["better"]
    assert found.to_dict() == {"gain": "higher", "deletion": ""}


def test_blocks_average_the_images_of_a_photograph(write_run):
    rows = pair("a", [1, 3, 5], cluster=["x", "x", "y"]) + pair("b", [2, 2, 2], cluster=list("xxy"))
    found = blocks(read_run(write_run(rows)), "net", "insertion")
    assert found.values.to_numpy().tolist() == [[2, 2], [5, 2]]
    assert found.values.index.tolist() == ["x", "y"]


def test_explainers_with_few_values_are_left_out_before_photographs_are(write_run):
    nan = np.nan
    rows = pair("a", [1, 2, 3, 4]) + pair("b", [nan, 2, 3, 4]) + pair("constant", [nan] * 4)
    rows += pair("half-lost", [1, nan, nan, nan])
    found = blocks(read_run(write_run(rows)), "net", "insertion")
    assert list(found.values.columns) == ["a", "b"]
    assert found.incomplete == 1
    assert found.left_out == {
        "constant": "a value for 0 of 4 photographs",
        "half-lost": "a value for 1 of 4 photographs",
    }
