"""Captum's own answers, without the warnings it issues on every call."""

from __future__ import annotations

import warnings

import pytest
from captum.attr import Deconvolution, NeuronDeconvolution


def quietly(attribute, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return attribute(*args, **kwargs)


@pytest.fixture(scope="session")
def captum_deconvolution():
    """captum.attr.Deconvolution(model).attribute(...)."""
    return lambda model, *args, **kwargs: quietly(Deconvolution(model).attribute, *args, **kwargs)


@pytest.fixture(scope="session")
def captum_neuron():
    """captum.attr.NeuronDeconvolution(model, layer).attribute(...)."""
    return lambda model, layer, *args, **kwargs: quietly(
        NeuronDeconvolution(model, layer).attribute, *args, **kwargs
    )
