"""Bad input: one clear line each, and nothing left behind."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import captum_deconvnet as cdn
from captum_deconvnet import errors


def net():
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 2, 3)]
    return nn.Sequential(*layers).double().eval()


class Named(nn.Module):
    """Module paths worth misspelling."""

    def __init__(self):
        super().__init__()
        self.features = net()
        self.spare = nn.Conv2d(3, 3, 1).double()
        self.pair = Pair()
        self.classifier = nn.Linear(2, 5).double()

    def forward(self, x):
        return self.classifier(self.pair(self.features(x))[0].mean((2, 3)))


class Pair(nn.Module):
    def forward(self, x):
        return x, -x


def double_image(*shape):
    return torch.randn(*shape, dtype=torch.float64)


IMAGE = (2, 3, 12, 12)


def one_line(raised):
    """The message of the error, which must be one line and say something."""
    message = str(raised.value)
    assert message
    assert "\n" not in message
    return message


def assert_nothing_left(model):
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    assert not any(getattr(module, hook) for module in model.modules() for hook in hooks)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(parameter.grad is None for parameter in model.parameters())
    # torch is itself again: its own relu still has its own gradient
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    F.relu(x).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_image_that_is_not_finite_is_refused(value):
    model, image = net(), double_image(*IMAGE)
    image[1, 2, 3, 4] = value
    with pytest.raises(errors.NonFiniteError) as raised:
        cdn.record(model, image, "4")
    message = one_line(raised).lower()
    assert "input" in message or "image" in message
    assert_nothing_left(model)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["4.weight", "0.bias", "1.running_var"])
def test_a_weight_that_is_not_finite_is_refused_by_name(name, value):
    model = net()
    model.state_dict()[name].flatten()[0] = value
    with pytest.raises(errors.NonFiniteError) as raised:
        cdn.record(model, double_image(*IMAGE), "4")
    module = name.split(".")[0]
    assert name in one_line(raised) or f"'{module}'" in one_line(raised)
    assert_nothing_left(model)


@pytest.mark.parametrize("shape", [(2, 1, 12, 12), (2, 4, 12, 12), (2, 12, 12, 3)])
def test_a_wrong_number_of_channels_is_refused_with_both_numbers(shape):
    model = net()
    with pytest.raises(errors.ModelError) as raised:
        cdn.record(model, double_image(*shape), "4")
    assert "3" in one_line(raised)
    assert str(shape[1]) in one_line(raised)
    assert_nothing_left(model)


def test_an_image_too_small_for_the_model_is_refused():
    model = net()
    with pytest.raises(errors.CaptumDeconvnetError) as raised:
        cdn.record(model, double_image(1, 3, 4, 4), "4")
    one_line(raised)
    assert_nothing_left(model)


@pytest.mark.parametrize("image", ["cat.png", None, [[1.0]], 7])
def test_something_that_is_not_a_tensor_is_refused(image):
    model = net()
    with pytest.raises(errors.CaptumDeconvnetError) as raised:
        cdn.record(model, image, "4")
    one_line(raised)
    assert_nothing_left(model)


@pytest.mark.parametrize(
    ("wrong", "near"),
    [("features.5", "features.4"), ("feature", "features"), ("clasifier", "classifier")],
)
def test_an_unknown_layer_is_answered_with_near_names(wrong, near):
    model = Named()
    with pytest.raises(errors.UnknownNameError) as raised:
        cdn.record(model, double_image(*IMAGE), wrong)
    assert wrong in one_line(raised)
    assert near in one_line(raised)
    assert_nothing_left(model)


def test_a_module_of_another_model_is_not_a_layer():
    model = Named()
    with pytest.raises(errors.CaptumDeconvnetError) as raised:
        cdn.record(model, double_image(*IMAGE), nn.Conv2d(3, 4, 3))
    one_line(raised)
    assert_nothing_left(model)


def test_a_layer_that_does_not_run_is_refused_by_name():
    model = Named().eval()
    with pytest.raises(errors.LayerError) as raised:
        cdn.record(model, double_image(*IMAGE), "spare")
    assert "spare" in one_line(raised)
    assert_nothing_left(model)


def test_a_layer_that_is_not_one_tensor_is_refused_by_name():
    model = Named().eval()
    with pytest.raises(errors.LayerError) as raised:
        cdn.record(model, double_image(*IMAGE), "pair")
    assert "pair" in one_line(raised)
    assert_nothing_left(model)


OUTSIDE = {
    "channel": cdn.Unit(0, "2", 4, 0, 0),
    "negative channel": cdn.Unit(0, "2", -1, 0, 0),
    "row": cdn.Unit(0, "2", 0, 10, 0),
    "column": cdn.Unit(0, "2", 0, 0, 10),
    "negative row": cdn.Unit(0, "2", 0, -1, 0),
    "image": cdn.Unit(2, "2", 0, 0, 0),
    "negative image": cdn.Unit(-1, "2", 0, 0, 0),
}


@pytest.mark.parametrize("what", OUTSIDE)
def test_a_unit_outside_its_map_is_refused_with_what_is_allowed(what):
    """The layer's shape is (2, 4, 10, 10)."""
    model = net()
    recording = cdn.record(model, double_image(*IMAGE), "2")
    with pytest.raises(errors.UnitError) as raised:
        recording.project([cdn.Unit(0, "2", 0, 0, 0), OUTSIDE[what]])
    message = one_line(raised)
    assert what.split()[-1] in message
    assert {"channel": "4", "image": "2"}.get(what.split()[-1], "10") in message
    assert_nothing_left(model)


def test_a_unit_of_a_layer_that_was_not_recorded_is_refused():
    recording = cdn.record(net(), double_image(*IMAGE), "2")
    with pytest.raises(errors.CaptumDeconvnetError) as raised:
        recording.project([cdn.Unit(0, "4", 0, 0, 0)])
    assert "4" in one_line(raised)


def test_activations_of_a_layer_that_was_not_recorded_are_refused():
    recording = cdn.record(net(), double_image(*IMAGE), "2")
    with pytest.raises(LookupError):
        recording.activations["4"]
    with pytest.raises(errors.CaptumDeconvnetError):
        recording.strongest("4")


def test_a_model_without_a_convolution_is_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    with pytest.raises(errors.ModelError) as raised:
        cdn.record(model, double_image(1, 3, 2, 2), "1")
    assert "convolution" in one_line(raised)
    assert_nothing_left(model)


def test_a_model_that_is_not_a_module_is_refused():
    with pytest.raises(errors.ModelError) as raised:
        cdn.record(lambda x: x, double_image(*IMAGE))
    one_line(raised)


def test_batch_norm_in_train_mode_is_refused_by_name_and_learns_nothing():
    """Its running statistics are as they were."""
    model = Named().train()
    norm = model.features[1]
    before = norm.running_mean.clone(), norm.running_var.clone(), int(norm.num_batches_tracked)
    with pytest.raises(errors.TrainModeError) as raised:
        cdn.record(model, double_image(*IMAGE), "features.4")
    message = one_line(raised)
    assert "features.1" in message
    assert "eval" in message
    assert torch.equal(norm.running_mean, before[0])
    assert torch.equal(norm.running_var, before[1])
    assert int(norm.num_batches_tracked) == before[2]
    assert all(module.training for module in model.modules())
    assert_nothing_left(model)


def test_functional_batch_norm_in_train_mode_is_refused():
    """By whatever module calls it."""

    class Training(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3).double()

        def forward(self, x):
            return F.batch_norm(self.conv(x), None, None, training=True)

    with pytest.raises(errors.TrainModeError) as raised:
        cdn.record(Training().eval(), double_image(*IMAGE))
    one_line(raised)


def test_batch_norm_without_statistics_is_refused_in_eval_too():
    """It mixes the images of a batch in either mode."""
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2, track_running_stats=False))
    with pytest.raises(errors.TrainModeError) as raised:
        cdn.record(model.double().eval(), double_image(*IMAGE))
    assert "'1'" in one_line(raised) or " 1" in one_line(raised)


def test_a_batch_norm_in_train_mode_that_does_not_run_is_no_fault():
    model = Named().eval()
    model.spare = nn.BatchNorm2d(3).double().train()
    recording = cdn.record(model, double_image(*IMAGE), "features.4")
    assert recording.output.shape == (2, 5)


def recorded(model, image):
    return cdn.record(model, image, "4")


def attributed(model, image):
    return cdn.DeconvNet(model).attribute(image, (0, 0, 0))


@pytest.mark.parametrize("explain", [recorded, attributed])
def test_inference_mode_is_refused(explain):
    model, image = net(), double_image(*IMAGE)
    with torch.inference_mode(), pytest.raises(errors.InferenceModeError) as raised:
        explain(model, image)
    assert "no_grad" in one_line(raised) or "inference" in one_line(raised)
    assert_nothing_left(model)


@pytest.mark.parametrize("explain", [recorded, attributed])
def test_images_and_models_made_in_inference_mode_are_projected_as_any_other(explain):
    torch.manual_seed(0)
    model, image = net(), double_image(*IMAGE)
    with torch.inference_mode():
        torch.manual_seed(0)
        made, there = net(), double_image(*IMAGE)

    def projected(model, image):
        found = explain(model, image)
        units = cdn.Unit(0, "4", 1)
        return found if isinstance(found, torch.Tensor) else found.project(units)

    want = projected(model, image)
    assert torch.equal(projected(model, there), want)
    assert torch.equal(projected(made, image), want)
    assert made[0].weight.is_inference()


class Product(nn.Module):
    """Two activations multiplied, inside a module with a path worth naming."""

    def __init__(self):
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 2, 3).double(), nn.Conv2d(3, 2, 3).double()
        self.crossing = Crossing()

    def forward(self, x):
        return self.crossing(self.left(x), self.right(x))


class Crossing(nn.Module):
    def forward(self, a, b):
        return a * b


def test_strict_names_the_module_and_the_operation_it_has_no_rule_for():
    """strict=True raises when any fallback ran."""
    model = Product()
    with pytest.raises(errors.UnsupportedOperationError) as raised:
        cdn.record(model, double_image(*IMAGE), "crossing", strict=True)
    assert "crossing" in one_line(raised)
    assert "mul" in one_line(raised)
    assert_nothing_left(model)


def test_strict_attribution_raises_too():
    model = Product()
    with pytest.raises(errors.UnsupportedOperationError) as raised:
        cdn.DeconvNet(model, strict=True).attribute(double_image(*IMAGE), (0, 0, 0))
    assert "crossing" in one_line(raised)
    assert_nothing_left(model)


def test_strict_has_nothing_against_the_paper_the_adjoint_or_an_extension():
    model = nn.Sequential(*net(), nn.SiLU(), nn.AvgPool2d(2)).eval()
    recording = cdn.record(model, double_image(*IMAGE), "4", strict=True)
    assert recording.receipt.counts.get("fallback", 0) == 0


@pytest.mark.parametrize("relu", ["deconvnets", "", 3, None])
def test_an_unknown_family_is_refused_with_the_known_ones(relu):
    with pytest.raises(errors.UnknownNameError) as raised:
        cdn.record(net(), double_image(*IMAGE), "4", relu=relu)
    assert "deconvnet" in one_line(raised)
    assert one_line(raised).endswith("Known: deconvnet, guided, gradient, adjoint.")


@pytest.mark.parametrize("seed", ["activations", None])
def test_an_unknown_seed_is_refused(seed):
    recording = cdn.record(net(), double_image(*IMAGE), "4")
    with pytest.raises(errors.CaptumDeconvnetError) as raised:
        recording.project([cdn.Unit(0, "4", 0)], seed=seed)
    one_line(raised)


def test_a_seed_that_is_not_finite_is_refused():
    recording = cdn.record(net(), double_image(*IMAGE), "4")
    with pytest.raises(errors.CaptumDeconvnetError) as raised:
        recording.project([cdn.Unit(0, "4", 0)], seed=float("nan"))
    one_line(raised)


def test_a_receptive_field_of_an_unknown_layer_is_answered_with_near_names():
    with pytest.raises(errors.UnknownNameError) as raised:
        cdn.receptive_field(Named().eval(), "featurs.4", (3, 12, 12))
    assert "features.4" in one_line(raised)


@pytest.mark.parametrize("shape", [(12, 12), (3,), (1, 2, 3, 12, 12)])
def test_a_receptive_field_needs_the_shape_of_an_image(shape):
    with pytest.raises(errors.CaptumDeconvnetError) as raised:
        cdn.receptive_field(net(), "4", shape)
    one_line(raised)
