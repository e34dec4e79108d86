"""Galleries: the strongest activations of every map over many images, and their projections."""
