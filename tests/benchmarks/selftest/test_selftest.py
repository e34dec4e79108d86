from __future__ import annotations

import math

import pytest
from click.testing import CliRunner

from captum_deconvnet_benchmarks.commands.checks import selftest
from captum_deconvnet_benchmarks.metrics.table import METRICS
from captum_deconvnet_benchmarks.selftest import cases as forms
from captum_deconvnet_benchmarks.selftest.case import Case
from captum_deconvnet_benchmarks.selftest.cases import closed_forms, theory

CASES = [*closed_forms(), *theory()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.metric}: {case.name}")
def test_what_is_known_beforehand_is_obtained(case):
    outcome = case.outcome()
    assert outcome.ok, outcome.row


def test_every_metric_of_the_table_has_a_closed_form():
    assert {metric.name for metric in METRICS} <= {case.metric for case in CASES}


@pytest.mark.parametrize("obtained", [1.1, math.nan])
def test_a_wrong_value_is_found_and_the_exit_code_says_so(monkeypatch, obtained):
    wrong = Case("road", "wrong on purpose", 1.0, lambda: obtained)
    monkeypatch.setattr(forms, "closed_forms", lambda: [wrong])
    result = CliRunner().invoke(selftest, ["--metric", "road"])
    assert result.exit_code == 1
    assert "| NO |" in result.output


def test_a_case_that_raises_fails_with_its_reason():
    outcome = Case("road", "broken", 1.0, lambda: 1 / 0).outcome()
    assert not outcome.ok
    assert "ZeroDivisionError" in outcome.row["obtained"]


def test_the_command_prints_a_row_a_case():
    result = CliRunner().invoke(selftest, ["--metric", "complexity"])
    assert result.exit_code == 0
    assert result.stdout.count("| yes |") == 7
