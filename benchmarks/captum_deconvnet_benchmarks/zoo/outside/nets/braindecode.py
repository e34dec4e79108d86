"""braindecode: nets for EEG, whose input is electrodes by time."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net, each

ELECTRODES, TIMES = 22, 1000
FREQUENCY = 250

NAMES = """
    ATCNet AttentionBaseNet BDTCN CTNet Deep4Net EEGConformer EEGInceptionERP
    EEGInceptionMI EEGITNet EEGNet EEGNeX EEGSimpleConv EEGTCNet FBCNet FBLightConvNet FBMSNet
    HybridNet IFNet MSVTNet SCCNet ShallowFBCSPNet SincShallowNet SPARCNet TIDNet TSception
    SleepStagerBlanco2020 SleepStagerChambon2018 SSTDPN
    """


def nets() -> dict[str, Net]:
    """The nets by name."""
    from braindecode import models

    size = {"n_chans": ELECTRODES, "n_outputs": 4, "n_times": TIMES, "sfreq": FREQUENCY}
    return each(
        NAMES, lambda name: Net(partial(getattr(models, name), **size), (ELECTRODES, TIMES))
    )
