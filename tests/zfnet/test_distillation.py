"""``deconvnet distil`` as a user runs it, on a folder of small photographs of nothing."""

import csv
import json

import numpy as np
import pytest
import safetensors.torch
import torch
from click.testing import CliRunner
from PIL import Image

from captum_deconvnet import load_model
from captum_deconvnet.cli import main
from captum_deconvnet.errors import TrainingError
from captum_deconvnet_zfnet.distillation.folder import held_out
from captum_deconvnet_zfnet.distillation.plan import DistilPlan
from captum_deconvnet_zfnet.distillation.run import Distillation
from captum_deconvnet_zfnet.distillation.teacher import Teacher

pytestmark = pytest.mark.weights

CPU = torch.device("cpu")
TINY = {"pupil": "zfnet/zfnet_gap", "teacher": "offline/efficientnet_lite0"}
TINY |= {"crops": 12, "passes": 2, "batch": 6, "seed": 3}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Ten images of smooth noise, one or more of them held out."""
    folder = tmp_path_factory.mktemp("photographs")
    generator = torch.Generator().manual_seed(0)
    names = [f"{number}.png" for number in range(40)]
    kept = [name for name in names if not held_out(name)][:8]
    for name in (*kept, *[name for name in names if held_out(name)][:2]):
        noise = torch.randint(0, 255, (6, 8, 3), dtype=torch.uint8, generator=generator)
        image = Image.fromarray(noise.numpy()).resize((240, 180), Image.Resampling.BICUBIC)
        image.save(folder / name)
    return folder


def weights(folder, number):
    return safetensors.torch.load_file(folder / f"epoch-{number:03d}.safetensors")


def test_a_stopped_run_goes_on_to_the_weights_of_one_that_was_never_stopped(photographs, tmp_path):
    plan = DistilPlan(data=str(photographs), **TINY)
    Distillation(plan, tmp_path / "whole").go([64, 64])
    Distillation(plan, tmp_path / "cut").go([64])
    said = []
    Distillation(plan, tmp_path / "cut", say=said.append).go([64, 64])
    assert "going on after round 1" in said
    whole, cut = weights(tmp_path / "whole", 2), weights(tmp_path / "cut", 2)
    assert all(torch.equal(whole[key], cut[key]) for key in whole)
    logs = [(tmp_path / each / "log.csv").read_text() for each in ("whole", "cut")]
    kept = [[line.rpartition(",")[0] for line in log.splitlines()] for log in logs]
    assert kept[0] == kept[1]
    with pytest.raises(TrainingError, match=r"sizes \[64, 64\]"):
        Distillation(plan, tmp_path / "cut").go([96, 64, 64])


def test_nothing_that_is_held_out_is_in_any_lesson(photographs):
    teacher = Teacher(DistilPlan(data=str(photographs), **TINY), CPU)
    assert not [file for file in teacher.files if held_out(file)]
    assert all(held_out(file) for file in teacher.apart)
    assert len(teacher.files) + len(teacher.apart) == 10


def test_every_crop_is_learned_from_as_often_as_planned_and_rounds_have_other_crops(photographs):
    teacher = Teacher(DistilPlan(data=str(photographs), **{**TINY, "crops": 16, "batch": 8}), CPU)
    numbers = [number for batch in teacher.order(2) for number in batch]
    assert sorted(numbers) == sorted([*range(16)] * 2)
    assert teacher.order(1) != teacher.order(2)
    assert not torch.equal(teacher.crops(1), teacher.crops(2))
    assert torch.equal(teacher.crops(2), teacher.crops(2))


def test_the_command_writes_weights_that_load_a_log_and_what_to_compare_with(photographs, tmp_path):
    arguments = ["distil", str(photographs), "--out", str(tmp_path / "run"), "--rounds", "1@64"]
    arguments += ["--crops", "8", "--passes", "1", "--batch", "4"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "healthy at the start" in done.output
    loaded = load_model("zfnet/zfnet_gap", tmp_path / "run" / "epoch-001.safetensors")
    assert loaded.model(torch.rand(1, 3, 224, 224)).shape == (1, 1000)
    with (tmp_path / "run" / "log.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["round"], row["size"], row["crops"], row["views"]) == ("1", "64", "8", "8")
    compared = json.loads((tmp_path / "run" / "references.json").read_text())
    assert compared["teacher"]["top1"] == 1
    with Image.open(tmp_path / "run" / "curve.png") as figure:
        assert np.asarray(figure).std() > 10
    assert compared["teacher"]["cross_entropy"] <= compared["mirrored"]["cross_entropy"]
    assert compared["teacher"]["cross_entropy"] <= compared["random features"]["cross_entropy"]


def test_two_nets_that_tell_other_classes_are_no_pupil_and_teacher(photographs, tmp_path):
    plan = DistilPlan(data=str(photographs), **{**TINY, "pupil": "offline/craft_vgg16_bn"})
    with pytest.raises(TrainingError, match="choose two nets"):
        Distillation(plan, tmp_path)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--rounds", "1x64"], "40@128"),
        (["--pupil", "zfnet/zfnet_gab"], "zfnet_gap"),
        (["--pupil", "zfnet/compact"], "takes inputs of shape"),
    ],
)
def test_what_cannot_be_done_is_one_line_that_says_why(photographs, tmp_path, arguments, complaint):
    base = ["distil", str(photographs), "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(main, base + arguments)
    assert done.exit_code != 0
    assert complaint in done.output
    assert "Traceback" not in done.output
