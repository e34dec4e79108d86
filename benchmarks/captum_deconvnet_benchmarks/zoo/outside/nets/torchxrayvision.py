"""torchxrayvision: nets for chest X-rays."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net


def nets() -> dict[str, Net]:
    """The nets by name."""
    from torchxrayvision import autoencoders, models

    return {
        "densenet121": Net(models.DenseNet, (1, 64, 64)),
        "densenet121_14_classes": Net(partial(models.DenseNet, num_classes=14), (1, 96, 96)),
        "densenet_small": Net(
            partial(models.DenseNet, growth_rate=12, block_config=(2, 2, 2, 2)), (1, 64, 64)
        ),
        "resnet_autoencoder_50": Net(
            autoencoders.ResNetAE50, (1, 224, 224), lambda output: output["out"]
        ),
    }
