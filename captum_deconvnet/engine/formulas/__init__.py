"""Activation functions spelled out in arithmetic, and the backward rules of what they compute."""
