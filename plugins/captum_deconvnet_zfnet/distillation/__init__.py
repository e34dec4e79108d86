"""Distillation: a net learns what another net sees in photographs without labels."""
