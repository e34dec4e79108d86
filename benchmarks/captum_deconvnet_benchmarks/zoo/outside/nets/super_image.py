"""super_image: nets that enlarge a picture."""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from captum_deconvnet_benchmarks.zoo.outside.net import Net

TABLE: dict[str, dict[str, Any]] = {
    "A2n": {},
    "Awsrn": {},
    "Carn": {},
    "Ddbpn": {},
    "Drln": {},
    "Drn": {},
    "Edsr": {"n_resblocks": 4, "n_feats": 16},
    "Mdsr": {"n_resblocks": 4, "n_feats": 16},
    "Msrn": {},
    "Pan": {},
    "Rcan": {"n_resgroups": 2, "n_resblocks": 2, "n_feats": 16},
}
"""By name: what the configuration changes."""


def build(name: str, options: dict[str, Any]) -> nn.Module:
    """A net that doubles the size."""
    import super_image

    config = getattr(super_image, f"{name}Config")(scale=2, **options)
    made: nn.Module = getattr(super_image, f"{name}Model")(config)
    return made


def nets() -> dict[str, Net]:
    """The nets by name."""
    return {
        name.lower(): Net(partial(build, name, options), (3, 24, 24))
        for name, options in TABLE.items()
    }
