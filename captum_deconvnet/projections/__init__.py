"""Projections of one image, layer by layer: figure, checks, commands (Zeiler & Fergus, Fig. 2)."""
