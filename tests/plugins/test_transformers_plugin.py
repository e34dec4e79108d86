"""Nets of transformers: from a folder and back, with their processor, and projected right."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import captum_deconvnet as cdn
from captum_deconvnet.errors import UnknownNameError, WeightsError
from captum_deconvnet.registry import Registry, load_model

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

SMALL = {
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 1, 1]},
    "convnext": {"hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 2, 1]},
    "convnextv2": {"hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 2, 1]},
    "regnet": {
        "embedding_size": 8, "hidden_sizes": [8, 16, 16, 24], "depths": [1, 1, 1, 1],
        "groups_width": 8,
    },
    "mobilenet_v1": {"depth_multiplier": 0.25},
    "mobilenet_v2": {"depth_multiplier": 0.35},
    "efficientnet": {"width_coefficient": 0.25, "depth_coefficient": 0.5, "hidden_dim": 320},
    "bit": {"embedding_size": 8, "hidden_sizes": [8, 16, 16, 24], "depths": [1, 1, 1, 1],
            "num_groups": 4},
    "levit": {"hidden_sizes": [16, 24, 32], "num_attention_heads": [2, 2, 2], "depths": [1, 1, 1],
              "key_dim": [8, 8, 8]},
    "poolformer": {"hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 1, 1]},
    "focalnet": {"embed_dim": 8, "hidden_sizes": [8, 12, 16, 20], "depths": [1, 1, 1, 1]},
    "swiftformer": {"embed_dims": [8, 12, 16, 20], "depths": [1, 1, 1, 1]},
}  # fmt: skip
"""One small net of each family."""

PRODUCTS = {"focalnet", "swiftformer"}
"""Their blocks multiply two activations, neither of them a gate, which the receipt lists."""


def config_of(kind, **more):
    names = {0: "pear", 1: "plum", 2: "fig"}
    return transformers.AutoConfig.for_model(
        kind, id2label=names, label2id={name: n for n, name in names.items()}, **SMALL[kind], **more
    )


def saved(kind, path):
    torch.manual_seed(7)
    config = config_of(kind)
    config.architectures = []
    net = transformers.AutoModelForImageClassification.from_config(config).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    net.save_pretrained(path)
    return net


@pytest.fixture
def picture():
    rows, columns = np.mgrid[0:300, 0:260] / 300
    pixels = np.stack([rows, columns, np.sin(30 * rows * columns) / 2 + 0.5], axis=-1)
    return Image.fromarray((255 * pixels).astype(np.uint8))


def prepared(net, picture, size):
    """A small input, where the net takes any size."""
    side = size[-1] if type(net).__name__.startswith("Levit") else 64
    pixels = np.asarray(picture.resize((side, side)), dtype=np.float32)
    return torch.tensor(pixels).permute(2, 0, 1)[None] / 127.5 - 1


@pytest.mark.parametrize("kind", sorted(SMALL))
def test_a_folder_loads_and_its_projections_are_right(kind, tmp_path, picture):
    net = saved(kind, tmp_path / "net")
    loaded = load_model(f"transformers/{tmp_path}/net")
    assert loaded.categories == ("pear", "plum", "fig")
    inputs = prepared(net, picture, loaded.input_size)
    with torch.no_grad():
        assert torch.equal(loaded.model(inputs), net(inputs).logits)
    layer = loaded.stages[-1]
    loaded.model.double()  # random weights make signals too small for 32 bits
    inputs = inputs.double()
    by_autograd, unit = gradient(loaded.model, inputs, layer)
    recording = cdn.record(loaded.model, inputs, layer, relu="gradient")
    ours = recording.project([cdn.Unit(0, layer, *unit, 1.0)], seed=1.0)
    assert torch.allclose(ours, by_autograd, rtol=0, atol=1e-12 * float(by_autograd.abs().max()))
    receipt = cdn.record(loaded.model, inputs, layer).receipt
    fallbacks = {entry.operation for entry in receipt.entries if entry.kind == "fallback"}
    assert fallbacks == ({"mul"} if kind in PRODUCTS else set())


def gradient(model, inputs, layer):
    """The gradient of a layer's strongest unit by autograd, and that unit's place."""
    kept = {}
    watch = model.get_submodule(layer).register_forward_hook(
        lambda module, args, output: kept.update(maps=output)
    )
    image = inputs.clone().requires_grad_()
    model(image)
    watch.remove()
    maps = kept["maps"][0]
    place = np.unravel_index(int(maps.argmax()), maps.shape)
    (found,) = torch.autograd.grad(maps[tuple(place)], image)
    return found, tuple(map(int, place))


def test_the_processor_of_the_folder_prepares_pictures(tmp_path, picture):
    saved("resnet", tmp_path)
    processor = transformers.ConvNextImageProcessor(
        size={"shortest_edge": 96}, crop_pct=0.875, image_mean=[0.4, 0.5, 0.6], image_std=[0.2] * 3
    )
    processor.save_pretrained(tmp_path)
    loaded = load_model(f"transformers/{tmp_path}")
    found = loaded.transform(picture)
    expected = processor(picture, return_tensors="pt")["pixel_values"][0]
    assert torch.equal(found, expected)
    assert loaded.input_size == (3, 96, 96)
    mean, std = torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1), 0.2
    assert torch.allclose(loaded.inverse_transform(found), (found * std + mean), atol=1e-4)


def test_a_backbone_gives_its_last_map(tmp_path):
    config = config_of("resnet", out_features=["stage2", "stage4"])
    net = transformers.AutoBackbone.from_config(config).eval()
    net.save_pretrained(tmp_path)
    loaded = load_model(f"transformers/{tmp_path}")
    inputs = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.model(inputs), net(inputs).feature_maps[-1])
    assert loaded.categories == ()


def test_a_kind_has_its_default_configuration_and_random_weights():
    loaded = load_model("transformers/mobilenet_v2", "random")
    assert loaded.weights is None
    assert loaded.categories == ()
    with pytest.raises(WeightsError, match="name a repository or a folder"):
        load_model("transformers/mobilenet_v2", "DEFAULT")


def test_a_checkpoint_of_other_classes_is_taken(tmp_path):
    saved("resnet", tmp_path)
    five = config_of("resnet")
    five.architectures, five.num_labels = [], 5
    net = transformers.AutoModelForImageClassification.from_config(five).eval()
    weights = {f"model.{key}": value for key, value in net.state_dict().items()}
    loaded = load_model(f"transformers/{tmp_path}", weights={"state_dict": weights})
    inputs = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded.model(inputs), net(inputs).logits)


def test_a_folder_without_its_head_is_refused(tmp_path):
    transformers.AutoModel.from_config(config_of("resnet")).save_pretrained(tmp_path)
    with pytest.raises(WeightsError, match=r"lack 2 tensors .*classifier"):
        load_model(f"transformers/{tmp_path}")


@pytest.mark.parametrize(
    ("name", "kind"),
    [("resent", UnknownNameError), ("resnet.a1", UnknownNameError)],
)
def test_an_unknown_name_is_one_clear_line(name, kind):
    with pytest.raises(kind, match="Nearest: transformers/resnet"):
        load_model(f"transformers/{name}")


def test_a_damaged_folder_is_one_clear_line(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(WeightsError, match="transformers cannot load the folder") as error:
        load_model(f"transformers/{tmp_path}")
    assert "\n" not in str(error.value)


def test_registering_imports_nothing_heavy():
    code = (
        "import sys; from captum_deconvnet.registry import Registry;"
        "import captum_deconvnet_transformers as plugin; found = Registry(entry_points=());"
        "found.register(plugin, 'transformers'); print('transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


@pytest.fixture(autouse=True)
def _registered(monkeypatch):
    """The plugin, whether or not this environment's metadata names it."""
    import captum_deconvnet_transformers as plugin
    from captum_deconvnet.registry import models

    found = Registry()
    if "transformers" not in found.sources:
        found.register(plugin, "transformers")
    monkeypatch.setattr(models, "process_registry", lambda: found)
