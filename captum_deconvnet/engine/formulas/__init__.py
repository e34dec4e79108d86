"""Activations made of several elementwise operations, and the rule of what they compute."""
