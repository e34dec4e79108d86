"""Occlusion: what covering parts of an image does to a model (Zeiler & Fergus, Fig. 7)."""
