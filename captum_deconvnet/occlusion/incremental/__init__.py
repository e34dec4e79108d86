"""Exact incremental recomputation: of an occluded picture only what can differ is run again."""
