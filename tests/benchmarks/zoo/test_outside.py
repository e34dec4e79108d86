"""The sweep of other libraries' nets: what it checks, and a net of every library that is there."""

from __future__ import annotations

import pytest
import torch
from click.testing import CliRunner
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet.cli import main
from captum_deconvnet_benchmarks.zoo.outside.libraries import LIBRARIES, Net, first
from captum_deconvnet_benchmarks.zoo.outside.measure import (
    OUTSIDE,
    measure,
    names,
    occlusion_error,
    patch_error,
    patches_error,
    subject,
)
from captum_deconvnet_benchmarks.zoo.outside.report import OutsideRow, broken, report
from captum_deconvnet_benchmarks.zoo.row import PROJECTED, append, read, rows_path

pytestmark = pytest.mark.filterwarnings("ignore")  # what libraries say while they are imported


class TwoHeads(nn.Module):
    """A net that returns two tensors."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3)
        )
        self.classes = nn.Linear(6, 3)

    def forward(self, x):
        found = self.body(x)
        return self.classes(found.mean((2, 3))), found


def case():
    return subject(Net(TwoHeads, (1, 20, 20), first), seed=0)


def right_row(name="monai/net", **changes):
    values = {
        "family": "net",
        "status": PROJECTED,
        "forward": "identical",
        "strict_agrees": True,
        "finite": True,
        "zero": 0,
        "fallback": 0,
        "gradient_error": 1e-7,
        "reference_error": 2e-7,
        "norm_ratio": 1.5,
        "seconds": 1.25,
        "layers": "a.0 a.1",
        "patches_error": 1e-7,
        "occlusion_error": 1e-7,
    }
    return OutsideRow(name, **(values | changes))


def test_the_output_that_is_explained_is_the_one_that_the_table_names():
    assert case().model(torch.randn(1, 1, 20, 20)).shape == (1, 3)
    assert case().layers[-1] == ""


def test_patches_of_a_right_net_are_its_projections():
    assert patches_error(case()) <= 1e-6


def test_a_patch_that_is_not_the_projection_is_an_error():
    found = case()
    recording = cdn.record(found.model, found.image, found.layers[0])
    recording.project = lambda units, seed: 2 * cdn.Recording.project(recording, units, seed=seed)
    assert patch_error(recording, found.layers[0]) == pytest.approx(0.5)


def test_occlusion_of_a_right_net_is_captums():
    found = occlusion_error(case())
    assert found.error <= 1e-5
    assert found.reason == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"patches_error": 0.3}, "patches"),
        ({"occlusion_error": float("nan")}, "occlusion"),
        ({"layers": ""}, "layer"),
        ({"gradient_error": 1.0}, "autograd"),
    ],
)
def test_every_promise_that_a_row_breaks_is_named(changes, said):
    assert broken(right_row()) == []
    (promise,) = broken(right_row(**changes))
    assert said in promise


def test_a_projection_may_vanish_where_the_references_does():
    assert broken(right_row(zero=1)) == []
    assert broken(right_row(zero=1, reference_error=1.0))[0].endswith("zero throughout")


def test_rows_come_back_as_they_were_written_and_the_page_counts_them(tmp_path):
    path = rows_path(tmp_path, (1, 1), OUTSIDE.file)
    wrong = right_row("monai/wrong", patches_error=0.5, occlusion_whole="numbers decide")
    append(path, right_row(), OutsideRow)
    append(path, wrong, OutsideRow)
    assert read(tmp_path, OUTSIDE.file, OutsideRow)["monai/wrong"] == wrong
    page = report(tmp_path)
    assert "| monai | **1 of 2** | 1 | 1 | 4 |" in page
    assert "`monai/wrong`: patches differ from projections" in page


def test_the_command_names_the_libraries_that_are_not_there(tmp_path):
    missing = [library.distribution for library in LIBRARIES if not library.is_installed]
    arguments = ["bench", "zoo", "--outside", "nowhere/*", "--out", str(tmp_path)]
    ran = CliRunner().invoke(main, arguments)
    assert ran.exit_code == 2
    assert all(distribution in ran.output for distribution in missing)
    assert "nowhere/*" in ran.output


@pytest.mark.zoo
@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.name)
def test_a_net_of_every_library_that_is_installed_is_right(library):
    if not library.is_installed:
        pytest.skip(f"{library.distribution} is not installed")
    assert broken(measure(names(f"{library.name}/*")[0], seed=0)) == []
