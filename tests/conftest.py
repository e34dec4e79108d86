"""What every test shares: fixed seeds, and the slow reference on the import path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
torch.set_num_threads(1)  # the nets are small: more threads only wait, and for minutes under xdist


@pytest.fixture(autouse=True)
def _fixed_seed():
    torch.manual_seed(20131112)
