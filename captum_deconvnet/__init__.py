"""Zeiler-Fergus deconvnet projections for Captum, on any torchvision or timm conv net."""

__version__ = "0.1.0"
