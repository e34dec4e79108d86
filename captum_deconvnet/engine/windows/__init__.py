"""Receptive fields, and many units taken back at once, each inside its receptive field only."""
