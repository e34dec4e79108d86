"""Recording: the model runs as it always does, and is left as it was found."""

from __future__ import annotations

import copy
import threading

import pytest
import reference
import torch
import torch.nn.functional as F
import torchvision
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn

EXACT = {"rtol": 1e-10, "atol": 1e-10}


def double_image(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def small_net(seed=1):
    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(3, 6, 3, padding=1),
        nn.BatchNorm2d(6),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, padding=1),
        nn.Dropout(),
        nn.Conv2d(6, 4, 3, padding=1),
        nn.ReLU(inplace=True),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 3),
    )
    return net.double().eval()


ZOO = ["alexnet", "resnet18", "squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5"]
ZOO += ["densenet121", "googlenet", "mnasnet0_5", "efficientnet_b0", "convnext_tiny", "vgg11_bn"]


@pytest.mark.parametrize("name", ZOO)
def test_the_output_of_a_real_model_is_bit_identical_under_recording(name):
    """Must hold: the same output, bit for bit, in float32."""
    options = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    model = torchvision.models.get_model(name, weights=None, num_classes=4, **options).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        plain = model(images)
    assert torch.equal(cdn.record(model, images).output, plain)


def test_captured_activations_are_those_a_hook_would_see():
    """Keys are module paths, or the modules themselves."""
    net, images = small_net(), double_image(2, 3, 8, 8)
    recording = cdn.record(net, images, ("3", net[6], "9"))
    with torch.no_grad():
        assert torch.equal(recording.activations["3"], net[:4](images))
        assert torch.equal(recording.activations["6"], net[:7](images))
        assert torch.equal(recording.activations[net[6]], net[:7](images))
        assert torch.equal(recording.activations["9"], net(images))


def test_one_layer_may_be_given_without_a_sequence():
    net, images = small_net(), double_image(1, 3, 8, 8)
    for layer in ("3", net[3]):
        recording = cdn.record(net, images, layer)
        with torch.no_grad():
            assert torch.equal(recording.activations["3"], net[:4](images))


def test_recorded_tensors_carry_no_graph():
    """They could not be freed otherwise."""
    recording = cdn.record(small_net(), double_image(1, 3, 8, 8), "3")
    assert not recording.output.requires_grad
    assert not recording.activations["3"].requires_grad
    assert not recording.project(recording.strongest("3")).requires_grad


def state_of(model):
    """Everything a careless engine could leave changed."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    modules = [
        (name, type(module), module.training, getattr(module, "inplace", None), module.forward)
        for name, module in model.named_modules()
    ]
    hooked = [len(getattr(module, hook)) for module in model.modules() for hook in hooks]
    parameters = [
        (name, parameter.requires_grad, parameter.grad, parameter._version)
        for name, parameter in model.named_parameters()
    ]
    return modules, hooked, parameters


def assert_untouched(model, before, values):
    assert state_of(model) == before
    assert all(torch.equal(values[name], value) for name, value in model.state_dict().items())


@pytest.mark.parametrize("relu", ["deconvnet", "guided", "gradient", "adjoint"])
def test_the_model_and_the_image_are_left_as_found(relu):
    """Parameters, modes, hooks, requires_grad, in-place flags; the image too."""
    net, image = small_net(), double_image(2, 3, 8, 8)
    net[0].weight.requires_grad_(False)
    net[4].train(False)
    before, values = state_of(net), copy.deepcopy(net.state_dict())
    original, version = image.clone(), image._version
    recording = cdn.record(net, image, ("3", "9"), relu=relu)
    recording.project(recording.strongest("3"))
    assert_untouched(net, before, values)
    assert torch.equal(image, original)
    assert (image._version, image.requires_grad, image.grad) == (version, False, None)


class Exploding(nn.Module):
    def forward(self, x):
        raise ZeroDivisionError("a fault in the model itself")


def test_the_model_is_left_as_found_when_it_raises():
    """Also after an exception, which arrives unchanged."""
    net, image = small_net(), double_image(1, 3, 8, 8)
    net[7] = Exploding()
    before, values = state_of(net), copy.deepcopy(net.state_dict())
    with pytest.raises(ZeroDivisionError, match="a fault in the model itself"):
        cdn.record(net, image, "3")
    assert_untouched(net, before, values)
    assert not F.relu(torch.tensor([-1.0], requires_grad=True)).any()  # torch is itself again


def test_gradients_of_the_caller_are_left_alone():
    """An image that requires grad, and parameters that hold gradients."""
    net, image = small_net(), double_image(1, 3, 8, 8).requires_grad_()
    net(image).sum().backward()
    kept = [parameter.grad.clone() for parameter in net.parameters()], image.grad.clone()
    recording = cdn.record(net, image, "3")
    recording.project(recording.strongest("3"))
    assert image.requires_grad
    assert image.is_leaf
    assert torch.equal(image.grad, kept[1])
    for parameter, gradient in zip(net.parameters(), kept[0], strict=True):
        assert torch.equal(parameter.grad, gradient)


def test_an_in_place_relu_as_the_first_operation_does_not_reach_the_image():
    """The plain model would overwrite the caller's picture; a recording does not."""
    net = nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 2, 3)).double()
    image = double_image(1, 3, 6, 6)
    original = image.clone()
    recording = cdn.record(net, image, "1")
    assert torch.equal(image, original)
    with torch.no_grad():
        assert torch.equal(recording.output, net(original.clone()))
    seed = reference.one_hot(recording.output, 1, 1, 1)
    expected = reference.project(net, original, seed).detach()
    assert_close(recording.project([cdn.Unit(0, "1", 1, 1, 1)], seed=1.0), expected, **EXACT)


def test_grad_mode_of_the_caller_makes_no_difference():
    net, image, units = small_net(), double_image(1, 3, 8, 8), [cdn.Unit(0, "9", 1)]
    with torch.enable_grad():
        graded = cdn.record(net, image, "9").project(units, seed=1.0)
    with torch.no_grad():
        recording = cdn.record(net, image, "9", relu="deconvnet")
        assert torch.equal(recording.project(units, seed=1.0), graded)
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("size", [2, 5])
def test_an_image_projects_the_same_in_any_batch(project, size):
    """Row k of a batch is that image alone."""
    net, images = small_net(), double_image(size, 3, 8, 8)
    batched = project(net, images, "6", 2, 1, 3)
    for k in range(size):
        alone = project(net, images[k : k + 1], "6", 2, 1, 3)
        assert_close(batched[k : k + 1], alone, **EXACT)


def test_permuting_a_batch_permutes_its_projections(project):
    net, images, order = small_net(), double_image(4, 3, 8, 8), [2, 0, 3, 1]
    projections = project(net, images, "6", 2, 1, 3)
    assert_close(project(net, images[order], "6", 2, 1, 3), projections[order], **EXACT)


def test_different_units_of_different_images_and_layers_project_at_once():
    """Each in its own row, in the order asked for, repeats included."""
    net, images = small_net(), double_image(3, 3, 8, 8)
    recording = cdn.record(net, images, ("3", "6", "9"))
    units = [
        cdn.Unit(2, "6", 1, 0, 3),
        cdn.Unit(0, "9", 2),
        cdn.Unit(1, "3", 5, 2, 2),
        cdn.Unit(2, "6", 1, 0, 3),
        cdn.Unit(0, "6", 3, 3, 0),
    ]
    together = recording.project(units, seed=1.0)
    assert together.shape == (5, 3, 8, 8)
    for unit, projection in zip(units, together, strict=True):
        image = images[unit.image : unit.image + 1]
        layers = net[: int(unit.layer) + 1]
        index = (unit.channel, unit.row, unit.column) if unit.layer != "9" else (unit.channel,)
        seed = reference.one_hot(layers(image), *index)
        assert_close(projection, reference.project(layers, image, seed)[0].detach(), **EXACT)


def test_no_units_project_to_an_empty_batch():
    recording = cdn.record(small_net(), double_image(1, 3, 8, 8), "3")
    assert recording.project([]).shape == (0, 3, 8, 8)


def test_the_default_seed_is_the_activation():
    """Zeiler & Fergus: keep its value; Captum's seed is 1. They differ by that factor."""
    net, image = small_net(), double_image(1, 3, 8, 8)
    recording = cdn.record(net, image, "6")
    units = recording.strongest("6")
    ones = recording.project(units, seed=1.0)
    values = torch.tensor([unit.value for unit in units], dtype=torch.float64).view(-1, 1, 1, 1)
    assert values.any()
    assert_close(recording.project(units), values * ones, **EXACT)
    assert_close(recording.project(units, seed="activation"), values * ones, **EXACT)


def test_projecting_twice_gives_the_same_bits():
    """Deterministic unpooling."""
    recording = cdn.record(small_net(), double_image(2, 3, 9, 9), "9")
    units = [cdn.Unit(n, "9", channel) for n in range(2) for channel in range(3)]
    first = recording.project(units, seed=1.0)
    assert torch.equal(recording.project(units, seed=1.0), first)


TOLERANCES = {torch.float32: 1e-5, torch.float16: 2e-2, torch.bfloat16: 1e-1}


@pytest.mark.parametrize("dtype", TOLERANCES, ids=str)
def test_lower_precision_projects_to_the_same_picture(dtype, project):
    """float32 within 1e-5 of float64; the half types within theirs; the dtype is kept."""
    net, image = small_net(), double_image(1, 3, 16, 16)
    net[3] = nn.AvgPool2d(2)  # no switch to flip by rounding
    exact = project(net, image, "9", 1)
    net, image = net.to(dtype), image.to(dtype)
    with torch.no_grad():
        plain = net(image)
    recording = cdn.record(net, image, "9")
    assert torch.equal(recording.output, plain)
    projection = recording.project([cdn.Unit(0, "9", 1)], seed=1.0)
    assert projection.dtype == dtype
    assert (projection.double() - exact).abs().max() <= TOLERANCES[dtype] * exact.abs().max()


def test_channels_last_makes_no_difference(project):
    """The memory format is not part of the answer."""
    net, image = small_net().float(), torch.randn(2, 3, 16, 16)
    plain = project(net, image, "6", 1, 2, 3)
    net = net.to(memory_format=torch.channels_last)
    image = image.contiguous(memory_format=torch.channels_last)
    assert_close(project(net, image, "6", 1, 2, 3), plain, rtol=1e-5, atol=1e-6)


def test_a_tensor_with_strides_of_its_own_makes_no_difference(project):
    net, image = small_net(), double_image(1, 8, 8, 3).permute(0, 3, 1, 2)
    strided = project(net, image, "6", 1, 2, 3)
    assert_close(strided, project(net, image.contiguous(), "6", 1, 2, 3), **EXACT)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16], ids=str)
def test_the_gpu_projects_as_the_cpu_does(dtype, project):
    net, image = small_net(), double_image(2, 3, 16, 16)
    expected = project(net, image, "6", 1, 2, 3)
    moved = project(net.to("cuda", dtype), image.to("cuda", dtype), "6", 1, 2, 3)
    assert moved.device.type == "cuda"
    assert moved.dtype == dtype
    tolerance = {torch.float64: 1e-10, torch.float32: 1e-3, torch.float16: 5e-2}[dtype]
    assert (moved.cpu().double() - expected).abs().max() <= tolerance * expected.abs().max()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_forward_output_on_the_gpu_is_bit_identical():
    """Must hold on any device."""
    net, image = small_net().float().cuda(), torch.randn(2, 3, 16, 16, device="cuda")
    with torch.no_grad():
        plain = net(image)
    assert torch.equal(cdn.record(net, image).output, plain)


def test_autocast_by_the_caller_is_followed():
    """Mixed precision: the recorded output is what the model gives under the same autocast."""
    net, image = small_net().float(), torch.randn(1, 3, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with torch.no_grad():
            plain = net(image)
        recording = cdn.record(net, image, "9")
        projection = recording.project([cdn.Unit(0, "9", 1)], seed=1.0)
    assert torch.equal(recording.output, plain)
    exact = cdn.record(net, image, "9").project([cdn.Unit(0, "9", 1)], seed=1.0)
    assert projection.shape == exact.shape
    assert torch.nn.functional.cosine_similarity(
        projection.flatten().double(), exact.flatten().double(), dim=0
    ) > 0.95  # fmt: skip


def test_two_threads_project_two_models_at_once():
    """Nothing is shared between recordings; each thread gets what it would get alone."""
    nets = [small_net(seed) for seed in range(2)]
    images = [double_image(2, 3, 16, 16) for _ in range(2)]
    units = [cdn.Unit(n, "6", channel, 2, 3) for n in range(2) for channel in range(4)]
    alone = [
        cdn.record(net, image, "6").project(units, seed=1.0)
        for net, image in zip(nets, images, strict=True)
    ]
    together, faults = [[], []], []
    start = threading.Barrier(2)

    def work(which):
        try:
            start.wait()
            for _ in range(20):
                recording = cdn.record(nets[which], images[which], "6")
                together[which].append(recording.project(units, seed=1.0))
        except BaseException as fault:
            faults.append(fault)
            raise

    threads = [threading.Thread(target=work, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    for which in range(2):
        assert len(together[which]) == 20
        assert all(torch.equal(projection, alone[which]) for projection in together[which])


def test_two_threads_may_project_from_one_recording():
    """A recording is only read while it is projected."""
    recording = cdn.record(small_net(), double_image(2, 3, 16, 16), "6")
    units = [cdn.Unit(n, "6", channel, 2, 3) for n in range(2) for channel in range(4)]
    expected, seen = recording.project(units, seed=1.0), []

    def work():
        seen.extend(recording.project(units, seed=1.0) for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 20
    assert all(torch.equal(projection, expected) for projection in seen)


def saved_by_autograd(model, images):
    """Bytes autograd keeps for one forward pass, each storage once, parameters not counted."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = model(images.requires_grad_())
    del output
    return sum(size for pointer, (size, _) in kept.items() if pointer not in own)


def test_a_recording_keeps_a_twentieth_of_what_autograd_saves():
    """Must hold (resnet50), here at a small size."""
    model = torchvision.models.resnet50(num_classes=2).eval()
    images = torch.randn(4, 3, 96, 96)
    assert cdn.record(model, images).nbytes <= saved_by_autograd(model, images) / 20


def test_captured_layers_are_counted_in_what_a_recording_keeps():
    net, images = small_net(), double_image(4, 3, 32, 32)
    without, captured = cdn.record(net, images).nbytes, cdn.record(net, images, "6")
    assert without > 0
    assert captured.nbytes >= without


def test_the_receipt_lists_every_operation_once_and_its_kind():
    """Which rule ran, and whether the paper, the adjoint or we said so."""
    recording = cdn.record(small_net(), double_image(1, 3, 8, 8), "9")
    kinds = {entry.module: entry.kind for entry in recording.receipt.entries}
    assert kinds["0"] == "paper"
    assert kinds["1"] == "adjoint"
    assert kinds["2"] == "paper"
    assert kinds["3"] == "paper"
    assert kinds["5"] == "paper"
    assert kinds["7"] == "adjoint"
    assert kinds["9"] == "paper"
    assert sum(recording.receipt.counts.values()) == sum(
        entry.count for entry in recording.receipt.entries
    )
    for entry in recording.receipt.entries:
        assert entry.operation in str(recording.receipt)


def test_extra_forward_arguments_reach_the_model(project):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.top = nn.Conv2d(3, 2, 3).double(), nn.Identity()

        def forward(self, x, scale, offset=0.0):
            return self.top(self.conv(x) * scale + offset)

    net, image = Scaled(), double_image(1, 3, 5, 5)
    scaled = project(net, image, "top", 1, 1, 1, additional_forward_args=(4.0, 2.0))
    seed = reference.one_hot(net.conv(image), 1, 1, 1, value=4.0)
    assert_close(scaled, reference.project([net.conv], image, seed).detach(), **EXACT)
    single = project(net, image, "top", 1, 1, 1, additional_forward_args=4.0)
    assert_close(single, scaled, **EXACT)
