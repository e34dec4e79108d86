"""``deconvnet project``: its facts against the plain model, its errors in one line each."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

MODEL = "torchvision/squeezenet1_1"
POOL = "features.2"  # 7 by 7 pixels, one every 4, from pixel 0: two unpadded 3 by 3 steps of 2


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(3)
    return torchvision.models.squeezenet1_1(weights=None).eval()


@pytest.fixture
def weights(net, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(net.state_dict(), path)
    return path


@pytest.fixture
def facts(deconvnet, photograph, weights):
    """Run ``project`` with ``--json -`` and return the facts."""

    def call(*options):
        result = deconvnet(
            "project", MODEL, photograph, "--weights", weights, "--json", "-", *options
        )
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return call


@pytest.fixture
def plain(net, photograph):
    """The activations (C, H, W) of the plain model on the photograph, found with hooks."""
    preset = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.transforms()
    kept = {}

    def watch(path):
        def note(module, arguments, output):
            kept[path] = output[0].clone()  # the next ReLU works in place

        return note

    hooks = [module.register_forward_hook(watch(path)) for path, module in net.named_modules()]
    with torch.no_grad():
        net(preset(Image.open(photograph))[None])
    for hook in hooks:
        hook.remove()
    return kept


def shown(facts):
    return [unit for layer in facts["layers"] for unit in layer["shown"]]


def test_the_strongest_unit_is_where_the_plain_model_is_strongest(facts, plain):
    (unit,) = shown(facts("--layers", POOL))
    maps = plain[POOL]
    channel, row, column = np.unravel_index(int(maps.argmax()), tuple(maps.shape))
    assert (unit["channel"], unit["row"], unit["column"]) == (channel, row, column)
    assert unit["activation"] == pytest.approx(float(maps.max()), rel=1e-6)


def test_the_strongest_map_has_the_largest_sum_in_the_plain_model(facts, plain):
    (found,) = shown(facts("--layers", "features.5", "--select", "strongest-map"))
    sums = plain["features.5"].sum(dim=(1, 2))
    assert found["channel"] == int(sums.argmax())
    assert found["sum"] == pytest.approx(float(sums.max()), rel=1e-5)
    assert found["box"] == {"top": 0, "left": 0, "bottom": 224, "right": 224}


def test_a_units_activation_is_the_plain_models(facts, plain):
    (unit,) = shown(facts("--layers", POOL, "--unit", "5,6,7"))
    assert unit["activation"] == pytest.approx(float(plain[POOL][5, 6, 7]), rel=1e-6)


def test_a_layer_before_an_in_place_relu_keeps_its_own_activations(facts, plain):
    maps = plain["features.0"]
    row, column = divmod(int(maps[5].argmin()), maps.shape[2])
    assert maps[5, row, column] < 0
    (unit,) = shown(facts("--layers", "features.0", "--unit", f"5,{row},{column}"))
    assert unit["activation"] == pytest.approx(float(maps[5, row, column]), rel=1e-6)


def test_the_box_of_a_unit_is_the_one_worked_out_by_hand(facts):
    (unit,) = shown(facts("--layers", POOL, "--unit", "5,6,7"))
    assert unit["box"] == {"top": 24, "left": 28, "bottom": 31, "right": 35}
    field = facts("--layers", POOL)["layers"][0]["receptive_field"]
    assert field == {"size": [7, 7], "jump": [4, 4], "start": [0, 0]}


def test_gradient_mode_has_the_extremes_of_autograd(facts, net, photograph):
    (unit,) = shown(facts("--layers", "features.5", "--unit", "3,10,10", "--relu", "gradient"))
    preset = torchvision.models.SqueezeNet1_1_Weights.DEFAULT.transforms()
    image = preset(Image.open(photograph))[None].requires_grad_()
    value = net.features[:6](image)[0, 3, 10, 10]
    (gradient,) = torch.autograd.grad(value, image)
    projection = gradient * value.detach()  # the seed is the activation, as in the paper
    extremes = unit["projections"]["gradient"]
    assert extremes["max"] == pytest.approx(float(projection.max()), rel=1e-4)
    assert extremes["min"] == pytest.approx(float(projection.min()), rel=1e-4)


def test_several_units_come_strongest_first_and_from_different_maps(facts, plain):
    units = shown(facts("--layers", POOL, "--units", "4"))
    peaks = plain[POOL].flatten(1).amax(dim=1).sort(descending=True)
    assert [unit["channel"] for unit in units] == peaks.indices[:4].tolist()


def test_several_rules_project_the_same_unit(facts):
    (unit,) = shown(facts("--layers", "features.5", "--relu", "deconvnet", "--relu", "guided"))
    assert list(unit["projections"]) == ["deconvnet", "guided"]
    assert unit["projections"]["deconvnet"] != unit["projections"]["guided"]


def test_layers_default_to_the_stages_in_order(facts, deconvnet):
    listed = json.loads(deconvnet("layers", MODEL, "--json").stdout)["layers"]
    stages = [layer["path"] for layer in listed if layer["stage"]]
    assert [layer["layer"] for layer in facts()["layers"]] == stages


def test_the_receipt_counts_what_the_network_has(facts):
    receipt = facts("--layers", POOL)["receipts"]["deconvnet"]
    ran = {entry["module"]: entry for entry in receipt["entries"] if entry["kind"] == "paper"}
    assert [ran[f"features.{index}"]["rule"] for index in range(3)] == [
        "transposed filter",
        "rectify",
        "switches",
    ]


def test_the_figure_is_written_where_asked_and_said(deconvnet, photograph, weights, tmp_path):
    out = tmp_path / "figure.png"
    result = deconvnet(
        "project", MODEL, photograph, "--weights", weights, "--layers", POOL, "--out", out
    )
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert f"wrote {out}\n" in result.stderr
    with Image.open(out) as figure:
        assert figure.width > figure.height > 100


@pytest.mark.parametrize("ending", ["pdf", "svg", "jpg"])
def test_the_figures_format_is_that_of_its_ending(deconvnet, photograph, tmp_path, ending):
    out = tmp_path / f"figure.{ending}"
    result = deconvnet(
        "project", MODEL, photograph, "--weights", "random", "--layers", POOL, "--out", out
    )
    assert result.exit_code == 0, result.output
    starts = {"pdf": b"%PDF", "svg": b"<?xml", "jpg": b"\xff\xd8\xff"}
    assert out.read_bytes().startswith(starts[ending])


def test_without_an_output_the_figure_is_named_after_the_image_and_the_model(
    deconvnet, photograph, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    result = deconvnet("project", MODEL, photograph, "--weights", "random", "--layers", POOL)
    assert result.exit_code == 0, result.output
    name = "photograph-torchvision-squeezenet1_1-random-projections.png"
    assert f"wrote {name}\n" in result.stderr
    assert (tmp_path / name).is_file()


def test_random_weights_are_named_as_such(deconvnet, photograph, tmp_path):
    result = deconvnet(
        "project", MODEL, photograph, "--weights", "random", "--layers", POOL, "--json", "-"
    )
    assert "untrained" in result.stderr
    assert json.loads(result.stdout)["weights"] == "random"


def test_safetensors_weights_give_the_same_facts(facts, net, deconvnet, photograph, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file(net.state_dict(), path)
    result = deconvnet(
        "project", MODEL, photograph, "--weights", path, "--json", "-", "--layers", POOL
    )
    assert json.loads(result.stdout)["layers"] == facts("--layers", POOL)["layers"]


@pytest.fixture
def refused(fails, photograph):
    """``project`` on the photograph with options that it must refuse in one line."""

    def call(*options, image=photograph, model=MODEL):
        return fails("project", model, image, "--weights", "random", "--json", "-", *options)

    return call


def test_an_unknown_model_is_one_line_with_near_names(refused):
    assert MODEL in refused(model="torchvision/squeezenet1_2")


def test_an_unknown_layer_is_one_line_with_near_names(refused):
    assert "features.2" in refused("--layers", "feature.2")


def test_a_channel_outside_the_layer_is_one_line(refused):
    assert "64 channels, 0 to 63; channel 64" in refused("--layers", POOL, "--unit", "64")


def test_a_position_outside_the_map_is_one_line(refused):
    assert "row 55" in refused("--layers", POOL, "--unit", "0,55,0")


def test_a_missing_image_is_one_line(refused, tmp_path):
    assert "No such file" in refused(image=tmp_path / "absent.jpg")


def test_a_folder_for_an_image_is_one_line(refused, tmp_path):
    assert "directory" in refused(image=tmp_path)


def test_a_text_file_for_an_image_is_one_line(refused, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no image")
    assert "not an image" in refused(image=path)


def test_an_output_in_a_missing_folder_is_one_line(refused, tmp_path):
    assert "No such folder" in refused("--out", tmp_path / "absent" / "figure.png")


def test_a_state_dict_that_does_not_fit_is_one_line_that_names_a_key(fails, photograph, tmp_path):
    path = tmp_path / "other.pth"
    torch.save(torch.nn.Conv2d(1, 1, 1).state_dict(), path)
    line = fails("project", MODEL, photograph, "--weights", path, "--json", "-")
    assert "features.0.weight" in line


def test_a_weights_file_cut_short_is_one_line(fails, photograph, weights):
    weights.write_bytes(weights.read_bytes()[:1000])
    assert str(weights) in fails("project", MODEL, photograph, "--weights", weights, "--json", "-")


def test_weights_that_are_not_numbers_are_one_line(fails, photograph, net, tmp_path):
    state = {name: value.clone() for name, value in net.state_dict().items()}
    state["features.0.weight"][0, 0, 0, 0] = float("nan")
    torch.save(state, tmp_path / "nan.pth")
    line = fails("project", MODEL, photograph, "--weights", tmp_path / "nan.pth", "--json", "-")
    assert "NaN" in line


@pytest.mark.parametrize("unit", ["twelve", "1,2", "-1", "1,2,3,4", ""])
def test_a_unit_that_is_not_one_is_a_usage_error(deconvnet, photograph, unit):
    result = deconvnet("project", MODEL, photograph, "--unit", unit)
    assert result.exit_code == 2
    assert "is not CHANNEL or CHANNEL,ROW,COLUMN" in result.stderr


def test_an_ending_that_is_no_figure_format_is_a_usage_error(deconvnet, photograph):
    result = deconvnet("project", MODEL, photograph, "--out", "figure.bmp")
    assert result.exit_code == 2
    assert ".png" in result.stderr


def test_a_position_within_a_whole_map_is_a_usage_error(deconvnet, photograph):
    result = deconvnet("project", MODEL, photograph, "--select", "strongest-map", "--unit", "1,2,3")
    assert result.exit_code == 2
    assert "keeps all positions" in result.stderr
