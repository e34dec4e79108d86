"""Nets whose input is no picture: volumes, EEG (electrodes by time), sound."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.libraries import Net, each

TIMM_3D = """
    resnet18 resnet26d vgg11 vgg11_bn densenet121 efficientnet_b0 mobilenetv2_035 seresnet18
    convnext_atto
    """


def timm_3d() -> dict[str, Net]:
    """Timm's nets for volumes."""
    import timm_3d

    return each(
        TIMM_3D,
        lambda name: Net(
            partial(timm_3d.create_model, name, pretrained=False, num_classes=5), (3, 32, 32, 32)
        ),
    )


SEGMENTERS_3D = "Unet UnetPlusPlus Linknet FPN PSPNet MAnet DeepLabV3Plus"


def segmentation_models_pytorch_3d() -> dict[str, Net]:
    """Segmenters for volumes."""
    import segmentation_models_pytorch_3d as library

    return each(
        SEGMENTERS_3D,
        lambda name: Net(
            partial(getattr(library, name), "resnet18", encoder_weights=None), (3, 32, 32, 32)
        ),
    )


ELECTRODES, TIMES = 22, 1000
FREQUENCY = 250

BRAINDECODE = """
    ATCNet AttentionBaseNet BDTCN CTNet Deep4Net EEGConformer EEGInceptionERP
    EEGInceptionMI EEGITNet EEGNet EEGNeX EEGSimpleConv EEGTCNet FBCNet FBLightConvNet FBMSNet
    HybridNet IFNet MSVTNet SCCNet ShallowFBCSPNet SincShallowNet SPARCNet TIDNet TSception
    SleepStagerBlanco2020 SleepStagerChambon2018 SSTDPN
    """


def braindecode() -> dict[str, Net]:
    """Nets for EEG, whose input is electrodes by time."""
    from braindecode import models

    size = {"n_chans": ELECTRODES, "n_outputs": 4, "n_times": TIMES, "sfreq": FREQUENCY}
    return each(
        BRAINDECODE, lambda name: Net(partial(getattr(models, name), **size), (ELECTRODES, TIMES))
    )


def torchaudio() -> dict[str, Net]:
    """Conv nets on sound."""
    from torchaudio import models

    tasnet = partial(
        models.ConvTasNet,
        enc_num_feats=32,
        msk_num_feats=16,
        msk_num_hidden_feats=32,
        msk_num_layers=3,
        msk_num_stacks=2,
    )
    return {
        "conv_tasnet": Net(tasnet, (1, 800)),
        "wav2letter_waveform": Net(partial(models.Wav2Letter, 10, "waveform", 1), (1, 8000)),
        "wav2letter_mfcc": Net(partial(models.Wav2Letter, 10, "mfcc", 13), (13, 200)),
    }
