"""What a piece of work is: everything that decides its numbers; its digest is its address."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import torch

from captum_deconvnet_benchmarks.protocol.explainer import Explainer
from captum_deconvnet_benchmarks.protocol.metric import Metric

PACKAGES = ("captum-deconvnet", "captum", "torch")


def code_versions(device: torch.device) -> dict[str, str]:
    """The versions that numbers may depend on, and the kind of device."""
    return {name: version(name) for name in PACKAGES} | {"device": device.type}


def plain_json(parameters: Mapping[str, Any]) -> str:
    """Parameters as JSON, always in the same order."""
    return json.dumps(dict(parameters), sort_keys=True)


def address_of(identity: Mapping[str, Any]) -> str:
    """Thirty-two hexadecimal digits of plain values."""
    return hashlib.sha256(plain_json(identity).encode()).hexdigest()[:32]


@dataclass(frozen=True)
class BlockIdentity:
    """One block of one model's images, with all that decides what is measured on it.

    Args:
        model: its label.
        weights: the digest of its weights.
        layer: that explainers look at.
        start: the first image.
        names: the images.
        digest: of their inputs and regions.
        targets: their classes.
        seed: of the run.
        versions: of the code.
    """

    model: str
    weights: str
    layer: str | None
    start: int
    names: tuple[str, ...]
    digest: str
    targets: tuple[int, ...]
    seed: int
    versions: tuple[tuple[str, str], ...]

    def explanation(self, explainer: Explainer) -> str:
        """The address of the maps that an explainer gives here."""
        return address_of({"place": self._facts(), "explainer": _facts(explainer)})

    def unit(self, explainer: Explainer, metric: Metric) -> str:
        """The address of the scores that a metric gives these maps."""
        facts = {"explainer": _facts(explainer), "metric": _facts(metric)}
        return address_of({"place": self._facts(), **facts})

    def _facts(self) -> dict[str, Any]:
        return dict(vars(self))


def _facts(row: Explainer | Metric) -> dict[str, Any]:
    return {"name": row.name, "parameters": dict(row.parameters), "version": row.version}


@dataclass(frozen=True)
class Unit:
    """One unit of work: a metric's scores of an explainer's maps of one block."""

    identity: BlockIdentity
    explainer: Explainer
    metric: Metric

    @property
    def address(self) -> str:
        """The digest of all that decides its scores."""
        return self.identity.unit(self.explainer, self.metric)

    def facts(self) -> dict[str, Any]:
        """What all its rows share."""
        return {
            "model": self.identity.model,
            "weights": self.identity.weights,
            "explainer": self.explainer.name,
            "explainer_parameters": plain_json(self.explainer.parameters),
            "control": self.explainer.control,
            "metric": self.metric.name,
            "metric_parameters": plain_json(self.metric.parameters),
            "metric_version": self.metric.version,
            "better": self.metric.better or "",
            "unit": self.address,
        }
