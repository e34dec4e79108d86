"""What the registry's tests share: no plugin but those that a test registers."""

from __future__ import annotations

import pytest

from captum_deconvnet.registry import Registry


@pytest.fixture(autouse=True)
def _every_plugin_is_wanted(monkeypatch):
    monkeypatch.delenv("DECONVNET_PLUGINS", raising=False)


@pytest.fixture
def registry():
    return Registry(entry_points=())
