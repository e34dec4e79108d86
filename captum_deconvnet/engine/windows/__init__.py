"""Receptive fields, and the backward pass of many units at once, each in its receptive field."""
