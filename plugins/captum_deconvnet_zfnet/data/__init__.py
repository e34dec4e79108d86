"""Labelled pictures: read, ordered, cropped."""
