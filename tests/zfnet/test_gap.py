"""The paper's five layers with the mean over positions in place of layers 6 and 7."""

import safetensors.torch
import torch

from captum_deconvnet import load_model
from captum_deconvnet_zfnet.architecture import ARCHITECTURES
from captum_deconvnet_zfnet.network import build


def fitted(classes=7, seed=0):
    torch.manual_seed(seed)
    return build(ARCHITECTURES["zfnet_gap"], classes).eval()


def test_the_layers_below_the_mean_are_those_of_the_papers_net_with_batch_norm():
    with_mean, papers = fitted(), build(ARCHITECTURES["zfnet_bn"], 7)
    for number in range(1, 6):
        mine = with_mean.get_submodule(f"layer{number}")
        assert str(mine) == str(papers.get_submodule(f"layer{number}"))


def test_its_logits_are_layer_8_of_the_mean_over_positions():
    net, pictures = fitted(), torch.rand(2, 3, 224, 224)
    below = torch.nn.Sequential(*list(net)[:6])
    mean = below(pictures).flatten(2).sum(2) / 36
    expected = mean @ net.layer8.weight.T + net.layer8.bias
    torch.testing.assert_close(net(pictures), expected)


def test_it_takes_pictures_of_any_size():
    assert [fitted()(torch.rand(1, 3, side, side)).shape for side in (96, 128, 300)] == [(1, 7)] * 3


def test_its_weights_load_with_their_number_of_classes_at_224_pixels(tmp_path):
    net = fitted(classes=7)
    net.get_buffer("input.mean").fill_(0.25)
    safetensors.torch.save_file(net.state_dict(), tmp_path / "net.safetensors")
    loaded = load_model("zfnet/zfnet_gap", tmp_path / "net.safetensors")
    assert loaded.input_size == (3, 224, 224)
    pictures = torch.rand(2, 3, 224, 224)
    assert torch.equal(loaded.model(pictures), net(pictures))


def test_it_is_small_enough_to_be_shipped_in_half_precision():
    net = build(ARCHITECTURES["zfnet_gap"], 1000)
    bytes_in_half = sum(2 * each.numel() for each in net.state_dict().values())
    assert bytes_in_half < 8_000_000
