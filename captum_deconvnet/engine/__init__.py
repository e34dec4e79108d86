"""The engine: one forward pass recorded, signals taken back through it."""
