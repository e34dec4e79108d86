"""Galleries: the strongest activations of every map over many images, and their projections."""

from captum_deconvnet.gallery.layer_top import LayerTop
from captum_deconvnet.gallery.scan import top_activations
from captum_deconvnet.gallery.top_activations import TopActivations

__all__ = ["LayerTop", "TopActivations", "top_activations"]
