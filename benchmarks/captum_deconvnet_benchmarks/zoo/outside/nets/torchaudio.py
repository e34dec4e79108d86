"""torchaudio: conv nets on sound."""

from __future__ import annotations

from functools import partial

from captum_deconvnet_benchmarks.zoo.outside.net import Net


def nets() -> dict[str, Net]:
    """The nets by name."""
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
