"""Other people's hooks, threads and wrappers do not change a projection."""

from __future__ import annotations

import threading

import pytest
import torch
import torchvision
from torch import nn
from torch.testing import assert_close

import captum_deconvnet as cdn
from captum_deconvnet.attribution.projected_forward import ProjectedForward


@pytest.fixture
def resnet():
    torch.manual_seed(0)
    return torchvision.models.resnet18(weights=None).eval()


@pytest.fixture
def image():
    return torch.rand(1, 3, 64, 64)


def attributions(model, image):
    return (
        cdn.DeconvNet(model).attribute(image, 3),
        cdn.NeuronDeconvNet(model, "layer3").attribute(image, (1, 2, 2)),
        cdn.LayerDeconvNet(model, "layer2").attribute(image, 3),
    )


def test_hooks_that_only_look_change_nothing(resnet, image):
    expected = attributions(resnet, image)
    for module in resnet.modules():
        module.register_forward_hook(lambda module, args, output: None)
        module.register_forward_pre_hook(lambda module, args: None)
    for ours, bare in zip(attributions(resnet, image), expected, strict=True):
        assert torch.equal(ours, bare)


def test_a_hook_that_replaces_an_output_is_followed(resnet, image):
    """A hook that halves a residual branch is the model with that branch's last norm halved."""
    handle = resnet.layer2[0].bn2.register_forward_hook(lambda module, args, output: output / 2)
    hooked = cdn.DeconvNet(resnet).attribute(image, 3)
    handle.remove()
    with torch.no_grad():
        resnet.layer2[0].bn2.weight /= 2
        resnet.layer2[0].bn2.bias /= 2
    assert_close(hooked, cdn.DeconvNet(resnet).attribute(image, 3), rtol=1e-4, atol=1e-9)


def test_a_weight_norm_that_works_by_a_hook_projects_as_its_weight(image):
    with pytest.warns(FutureWarning):
        normed = torch.nn.utils.weight_norm(nn.Conv2d(3, 4, 3))
    plain = nn.Conv2d(3, 4, 3)
    plain.load_state_dict({"weight": normed.weight.detach(), "bias": normed.bias.detach()})
    nets = [nn.Sequential(conv, nn.ReLU(), nn.Flatten()).eval() for conv in (normed, plain)]
    ours, expected = (cdn.DeconvNet(net).attribute(image, 100) for net in nets)
    assert_close(ours, expected)


def test_threads_that_share_a_backbone_get_what_one_thread_gets(resnet, image):
    heads = [nn.Sequential(resnet, nn.ReLU(), nn.Linear(1000, 3)).eval() for _ in range(4)]
    expected = [
        cdn.NeuronDeconvNet(head, resnet.layer3).attribute(image, (1, 2, 2)) for head in heads
    ]
    found = {}

    def attribute(number):
        deconvnet = cdn.DeconvNet(heads[number])
        found[number] = [deconvnet.attribute(image, 1) for _ in range(3)]

    alone = [cdn.DeconvNet(head).attribute(image, 1) for head in heads]
    threads = [threading.Thread(target=attribute, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert expected[0].any()
    for number, projection in enumerate(alone):
        assert all(torch.equal(one, projection) for one in found[number])


def test_modules_taken_whole_by_overlapping_threads_get_their_forward_back():
    class Act(nn.Module):
        def forward(self, x):
            return x.clamp(min=0)

    net = nn.Sequential(nn.Conv2d(1, 2, 3), Act(), nn.Flatten()).eval()
    rules = {Act: cdn.rules.rectify}

    def record():
        for _ in range(20):
            cdn.record(net, torch.rand(1, 1, 8, 8), "1", rules=rules)

    threads = [threading.Thread(target=record) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "forward" not in vars(net[1])


def test_data_parallel_on_a_cpu_is_the_model_itself(resnet, image):
    wrapped = nn.DataParallel(resnet)
    ours = cdn.DeconvNet(wrapped).attribute(image, 3)
    assert_close(ours, cdn.DeconvNet(resnet).attribute(image, 3))


def test_what_a_profiler_marks_is_recorded_as_it_is(image):
    class Marked(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x):
            with torch.profiler.record_function("marked"):
                return self.conv(x).relu().flatten(1)

    model = Marked().eval()
    plain = nn.Sequential(model.conv, nn.ReLU(), nn.Flatten())
    ours = cdn.DeconvNet(model).attribute(image, 9)
    assert_close(ours, cdn.DeconvNet(plain).attribute(image, 9))


@pytest.mark.filterwarnings("ignore:.*torch.jit.script")
def test_a_scripted_submodule_is_recorded_operation_by_operation(image):
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x):
            return torch.relu(self.conv(x))

    inner = Inner().eval()
    scripted = nn.Sequential(torch.jit.script(inner), nn.Flatten()).eval()
    plain = nn.Sequential(inner, nn.Flatten()).eval()
    assert scripted(image).shape == plain(image).shape
    ours = cdn.DeconvNet(scripted, strict=True).attribute(image, 77)
    assert_close(ours, cdn.DeconvNet(plain).attribute(image, 77))


def test_weights_that_change_before_the_gradient_is_taken_are_refused(image):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten()).eval()
    image.requires_grad_()
    output = ProjectedForward(net, 1)(image)
    with torch.no_grad():
        net[0].weight.add_(1)
    with pytest.raises(cdn.errors.ModelError, match=r"'0.weight' changed since the recording"):
        torch.autograd.grad(output.sum(), image)
