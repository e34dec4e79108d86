"""Runs: the table, its independence of everything but its identity, and bad input."""

from __future__ import annotations

import json
import resource

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import captum_deconvnet as cdn
from captum_deconvnet.cli.loading import load_for_command
from captum_deconvnet.errors import UnknownNameError
from captum_deconvnet_benchmarks.runs.plan.plan import selections
from captum_deconvnet_benchmarks.runs.plan.spec import spec_of
from captum_deconvnet_benchmarks.runs.store.results import COSTS
from captum_deconvnet_benchmarks.runs.store.schema import ORDER, SCHEMA

PER_IMAGE = 2 + 3
"""Rows of toy/total for one image: two scores, and a curve of three points."""


def test_the_table_has_every_image_score_and_step_with_values_worked_out_apart(bench, photos):
    ran = bench("--target=1")
    assert ran.code == 0, ran.said
    rows = ran.rows
    assert list(rows.columns) == SCHEMA.names
    assert len(rows) == 2 * 7 * (PER_IMAGE + 1)
    assert rows.duplicated(list(ORDER)).sum() == 0
    assert rows.sort_values(list(ORDER), kind="stable").index.equals(rows.index)
    net = load_for_command("toy/net", "random").model
    for number in range(7):
        rgba = np.asarray(Image.open(photos / f"p{number}.png")).astype(float)
        alpha = rgba[..., 3:] / 255
        seen = torch.tensor(rgba[..., :3] * alpha + 128 * (1 - alpha)).movedim(-1, 0)[None].float()
        seen.requires_grad_()
        (gradient,) = torch.autograd.grad(net(seen)[0, 1], seen)
        here = rows[(rows.image == number) & (rows.explainer == "gradient")]
        (total,) = here[(here.score == "total")].value
        assert total == float(gradient.sum())
        assert list(here[here.score == "curve"].value) == [0, total, 2 * total]
        assert list(here[here.score == "inside"].value) == [5 * (2 + number) / 144]
        assert set(here.image_name) == set(here.cluster) == {f"p{number}.png"}
    assert set(rows[rows.headline].score) == {"total", "inside"}
    assert set(rows.target) == {1}


def test_no_row_depends_on_the_batch(bench):
    first = bench(out="one").bytes
    assert bench("--batch=1", out="two").bytes == first
    assert bench("--batch=2", out="three").bytes == first


def test_no_score_depends_on_the_block_or_on_what_else_is_run(bench):
    names = [name for name in SCHEMA.names if name != "unit"]
    first = bench(out="one").rows[names]
    other = bench(
        "--block=5", out="two", explainers=("control/random", "adjoint", "gradient")
    ).rows[names]
    same = other[other.explainer != "adjoint"].reset_index(drop=True)
    pd.testing.assert_frame_equal(first, same)


def test_a_lack_of_memory_halves_the_batch_and_changes_no_row(bench, monkeypatch):
    first = bench(out="one")
    monkeypatch.setenv("TOY_MEMORY", "1")
    second = bench(out="two")
    assert second.bytes == first.bytes
    batches = second.costs[second.costs.metric == "toy/total"].batch
    assert set(batches) == {1}
    monkeypatch.setenv("TOY_MEMORY", "0")
    third = bench(out="three")
    assert set(third.rows[third.rows.metric == "toy/total"].reason) == {
        "the metric fails: MemoryError: the batch is too large"
    }


def test_costs_are_apart_from_scores(bench):
    ran = bench(explainers=("captum/saliency", "control/random"))
    assert list(ran.costs.columns) == COSTS.names
    explained = ran.costs[ran.costs.metric == ""]
    assert len(explained) == 2 * 3
    assert set(explained.images) == {3, 1}
    gradients = explained[explained.explainer == "captum/saliency"]
    assert (gradients.forward_passes == gradients.images).all()
    assert (gradients.backward_passes == gradients.images).all()
    assert (explained[explained.explainer == "control/random"].forward_passes == 0).all()
    assert (ran.costs.seconds > 0).all()


def test_nothing_is_done_twice(bench):
    ran = bench()
    files = {path: path.stat().st_mtime_ns for path in ran.out.rglob("*.parquet")}
    more = bench(explainers=("gradient", "control/random", "adjoint"))
    assert more.code == 0
    units = [path for path in files if path.parent.name == "units"]
    assert all(path.stat().st_mtime_ns == files[path] for path in units)
    assert len(list((ran.out / "units").iterdir())) == 3 * 2 * 3


def test_damaged_files_are_named_and_made_again(bench):
    ran = bench()
    first = ran.bytes
    unit = sorted((ran.out / "units").iterdir())[2]
    maps = sorted((ran.out / "explanations").iterdir())[1]
    for path in (unit, maps):
        path.write_bytes(path.read_bytes()[:-9])
    again = bench()
    assert unit.name in again.said
    assert "is damaged" in again.said
    assert again.bytes == first
    unit.write_bytes(b"")
    unit.with_name(".x.parquet.1.part").write_bytes(b"half")
    assert f"{unit} is damaged" in " ".join(bench().said.split())
    assert not list(unit.parent.glob(".*"))


def test_what_plugins_raise_are_rows_and_retry_does_them_again(bench, monkeypatch):
    explainers = ("gradient", "bad/*")
    ran = bench(explainers=explainers, metrics=("toy/total", "bad/raises", "bad/few"))
    assert ran.code == 0, ran.said
    rows = ran.rows
    reasons = rows[rows.status != "ok"].groupby(["explainer", "metric"]).reason.first().to_dict()
    assert reasons["gradient", "bad/raises"] == (
        "the metric fails: ZeroDivisionError: the toy is broken"
    )
    assert "('few': (2,))" not in reasons["gradient", "bad/few"]
    assert "scores for 3 images" in reasons["gradient", "bad/few"]
    assert "OSError: no such thing" in reasons["bad/raises", "toy/total"]
    assert "it gave (3, 432) for inputs (3, 3, 12, 12)" in reasons["bad/flat", "toy/total"]
    assert "unfit() of the explainer fails: KeyError" in reasons["bad/picky", "toy/total"]
    assert reasons["bad/unfit", "toy/total"] == "it does not like the colour"
    failed = rows[rows.status == "failed"]
    assert set(failed.image) == {-1}
    assert failed.value.isna().all()
    assert set(rows[rows.explainer == "bad/unfit"].status) == {"skipped"}
    assert "--retry does again what failed" in ran.said
    monkeypatch.setenv("TOY_MENDED", "1")
    metrics = ("toy/total", "bad/raises", "bad/few")
    assert bench(explainers=explainers, metrics=metrics).bytes == ran.bytes
    mended = bench("--retry", explainers=explainers, metrics=metrics).rows
    assert list(mended[mended.score == "mended"].value) == [1.0] * 7


def test_a_metric_that_needs_masks_is_skipped_without_them(bench, photos):
    for path in photos.iterdir():
        with Image.open(path) as picture:
            opaque = picture.convert("RGB")
        opaque.save(path)
    rows = bench().rows
    skipped = rows[rows.metric == "toy/inside"]
    assert set(skipped.status) == {"skipped"}
    assert set(skipped.reason) == {"the metric needs masks of the objects, and some image has none"}


def test_a_full_disk_ends_in_one_line_and_leaves_nothing_half_written(bench):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (7000, before[1]))  # maps fit, a unit does not
    try:
        ran = bench(explainers=("control/constant",), metrics=("toy/total",))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert ran.code == 2
    assert ran.said.strip().splitlines()[-1].startswith("Error: ")
    assert "File too large" in ran.said
    assert not [path for path in ran.out.rglob("*") if ".part" in path.name]
    assert not list((ran.out / "units").iterdir())
    assert bench(explainers=("control/constant",), metrics=("toy/total",)).code == 0


def test_the_folder_says_what_was_run_and_which_file_holds_what(bench):
    ran = bench()
    facts = json.loads((ran.out / "run.json").read_text())
    assert facts["finished"] >= facts["started"]
    assert facts["spec"]["models"] == [
        {
            "model": "toy/net",
            "weights": "random",
            "images": "",
            "layer": "",
            "label": "",
            "parameters": {},
        }
    ]
    assert len(facts["units"]) == 2 * 2 * 3
    for each in facts["units"]:
        assert (ran.out / "units" / f"{each['address']}.parquet").exists()
    for each in facts["explanations"]:
        assert (ran.out / "explanations" / f"{each['address']}.safetensors").exists()
        assert len(each["images"]) == len(each["targets"])
    assert facts["models"][0]["images"] == "toy_net@random"
    pictures = sorted((ran.out / "images/toy_net@random").iterdir())
    assert [path.name for path in pictures] == [f"{number:04d}.png" for number in range(7)]
    with Image.open(pictures[0]) as picture:
        assert picture.size == (12, 12)
    assert set(facts["provenance"]) >= {"commit", "machine", "torch", "captum-deconvnet"}


def test_targets_are_predictions_labels_or_numbers(bench, photos):
    predicted = bench().rows.groupby("image").target.first()
    net = load_for_command("toy/net", "random")
    for number in range(7):
        rgba = Image.open(photos / f"p{number}.png")
        paper = Image.new("RGBA", rgba.size, (128,) * 3)
        seen = net.transform(Image.alpha_composite(paper, rgba).convert("RGB"))[None]
        assert predicted[number] == int(net.model(seen).argmax())
    for number, path in enumerate(sorted(photos.iterdir())):
        folder = photos / ("owl" if number % 2 else "Cat")
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
    rows = bench("--target=label", out="labels").rows
    folders = rows.image_name.str.split("/").str[0]
    assert set(zip(folders, rows.target, strict=True)) == {("owl", 2), ("Cat", 0)}
    (photos / "owl").rename(photos / "bat")
    assert "'bat' is no class of toy/net" in bench("--target=label", out="no").said


def test_unknown_names_bring_near_ones_in_one_line(bench):
    for arguments, wanted in {
        ("explainers", "gradiant"): "Unknown explainer 'gradiant'. Nearest: gradient",
        ("metrics", "toy/totl"): "Unknown metric 'toy/totl'. Nearest: toy/total",
    }.items():
        ran = bench(**{arguments[0]: (arguments[1],)})
        assert ran.code == 2
        assert wanted in ran.said
        assert ran.said.count("\n") == 1


def test_scores_do_not_move_when_the_engine_is_counted(toy):
    """Counting passes hangs a hook on the model; ours must work the same under it."""
    net = load_for_command("toy/net", "random").model
    images = torch.rand(2, 3, 12, 12)
    plain = cdn.Occlusion(net, method="incremental")
    bare = plain.attribute(images, (3, 4, 4), (3, 2, 2), target=1)
    hook = net.register_forward_hook(lambda *given: None)
    hooked = cdn.Occlusion(net, method="incremental")
    assert torch.equal(hooked.attribute(images, (3, 4, 4), (3, 2, 2), target=1), bare)
    hook.remove()


@pytest.mark.parametrize("out_of_range", [-1])
def test_a_negative_class_is_refused(bench, out_of_range):
    ran = bench(f"--target={out_of_range}")
    assert ran.code == 2
    assert "a class number was expected" in ran.said


def test_parameters_are_the_models_then_the_runs_then_the_defaults(toy):
    models = ["a", {"model": "b", "parameters": {"metrics": {"toy/total": {"places": 5}}}}]
    given = {"metrics": {"toy/total": {"places": 4}}}
    spec = spec_of({"models": models, "images": "x", "metrics": "toy/*", "parameters": given})
    chosen = selections(spec)
    places = {name: dict(found.metrics[0].parameters) for name, found in chosen.items()}
    assert places == {"a": {"places": 4}, "b": {"places": 5}}
    assert dict(chosen["a"].metrics[1].parameters) == {}
    for wrong, wanted in {
        "toy/totl": "Unknown name under parameters.metrics 'toy/totl'. Nearest: toy/total",
        "toy/inside": "Unknown parameter of metric 'places'. toy/inside has: none.",
    }.items():
        bad = {"metrics": {wrong: {"places": 4}}}
        with pytest.raises(UnknownNameError, match=wanted):
            selections(spec_of({"models": "a", "images": "x", "parameters": bad}))
