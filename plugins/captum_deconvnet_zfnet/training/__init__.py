"""Training: recipes as data, one loop, checkpoints that survive a kill."""
